"""Writes tests/train/golden/*.safetensors: four whole training steps of a tiny Vision Transformer with timm's and torch's own parts.

Model, loss, gradient accumulation, clipping, optimiser and ModelEmaV3 as timm's train.py puts them together. Run with torch 2.13 and timm 1.0.29:
    python tools/training-golden.py
"""

import json
import pathlib

import torch

# torchvision without its compiled operators is enough here.
register_fake = torch.library.register_fake
torch.library.register_fake = lambda name, *a, **k: (
    (lambda f: f) if str(name).startswith("torchvision::") else register_fake(name, *a, **k)
)

from safetensors.torch import save_file  # noqa: E402
from timm.loss import BinaryCrossEntropy, SoftTargetCrossEntropy  # noqa: E402
from timm.models.vision_transformer import VisionTransformer  # noqa: E402
from timm.optim import create_optimizer_v2  # noqa: E402
from timm.utils import ModelEmaV3  # noqa: E402

OUT = pathlib.Path(__file__).parent.parent / "tests" / "train" / "golden"
STEPS, BATCH, LABELS = 4, 3, 4
CASES = {
    "lamb-bce-accumulate": {
        "optimizer": "lamb", "loss": "bce", "targetThreshold": 0.2, "accumulate": 2, "clipNorm": 0.5,
        "ema": 0.7, "emaWarmup": True, "weightDecay": 0.02, "layerDecay": 1, "learningRate": 0.01,
    },
    "adamw-soft-layer-decay": {
        "optimizer": "adamw", "loss": "cross-entropy", "targetThreshold": None, "accumulate": 1, "clipNorm": 1.0,
        "ema": 0.8, "emaWarmup": False, "weightDecay": 0.1, "layerDecay": 0.6, "learningRate": 0.005,
    },
    "lion-soft": {
        "optimizer": "lion", "loss": "cross-entropy", "targetThreshold": None, "accumulate": 3, "clipNorm": None,
        "ema": 0.9, "emaWarmup": True, "weightDecay": 0.5, "layerDecay": 1, "learningRate": 0.001,
    },
}


def write_case(name, config):
    torch.manual_seed(3)
    model = VisionTransformer(img_size=8, patch_size=4, embed_dim=8, depth=2, num_heads=2, mlp_ratio=2, num_classes=LABELS)
    for p in model.parameters():  # the head and the biases begin at zero, which would hide mistakes
        torch.nn.init.normal_(p, std=0.2)
    tensors = {f"start.{k}": v.clone() for k, v in model.state_dict().items()}
    extra = {"max_grad_norm": None} if config["optimizer"] == "lamb" else {}
    optimizer = create_optimizer_v2(
        model, opt=config["optimizer"], lr=config["learningRate"], weight_decay=config["weightDecay"],
        layer_decay=config["layerDecay"] if config["layerDecay"] < 1 else None, **extra,
    )
    for group in optimizer.param_groups:
        group["lr"] = config["learningRate"] * group.get("lr_scale", 1.0)
    ema = ModelEmaV3(model, decay=config["ema"], use_warmup=config["emaWarmup"], warmup_gamma=1.0, warmup_power=2 / 3)
    loss_of = BinaryCrossEntropy(target_threshold=config["targetThreshold"]) if config["loss"] == "bce" else SoftTargetCrossEntropy()
    losses, norms = [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        total = 0.0
        for i in range(config["accumulate"]):
            images = torch.randn(BATCH, 3, 8, 8)
            targets = torch.softmax(3 * torch.randn(BATCH, LABELS), -1)
            tensors[f"images.{step}.{i}"], tensors[f"targets.{step}.{i}"] = images, targets
            loss = loss_of(model(images), targets) / config["accumulate"]
            loss.backward()
            total += loss.item()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config["clipNorm"] or float("inf"))
        optimizer.step()
        ema.update(model, step=step + 1)
        losses.append(total)
        norms.append(norm.item())
    tensors |= {f"end.{k}": v.clone() for k, v in model.state_dict().items()}
    tensors |= {f"average.{k}": v.clone() for k, v in ema.module.state_dict().items()}
    metadata = {"config": json.dumps({**config, "losses": losses, "norms": norms})}
    save_file(tensors, OUT / f"{name}.safetensors", metadata=metadata)


OUT.mkdir(parents=True, exist_ok=True)
for name, config in CASES.items():
    write_case(name, config)
