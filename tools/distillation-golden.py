"""Writes tests/train/golden/distillation.json: losses and gradients of DeiT's distillation, computed by torch in float64 by the formulas of its losses.py.

Weights, images and the teacher's logits are not stored: both sides make them by the same rule (`drawn`).
"""

import importlib.util
import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

here = pathlib.Path(__file__).parent
spec = importlib.util.spec_from_file_location("variants", here / "vit-variants-golden.py")
variants = importlib.util.module_from_spec(spec)
spec.loader.exec_module(variants)

from timm.models.deit import VisionTransformerDistilled  # noqa: E402
from timm.models.vision_transformer import VisionTransformer  # noqa: E402

OUT = here.parent / "tests" / "train" / "golden" / "distillation.json"
tiny = dict(img_size=16, patch_size=8, embed_dim=24, depth=1, num_heads=3, num_classes=5, mlp_ratio=2.0)
WATCHED = ["head.bias", "head_dist.bias", "blocks.0.attn.qkv.bias", "pos_embed"]


def drawn(name, shape):
    return torch.from_numpy(np.array(variants.drawn(name, shape))).double()


def main():
    teacher = drawn("teacher.weight", (4, 5)) * 2
    targets = F.one_hot(torch.tensor([1, 3, 0, 4]), 5).double() * 0.9 + 0.02
    cases = []
    for token in (True, False):
        for kind, alpha, tau in [("hard", 0.5, 1.0), ("soft", 0.3, 3.0)]:
            model = (VisionTransformerDistilled if token else VisionTransformer)(**tiny).double()
            with torch.no_grad():
                for name, value in model.state_dict().items():
                    value.copy_(drawn(name, tuple(value.shape)))
            if token:
                model.set_distilled_training(True)
            out = model.train()(drawn("image", (4, 3, 16, 16)))
            own, kd = out if token else (out, out)
            base = torch.sum(-targets * F.log_softmax(own, dim=-1), dim=-1).mean()
            if kind == "soft":
                ours, theirs = F.log_softmax(kd / tau, dim=1), F.log_softmax(teacher / tau, dim=1)
                taught = F.kl_div(ours, theirs, reduction="sum", log_target=True) * (tau * tau) / kd.numel()
            else:
                taught = F.cross_entropy(kd, teacher.argmax(dim=1))
            loss = base * (1 - alpha) + taught * alpha
            loss.backward()
            grads = {n: p.grad.reshape(-1).tolist() for n, p in model.named_parameters() if n in WATCHED}
            cases.append(dict(token=token, kind=kind, weight=alpha, temperature=tau, loss=loss.item(), gradients={n: [float(f"{g:.9g}") for g in v] for n, v in grads.items()}))
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


main()
