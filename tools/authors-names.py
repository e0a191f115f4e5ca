"""Writes tests/models/golden/authors.json: what the authors' own code says of every size of Swin, Swin V2, TNT and the masked autoencoder.

    python tools/authors-names.py SWIN TNT MAE

Three folders: copies of microsoft/Swin-Transformer (f82860b), of `tnt_pytorch` of huawei-noah/Efficient-AI-Backbones (25531f7; once CV-Backbones),
and of facebookresearch/mae (efb2a80). Swin has a model for each of its files in `configs/swin`, `configs/swinv2`, and of fine-tuning in
`configs/simmim`; the others for each of their functions.

`models`, per model: the number of trained parameters, and its state, buffers too, as `pattern: shape`. In a pattern `{0-5}` and `{weight,bias}` stand
for all of these. A model whose state is another's has that one's name instead. These are built on the meta device, so nothing is allocated.
`small`, per family: arguments, state, and what comes out of a small model whose trained parameters are all `drawn` (vit-variants-golden.py) from
their names, for images that are `drawn`, too, in float64.
"""

import importlib.util
import json
import pathlib
import sys
from functools import partial

import numpy
import torch
import yaml

here = pathlib.Path(__file__).parent


def module(path):
    spec = importlib.util.spec_from_file_location(path.stem.replace("-", "_"), path)
    made = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


drawn = module(here / "vit-variants-golden.py").drawn

import timm.layers  # noqa: E402
import timm.models.vision_transformer as vit  # noqa: E402

# What the authors' code expects of its time: places of timm, an argument of its block, a name of numpy, a list of numbers where nothing is allocated.
sys.modules["timm.models.layers"] = timm.layers
sys.modules["timm.models.helpers"] = timm.models._builder
sys.modules["timm.models.registry"] = timm.models._registry
block = vit.Block
vit.Block = lambda *args, qk_scale=None, **kwargs: block(*args, **kwargs)
numpy.float = float
torch.linspace = partial(torch.linspace, device="cpu")

SWIN, TNT, MAE = map(pathlib.Path, sys.argv[1:])
sys.path.insert(0, str(MAE))
swins = {"swin": module(SWIN / "models" / "swin_transformer.py").SwinTransformer}
swins["swinv2"] = module(SWIN / "models" / "swin_transformer_v2.py").SwinTransformerV2
tnt = module(TNT / "tnt.py")
models_mae = module(MAE / "models_mae.py")
models_vit = module(MAE / "models_vit.py")


def swin(path):
    config = yaml.safe_load(path.read_text())
    data, kind = config.get("DATA", {}), config["MODEL"]["TYPE"]
    sizes = {key.lower(): value for key, value in config["MODEL"][kind.upper()].items()}
    # As their data/build.py sets it.
    labels = 21841 if data.get("DATASET") == "imagenet22K" else 1000
    return swins[kind](img_size=data.get("IMG_SIZE", 224), num_classes=labels, **sizes)


def published():
    for part in ("swin/", "swinv2/", "simmim/simmim_finetune"):
        for path in sorted(SWIN.glob(f"configs/{part}*.yaml")):
            yield path.stem, partial(swin, path)
    for name in ("tnt_s_patch16_224", "tnt_b_patch16_224"):
        yield name, getattr(tnt, name)
    for size in ("base_patch16", "large_patch16", "huge_patch14"):
        yield f"mae_vit_{size}", getattr(models_mae, f"mae_vit_{size}")
        yield f"vit_{size} --cls_token", partial(getattr(models_vit, f"vit_{size}"), global_pool=False)
        yield f"vit_{size} --global_pool", partial(getattr(models_vit, f"vit_{size}"), global_pool=True)


def braces(parts):
    """`{0-5}` of numbers that follow each other, `{weight,bias}` of others."""
    if len(parts) == 1:
        return parts[0]
    numbers = [int(part) for part in parts if part.isdigit()]
    row = len(numbers) == len(parts) and numbers == list(range(numbers[0], numbers[-1] + 1))
    return f"{{{numbers[0]}-{numbers[-1]}}}" if row else f"{{{','.join(parts)}}}"


