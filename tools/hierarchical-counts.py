"""Writes tests/models/golden/hierarchical-counts.json: for timm's plain residual networks and its Swin Transformers, their parameters and preprocessing.

Not among them: residual networks with attention, other norms or blurring, and timm's third kind of Swin Transformer, swinv2_cr_*, which is
another reading of V2. Per name: the number of parameters, SHA-256 of the sorted lines "name [shape]" of its state, the number of labels, the tag
of timm's default weights and their preprocessing. For torchvision's names its own parameters and state must be timm's, and what torchvision
publishes is written, too: billions of multiply-adds, and the top-1 accuracy of each of its weights under the tag that timm has for the same file.
Models are built on the meta device, so nothing is allocated. Run with timm 1.0.29 and torchvision 0.28:  python tools/hierarchical-counts.py
"""

import hashlib
import json
import pathlib

import torch

# torchvision without its compiled operators is enough here.
register_fake = torch.library.register_fake
torch.library.register_fake = lambda name, *a, **k: (
    (lambda f: f) if str(name).startswith("torchvision::") else register_fake(name, *a, **k)
)

import timm  # noqa: E402
import torchvision  # noqa: E402
from timm.models import get_arch_pretrained_cfgs, list_models, resnet, swin_transformer, swin_transformer_v2  # noqa: E402

OUT = pathlib.Path(__file__).parent.parent / "tests" / "models" / "golden" / "hierarchical-counts.json"
RESNET_ALIKE = ("resnet", "resnext", "wide_resnet", "test_resnet")


def names():
    for module in (resnet, swin_transformer, swin_transformer_v2):
        for name in sorted(list_models(module=module.__name__.rsplit(".", 1)[1])):
            # Only the plain ones: no attention, no other normalisation, no blurring.
            if module is not resnet or (
                name.startswith(RESNET_ALIKE) and not name.endswith("_gn") and not any(x in name for x in ("aa", "blur", "rs"))
            ):
                yield name


def state(model):
    lines = sorted(f"{key} [{','.join(map(str, value.shape))}]" for key, value in model.state_dict().items())
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "state": hashlib.sha256("\n".join(lines).encode()).hexdigest(),
    }


def published(name):
    tags = {cfg.url: full.partition(".")[2] for full, cfg in get_arch_pretrained_cfgs(name).items()}
    weights = sorted(torchvision.models.get_model_weights(name), key=lambda one: one.name, reverse=True)
    return {
        "gmacs": weights[0].meta["_ops"],
        "top1": {tags[one.url]: one.meta["_metrics"]["ImageNet-1K"]["acc@1"] for one in weights},
    }


def describe(name):
    model = timm.create_model(name, device="meta")
    cfg = model.pretrained_cfg
    entry = {
        **state(model),
        "labels": model.num_classes,
        "tag": cfg["tag"],
        "preprocessing": {
            "input_size": list(cfg["input_size"]),
            "interpolation": cfg["interpolation"],
            "crop_pct": cfg["crop_pct"],
            "crop_mode": cfg.get("crop_mode", "center"),
            "mean": list(cfg["mean"]),
            "std": list(cfg["std"]),
        },
    }
    builder = getattr(torchvision.models, name, None) if name.startswith(RESNET_ALIKE) else None
    if builder:
        with torch.device("meta"):
            assert state(builder()) == state(model), name
        entry["torchvision"] = published(name)
    return entry


def main():
    models = {name: describe(name) for name in names()}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    text = ",\n".join(f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in models.items())
    OUT.write_text("{\n" + text + "\n}\n")
    print(len(models), "models,", timm.__version__, torchvision.__version__)


main()
