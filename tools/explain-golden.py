"""Reference numbers for explanations: tiny Vision Transformers of timm with torch autograd, written to tests/explain/golden/explain.json.

Weights and images come from a hash of their names (`drawn`), the same in TypeScript (tests/models/drawn.ts), so the file holds results only.
Relevance follows Chefer, Gur & Wolf 2021 (R <- R + E_h[(dA * A)^+] R), rollout Abnar & Zuidema 2020.

Run: python tools/explain-golden.py
"""

import json
import pathlib

import numpy as np
import torch

register_fake = torch.library.register_fake
torch.library.register_fake = lambda name, *a, **k: (
    (lambda f: f) if str(name).startswith("torchvision::") else register_fake(name, *a, **k)
)

import timm  # noqa: E402
from timm.models.deit import VisionTransformerDistilled  # noqa: E402
from timm.models.vision_transformer import VisionTransformer  # noqa: E402

U32 = np.uint64(0xFFFFFFFF)


def drawn(name, shape):
    seed = 0x811C9DC5
    for ch in name:
        seed = ((seed ^ ord(ch)) * 0x01000193) & 0xFFFFFFFF
    i = np.arange(int(np.prod(shape)), dtype=np.uint64)
    x = (i * np.uint64(0x9E3779B1) + np.uint64(seed)) & U32
    x = ((x ^ (x >> np.uint64(15))) * np.uint64(0x2C1B3C6D)) & U32
    x = ((x ^ (x >> np.uint64(12))) * np.uint64(0x297A2D39)) & U32
    x = x ^ (x >> np.uint64(15))
    u = (x >> np.uint64(8)).astype(np.float64) / 2**24 - 0.5
    near_one = name.endswith((".weight", ".gamma", "running_var"))
    fan_in = 0.1 if name == "image" else float(np.prod(shape[1:]))
    if len(shape) <= 1:
        out = 1 + u if near_one else 0.4 * u
    else:
        out = 3 * u / np.sqrt(fan_in)
    return torch.tensor(out.astype(np.float32).reshape(shape))


def attentions(model, image, choose):
    """Runs the model with attention weights kept; returns logits, weights and their gradients."""
    kept = []

    def softmax(x, dim):
        y = original(x, dim=dim)
        y.retain_grad()
        kept.append(y)
        return y

    tokens = []
    model.blocks[-2].register_forward_hook(lambda m, i, o: (o.retain_grad(), tokens.append(o))[1])
    original = torch.Tensor.softmax
    torch.Tensor.softmax = lambda self, dim: softmax(self, dim)
    try:
        logits = model(image)
    finally:
        torch.Tensor.softmax = original
    choice = int(logits.argmax()) if choose is None else choose
    logits[0, choice].backward()
    return logits[0], choice, kept, tokens[0]


def integrated_gradients(model, image, choice, grid):
    """Per patch, from an image of -5 (black, as the tests normalise) with 62 places of Gauss and Legendre."""
    places, weights = np.polynomial.legendre.leggauss(62)
    baseline = torch.full_like(image, -5)
    path = torch.stack([baseline[0] + (p + 1) / 2 * (image - baseline)[0] for p in places]).requires_grad_(True)
    model(path)[:, choice].sum().backward()
    slope = (path.grad.double() * torch.tensor(weights / 2)[:, None, None, None]).sum(0)
    added = (slope * (image - baseline)[0].double()).sum(0)
    return added.reshape(grid[0], 4, grid[1], 4).sum((1, 3))


def rows(model, start, kept, pooled, fusion="mean", discard=0.0, prefix=1):
    n = kept[0].shape[-1]
    relevance = torch.eye(n, dtype=torch.float64)
    rollout = torch.eye(n, dtype=torch.float64)
    for probs in kept:
        a, g = probs[0].double(), probs.grad[0].double()
        relevance = relevance + (g * a).clamp(min=0).mean(0) @ relevance
        fused = {"mean": a.mean(0), "max": a.amax(0), "min": a.amin(0)}[fusion].clone()
        free = torch.ones_like(fused, dtype=torch.bool)
        free[:, :prefix] = False
        free &= ~torch.eye(n, dtype=torch.bool)
        places = free.flatten().nonzero()[:, 0]
        smallest = fused.flatten()[places].argsort(stable=True)[: int(discard * len(places))]
        fused.view(-1)[places[smallest]] = 0
        mixed = fused + torch.eye(n, dtype=torch.float64)
        rollout = (mixed / mixed.sum(-1, keepdim=True)) @ rollout
    if pooled is not None:
        a, g = pooled[0].double()[:, 0], pooled.grad[0].double()[:, 0]
        return (g * a).clamp(min=0).mean(0) @ relevance, a.mean(0) @ rollout
    return start @ relevance, start @ rollout


cases = {
    "class-token": dict(depth=3, global_pool="token"),
    "class-token-other-class": dict(depth=3, global_pool="token"),
    "registers-rollout-max-discard": dict(depth=3, global_pool="token", reg_tokens=2),
    "average": dict(depth=2, global_pool="avg", class_token=False),
    "average-with-class-token": dict(depth=2, global_pool="avg"),
    "attention-pool": dict(depth=2, global_pool="map", class_token=False),
    "distilled": dict(depth=2),
    "not-square": dict(depth=2, global_pool="token", img_size=[16, 24]),
}
extra = {
    "class-token-other-class": dict(choose=1),
    "registers-rollout-max-discard": dict(fusion="max", discard=0.5),
}
out = {}
for name, config in cases.items():
    config = dict(img_size=16, patch_size=4, embed_dim=24, num_heads=3, num_classes=5) | config
    more = extra.get(name, {})
    make = VisionTransformerDistilled if name == "distilled" else VisionTransformer
    model = make(**config).eval()
    for key, value in model.state_dict().items():
        with torch.no_grad():
            value.copy_(drawn(key, tuple(value.shape)))
    for module in model.modules():
        if hasattr(module, "fused_attn"):
            module.fused_attn = False
    size = config["img_size"] if isinstance(config["img_size"], list) else [config["img_size"]] * 2
    image = drawn("image", (1, 3, *size))
    logits, choice, kept, tokens = attentions(model, image, more.get("choose"))
    pooled = kept.pop() if config.get("global_pool") == "map" else None
    prefix = model.num_prefix_tokens
    n = kept[0].shape[-1]
    start = torch.zeros(n, dtype=torch.float64)
    if name == "distilled":
        start[:2] = 0.5
    elif config["global_pool"] == "token":
        start[0] = 1
    else:
        start[prefix:] = 1 / (n - prefix)
    relevance, rollout = rows(model, start, kept, pooled, more.get("fusion", "mean"), more.get("discard", 0), prefix)
    weights = tokens.grad[0, prefix:].mean(0)
    cam = (tokens[0, prefix:] @ weights).clamp(min=0)
    numbers = lambda t: [float(f"{x:.9g}") for x in t.detach().flatten().tolist()]
    out[name] = {
        "config": config | ({"distilled": True} if name == "distilled" else {}),
        "options": more,
        "class": choice,
        "logits": numbers(logits),
        "attention": numbers((start.float() @ kept[-1][0, 1])),
        "relevance": numbers(relevance),
        "rollout": numbers(rollout),
        "gradCam": numbers(cam),
        "integratedGradients": numbers(integrated_gradients(model, image, choice, [side // 4 for side in size])),
    }

target = pathlib.Path(__file__).parent.parent / "tests/explain/golden/explain.json"
target.write_text(json.dumps(out, indent=None, separators=(",", ":")) + "\n")
print(timm.__version__, {k: v["class"] for k, v in out.items()}, target.stat().st_size)