def state(model):
    """Names that differ in one part alone and have one shape are written together."""
    groups = [(tuple((part,) for part in name.split(".")), tuple(value.shape)) for name, value in model.state_dict().items()]
    for place in reversed(range(max(len(parts) for parts, _ in groups))):
        joined = {}
        for parts, shape in groups:
            key = (len(parts), parts[:place], parts[place + 1 :], shape)
            joined.setdefault(key, []).extend(parts[place : place + 1])
        groups = []
        for (length, before, after, shape), found in joined.items():
            middle = (tuple(part for parts in found for part in parts),) if place < length else ()
            groups.append((before + middle + after, shape))
    return {".".join(map(braces, parts)): list(shape) for parts, shape in groups}


def describe():
    # Weights are not needed, and positions are made with numpy.
    initialise, models_mae.MaskedAutoencoderViT.initialize_weights = models_mae.MaskedAutoencoderViT.initialize_weights, lambda self: None
    found = {}
    for name, build in published():
        with torch.device("meta"):
            model = build()
        entry = {"parameters": sum(p.numel() for p in model.parameters() if p.requires_grad), "state": state(model)}
        found[name] = next((other for other, one in found.items() if one == entry), entry)
    models_mae.MaskedAutoencoderViT.initialize_weights = initialise
    return found


def numbers(tensor):
    return [float(f"{x:.9g}") for x in tensor.reshape(-1).tolist()]


def small():
    side, images = 32, torch.from_numpy(drawn("image", (2, 3, 32, 32))).double()
    stages = dict(img_size=side, patch_size=4, num_classes=5, embed_dim=8, depths=[2, 2], num_heads=[2, 4], window_size=4)
    tokens = dict(img_size=side, patch_size=16, num_classes=5)
    encoder = dict(img_size=side, patch_size=8, embed_dim=16, depth=2, num_heads=2, mlp_ratio=2)
    decoder = dict(decoder_embed_dim=8, decoder_depth=1, decoder_num_heads=2)
    norm = partial(torch.nn.LayerNorm, eps=1e-6)
    noise = torch.from_numpy(drawn("noise", (2, 16))).double()
    cases = {
        "swin": (swins["swin"], stages, {}),
        "swinv2": (swins["swinv2"], stages | dict(pretrained_window_sizes=[3, 2]), {}),
        "tnt": (tnt.TNT, tokens | dict(outer_dim=24, inner_dim=8, depth=2, outer_num_heads=3, inner_num_heads=2), {}),
        "mae": (models_mae.MaskedAutoencoderViT, encoder | decoder | dict(norm_pix_loss=True), dict(norm_layer=norm)),
        "vit": (models_vit.VisionTransformer, encoder | dict(num_classes=5, global_pool=True), dict(qkv_bias=True, norm_layer=norm)),
    }
    for name, (build, args, more) in cases.items():
        model = build(**args, **more).eval()
        with torch.no_grad():
            for key, value in model.named_parameters():
                if value.requires_grad:
                    value.copy_(torch.from_numpy(numpy.array(drawn(key, tuple(value.shape)))))
            model = model.double()
            if name == "mae":
                rand, torch.rand = torch.rand, lambda *_, **__: noise
                loss, painted, _ = model(images)
                torch.rand = rand
                found = {"loss": float(loss), "painted": numbers(painted[:, ::5, ::16])}
            else:
                # timm of its time put the head on what its features are, without more.
                logits = model.head(model.forward_features(images)) if name == "vit" else model(images)
                found = {"logits": numbers(logits)}
        yield name, {"args": args, "state": state(model), **found}


def lines(entries, indent=""):
    """JSON with a line for each tensor."""
    text = [
        f"{indent}{json.dumps(name)}: "
        + (f"{{\n{lines(value, indent + ' ')}\n{indent}}}" if isinstance(value, dict) and name != "args" else json.dumps(value))
        for name, value in entries.items()
    ]
    return ",\n".join(text)


if __name__ == "__main__":
    models = describe()
    golden = here.parent / "tests" / "models" / "golden" / "authors.json"
    golden.write_text("{\n" + lines({"models": models, "small": dict(small())}) + "\n}\n")
    own = sum(isinstance(entry, dict) for entry in models.values())
    print(len(models), "models,", own, "states,", golden.stat().st_size, "bytes")
