"""Writes src/models/timm-tags.ts: the tags of all weights that timm names for the architectures of tests/models/golden/*-counts.json, its default's first.

    python tools/timm-tags.py RESULTS

RESULTS is results/results-imagenet.csv of huggingface/pytorch-image-models (4e5207c), which the package does not bring: behind each tag stands the
top-1 accuracy that it has for pictures as the weights' own configuration prepares them, and their size where it is not that of the default's.
It has others of larger pictures, which are left out.
Weights lie on the hub under timm/NAME.TAG; where they lie under another name, it stands behind the tag, and `-` where they are not on the hub.
Tags without any weights are left out. Run with timm 1.0.29, after the tools that write the counts.
"""

import csv
import json
import pathlib
import sys

import torch

# torchvision without its compiled operators is enough here.
register_fake = torch.library.register_fake
torch.library.register_fake = lambda name, *a, **k: (
    (lambda f: f) if str(name).startswith("torchvision::") else register_fake(name, *a, **k)
)

import timm  # noqa: E402
from timm.models import get_arch_pretrained_cfgs, get_pretrained_cfg  # noqa: E402

root = pathlib.Path(__file__).parent.parent
goldens = ("vit", "hierarchical", "tnt")


def accuracies():
    """By name with tag and what prepares the images."""
    with open(sys.argv[1], newline="") as file:
        rows = list(csv.DictReader(file))
    found = {prepared(row["model"], row["img_size"], row["crop_pct"], row["interpolation"]): row["top1"] for row in rows}
    assert len(found) == len(rows)
    return found


def prepared(name, side, crop, interpolation):
    return name, int(side), round(float(crop), 3), interpolation


top1 = accuracies()
without = []


def entry(name, tag, cfg, size):
    full = f"{name}.{tag}"
    known = top1.get(prepared(full, cfg.input_size[1], cfg.crop_pct, cfg.interpolation))
    if known is None and cfg.num_classes == 1000:
        without.append(full)
    place = cfg.hf_hub_id or "-"
    side = "" if cfg.input_size == size else f"@{cfg.input_size[1]}"
    return tag + (f":{float(known):g}{side}" if known else "") + ("" if place == f"timm/{full}" else f"={place}")


def tags(name):
    default = get_pretrained_cfg(name)
    cfgs = {full.partition(".")[2]: cfg for full, cfg in get_arch_pretrained_cfgs(name).items() if cfg.has_weights}
    return [entry(name, tag, cfgs[tag], default.input_size) for tag in sorted(cfgs, key=lambda tag: tag != default.tag)]


names = [name for part in goldens for name in json.loads((root / f"tests/models/golden/{part}-counts.json").read_text())]
table = {name: " ".join(tags(name)) for name in names}
lines = "".join(f"{name}: {line}\n" for name, line in table.items() if line)
(root / "src" / "models" / "timm-tags.ts").write_text(
    f"/** The weights that timm {timm.__version__} names, by the architecture's name: tags, the default's first. Made by tools/timm-tags.py. */\n\n"
    "/**\n * `name: tag:top1 …`, in percent where timm publishes it; `top1@side` of pictures of another size than the default's; `tag=place` where the hub has\n"
    " * them under another name, or not at all: `-`.\n */\n"
    f"export const timmTags = `\n{lines}`;\n"
)
entries = [one for line in table.values() for one in line.split()]
print(len(names), "architectures,", len(entries), "weights,", sum(":" in one for one in entries), "accuracies, timm", timm.__version__)
print("1000 classes and no accuracy:", *without)
