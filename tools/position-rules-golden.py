"""Writes tests/nn/golden/position-rules.json: a grid of position embeddings resized by every rule, computed in float64 by torch and scipy;
and a patch kernel made smaller as timm's resample_patch_embed does, in float64."""

import json
import pathlib

import numpy as np
import scipy.ndimage
import torch
import torch.nn.functional as F

OUT = pathlib.Path(__file__).parent.parent / "tests" / "nn" / "golden" / "position-rules.json"
rules = {
    "timm": lambda x, size: F.interpolate(x, size=size, mode="bicubic", antialias=True),
    "huggingface": lambda x, size: F.interpolate(x, size=size, mode="bicubic", align_corners=False),
    "torchvision": lambda x, size: F.interpolate(x, size=size, mode="bicubic", align_corners=True),
    "timm-npz": lambda x, size: F.interpolate(x, size=size, mode="bilinear", antialias=False),
    "jax": lambda x, size: torch.from_numpy(
        scipy.ndimage.zoom(x.numpy(), (1, 1, size[0] / x.shape[2], size[1] / x.shape[3]), order=1)
    ),
}
grid = np.random.default_rng(7).standard_normal((5, 4, 2)).round(3)
source = torch.from_numpy(grid).permute(2, 0, 1)[None]
cases = []
for rule, resize in rules.items():
    for size in [(7, 9), (3, 2), (5, 8), (10, 4)]:
        result = resize(source, size)[0].permute(1, 2, 0)
        assert tuple(result.shape[:2]) == size
        cases.append({"rule": rule, "to": size, "values": [float(f"{x:.9g}") for x in result.flatten().tolist()]})
basis = torch.eye(12, dtype=torch.float64).reshape(12, 1, 4, 3)
matrix = F.interpolate(basis, size=(3, 2), mode="bicubic", antialias=True).squeeze(1).permute(1, 2, 0).reshape(6, 12)
weight = np.random.default_rng(8).standard_normal(24).round(3)
small = torch.from_numpy(weight).reshape(2, 12) @ torch.linalg.pinv(matrix)
kernel = {"shape": [2, 1, 4, 3], "weight": weight.tolist(), "to": [3, 2], "values": [float(f"{x:.9g}") for x in small.flatten().tolist()]}
OUT.parent.mkdir(parents=True, exist_ok=True)
OUT.write_text(json.dumps({"from": [5, 4], "grid": grid.flatten().tolist(), "cases": cases, "kernel": kernel}) + "\n")
