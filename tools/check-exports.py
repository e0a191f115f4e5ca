"""Checks that timm and transformers load what vitrine saved, and that their logits are those that vitrine computed.

    python tools/check-exports.py FOLDER...

Each FOLDER holds a saved model, and beside it lies FOLDER.logits.safetensors with `images` and the `logits` that vitrine computed; the metadata
has its `labels` as JSON. `node tools/run.mjs tools/write-exports.ts DIR` writes such folders.
Prints one line per folder; exit status 1 if one differs by more than 1e-4.
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

from safetensors import safe_open  # noqa: E402


def load(folder, config):
    """The reference's model and its names of the labels."""
    if "architecture" in config:
        import timm

        model = timm.create_model(f"local-dir:{folder}", pretrained=True)
        strict = timm.create_model(f"local-dir:{folder}", pretrained=False)
        with safe_open(folder / "model.safetensors", "pt") as file:
            strict.load_state_dict({name: file.get_tensor(name) for name in file.keys()}, strict=True)
        names = model.pretrained_cfg.get("label_names")
        return f"timm {timm.__version__}", model, lambda x: model(x), names
    import transformers

    kind = getattr(transformers, config["architectures"][0])
    model, report = kind.from_pretrained(folder, output_loading_info=True)
    assert not any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys")), report
    names = [model.config.id2label[i] for i in range(model.config.num_labels)]
    return f"transformers {transformers.__version__} {kind.__name__}", model, lambda x: model(x).logits, names


def main():
    failed = False
    for folder in map(pathlib.Path, sys.argv[1:]):
        config = json.loads((folder / "config.json").read_text())
        what, model, run, names = load(folder, config)
        model.eval()
        with safe_open(f"{folder}.logits.safetensors", "pt") as file:
            images, logits = file.get_tensor("images"), file.get_tensor("logits")
            labels = json.loads(file.metadata()["labels"])
        with torch.no_grad():
            gap = (run(images) - logits).abs().max().item()
        good = gap <= 1e-4 and (not labels or list(names) == labels)
        failed |= not good
        verdict = "ok" if good else "DIFFERENT"
        print(f"{folder.name:24} {what:56} largest difference {gap:.1e}, {len(labels)} labels  {verdict}")
    sys.exit(failed)


main()
