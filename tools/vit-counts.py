"""Writes tests/models/golden/vit-counts.json: for every Vision Transformer that timm can build, its parameters and preprocessing.

Per name: the number of parameters, SHA-256 of the sorted lines "name [shape]" of its state, the number of labels, the tag of timm's
default weights and their preprocessing. Models are built on the meta device, so nothing is allocated. Run with timm 1.0.29:  python tools/vit-counts.py
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
from timm.models import list_models, vision_transformer, vision_transformer_hybrid, deit  # noqa: E402

OUT = pathlib.Path(__file__).parent.parent / "tests" / "models" / "golden" / "vit-counts.json"


def modules():
    for module in (vision_transformer, deit, vision_transformer_hybrid):
        short = module.__name__.rsplit(".", 1)[1]
        for name in sorted(list_models(module=short)):
            yield short, name


def describe(name):
    model = timm.create_model(name, device="meta")
    lines = sorted(f"{key} [{','.join(map(str, value.shape))}]" for key, value in model.state_dict().items())
    cfg = model.pretrained_cfg
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "state": hashlib.sha256("\n".join(lines).encode()).hexdigest(),
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


def main():
    models = {}
    for module, name in modules():
        try:
            models[name] = {"module": module, **describe(name)}
        except Exception as error:  # a backbone that needs real numbers to find its own size
            print(f"{name}: {error}")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    text = ",\n".join(f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in models.items())
    OUT.write_text("{\n" + text + "\n}\n")
    print(len(models), "models,", timm.__version__)


main()
