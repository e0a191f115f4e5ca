"""Checks that timm, transformers and ONNX Runtime load what vitrine exported, and that their logits are those that vitrine computed.

    python tools/check-exports.py OUT

For each OUT/NAME.logits.safetensors (`images`, the `logits` that vitrine computed, `labels` as JSON in the metadata) these are tried, where they are there: the folders
NAME-source (as `savePretrained` writes it), NAME-timm and NAME-huggingface, the graph NAME.onnx, and the weights NAME.safetensors in timm's model. Of the cards in the last
two folders the front matter is read as the hub does. `node tools/run.mjs tools/write-exports.ts OUT [PHOTO…]` writes them. Each takes batches of 1, 3 and 8 pictures. Prints a line for
each; exit status 1 if one differs by more than 1e-4.

OUT/NAME.pixels.safetensors holds what vitrine makes of the photos: `own PHOTO`, and `cut PHOTO`, which is cut where transformers cuts. AutoImageProcessor of NAME-huggingface must
give the latter: its Pillow back end to a thousandth of a grey level, its default one, which resizes with torchvision, to TORCHVISION levels.
"""

import json
import pathlib
import sys

import torch

# torchvision without its compiled operators is enough here.
register_fake = torch.library.register_fake
torch.library.register_fake = lambda name, *a, **k: (
    (lambda f: f) if str(name).startswith("torchvision::") else register_fake(name, *a, **k)
)

import onnx  # noqa: E402
import onnxruntime  # noqa: E402
import timm  # noqa: E402
import transformers  # noqa: E402
from huggingface_hub import ModelCard  # noqa: E402
from PIL import Image  # noqa: E402
from safetensors import safe_open  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from transformers import AutoImageProcessor  # noqa: E402

# Grey levels by which torchvision's resize may differ from Pillow's.
TORCHVISION = 2
# Batches of one, of an odd number, and of all pictures that were written.
BATCHES = (1, 3, 8)


def timm_folder(folder):
    model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    strict = timm.create_model(f"local-dir:{folder}", pretrained=False)
    strict.load_state_dict(load_file(folder / "model.safetensors"), strict=True)
    return f"timm {timm.__version__}", model, model.pretrained_cfg.get("label_names")


def timm_weights(file):
    """The weights alone, in the architecture that the folder beside them names."""
    folder = file.with_name(f"{file.stem}-timm")
    model = timm.create_model(f"local-dir:{folder}", pretrained=False)
    model.load_state_dict(load_file(file), strict=True)
    return "weights in timm", model.eval(), None


def huggingface_folder(folder):
    config = json.loads((folder / "config.json").read_text())
    kind = getattr(transformers, config["architectures"][0])
    model, report = kind.from_pretrained(folder, output_loading_info=True)
    assert not any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys")), report
    names = [model.config.id2label[i] for i in range(model.config.num_labels)]
    return f"transformers {transformers.__version__}", lambda x: model.eval()(x).logits, names


def onnx_graph(file):
    onnx.checker.check_model(str(file), full_check=True)
    session = onnxruntime.InferenceSession(str(file))
    run = lambda x: torch.from_numpy(session.run(None, {"images": x.numpy()})[0])  # noqa: E731
    return f"ONNX Runtime {onnxruntime.__version__}", run, json.loads(session.get_modelmeta().custom_metadata_map["labels"])


def check_card(folder, labels):
    data = ModelCard.load(folder / "README.md").data
    expected = "transformers" if folder.name.endswith("huggingface") else "timm"
    task = "image-classification" if labels else "image-feature-extraction"
    assert data.library_name == expected and data.pipeline_tag == task, data


def check_processor(file, folder):
    """What the folder's image processor makes of the photos, beside what vitrine makes of them, in grey levels."""
    pixels = load_file(file)
    photos = [name.removeprefix("own ") for name in pixels if name.startswith("own ")]
    std = torch.tensor(json.loads((folder / "preprocessor_config.json").read_text())["image_std"])[:, None, None]
    gap = lambda a, b: ((a - b) * std * 255).abs().max().item()  # noqa: E731
    worst, as_own = {}, 0
    for backend in ("pil", "torchvision"):
        processor = AutoImageProcessor.from_pretrained(folder, backend=backend)
        gaps = []
        for photo in photos:
            own, cut = pixels[f"own {photo}"], pixels[f"cut {photo}"]
            # A processor for colours makes them of grey photographs by itself; none makes grey of colours.
            image = Image.open(photo) if len(own) == 3 else Image.open(photo).convert("L")
            found = processor(image, return_tensors="pt")["pixel_values"][0]
            gaps.append(gap(found, cut))
            as_own += backend == "pil" and gap(found, own) <= 1e-3
        worst[backend] = max(gaps)
    good = worst["pil"] <= 1e-3 and worst["torchvision"] <= TORCHVISION
    said = ", ".join(f"{grey:.1e} ({backend})" for backend, grey in worst.items())
    print(
        f"{folder.name:32} image processor          grey levels differ by {said}; {as_own} of {len(photos)} photos cut where the model's are  {'ok' if good else 'DIFFERENT'}"
    )
    return good


def main():
    failed = False
    out = pathlib.Path(sys.argv[1])
    for file in sorted(out.glob("*.logits.safetensors")):
        name = file.name.removesuffix(".logits.safetensors")
        with safe_open(file, "pt") as tensors:
            images, logits = tensors.get_tensor("images"), tensors.get_tensor("logits")
            labels = json.loads(tensors.metadata()["labels"])
        forms = {
            out / f"{name}-source": timm_folder,
            out / f"{name}-timm": timm_folder,
            out / f"{name}-huggingface": huggingface_folder,
            out / f"{name}.onnx": onnx_graph,
            **({out / f"{name}.safetensors": timm_weights} if (out / f"{name}-timm").exists() else {}),
        }
        for path, load in forms.items():
            # A masked autoencoder's source has transformers' names, and its decoder; what is exported of it are features.
            if not path.exists() or (load == timm_folder and "architecture" not in json.loads((path / "config.json").read_text())):
                continue
            what, run, names = load(path)
            if path.is_dir() and not path.name.endswith("-source"):
                check_card(path, labels)
            with torch.no_grad():
                gaps = {n: (run(images[:n]) - logits[:n]).abs().max().item() for n in BATCHES}
            good = max(gaps.values()) <= 1e-4 and (names is None or list(names) == labels)
            failed |= not good
            said = ", ".join(f"{gap:.1e} of {n}" for n, gap in gaps.items())
            print(f"{path.name:32} {what:24} largest differences {said}  {'ok' if good else 'DIFFERENT'}")
        pixels, folder = out / f"{name}.pixels.safetensors", out / f"{name}-huggingface"
        if pixels.exists() and folder.exists():
            failed |= not check_processor(pixels, folder)
    sys.exit(failed)


main()
