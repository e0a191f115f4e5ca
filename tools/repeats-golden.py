"""Writes tests/data/golden/repeats.json: the epochs of timm's repeated augmentation in one process, beside the permutations that they are made of.

Run with torch 2.13 and timm 1.0.29:
    python tools/repeats-golden.py
"""

import contextlib
import json
import pathlib

import torch

# torchvision asks for these operators when it is imported; some builds lack them, and no sampler uses them.
for lacking in ("nms", "qnms"):
    with contextlib.suppress(RuntimeError):
        torch.library.define(f"torchvision::{lacking}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from timm.data.distributed_sampler import RepeatAugSampler  # noqa: E402

OUT = pathlib.Path(__file__).parent.parent / "tests" / "data" / "golden" / "repeats.json"
CASES = [(40, 3), (256, 2), (300, 3), (511, 4), (700, 3)]


def case(length, repeats, epoch):
    sampler = RepeatAugSampler(range(length), num_replicas=1, rank=0, num_repeats=repeats)
    sampler.set_epoch(epoch)
    # What the sampler draws, by its own seed.
    order = torch.randperm(length, generator=torch.Generator().manual_seed(epoch)).tolist()
    return {"repeats": repeats, "order": order, "epoch": list(sampler)}


cases = [case(length, repeats, epoch) for epoch, (length, repeats) in enumerate(CASES)]
OUT.write_text("[\n" + ",\n".join(json.dumps(one, separators=(",", ":")) for one in cases) + "\n]\n")
