"""Writes src/models/timm-tags.ts: the tags of all weights that timm names for the architectures of tests/models/golden/*-counts.json, its default's first.

Weights lie on the hub under timm/NAME.TAG; where they lie under another name, it stands behind the tag, and `-` where they are not on the hub.
Tags without any weights are left out. Run with timm 1.0.29, after the tools that write the counts:  python tools/timm-tags.py
"""

import json
import pathlib

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


def tags(name):
    default = get_pretrained_cfg(name).tag
    cfgs = {full.partition(".")[2]: cfg for full, cfg in get_arch_pretrained_cfgs(name).items() if cfg.has_weights}
    for tag in sorted(cfgs, key=lambda tag: tag != default):
        place = cfgs[tag].hf_hub_id or "-"
        yield tag if place == f"timm/{name}.{tag}" else f"{tag}={place}"


names = [name for part in goldens for name in json.loads((root / f"tests/models/golden/{part}-counts.json").read_text())]
table = {name: " ".join(tags(name)) for name in names}
lines = "".join(f"{name}: {line}\n" for name, line in table.items() if line)
(root / "src" / "models" / "timm-tags.ts").write_text(
    f"/** The weights that timm {timm.__version__} names, by the architecture's name: tags, the default's first. Made by tools/timm-tags.py. */\n\n"
    "/** `name: tag …`; `tag=place` where the hub has them under another name, or not at all: `-`. */\n"
    f"export const timmTags = `\n{lines}`;\n"
)
print(len(names), "architectures,", sum(len(line.split()) for line in table.values()), "weights, timm", timm.__version__)
