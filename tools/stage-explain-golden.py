"""Reference numbers for explanations of models with stages, or with attention inside patches: tiny networks of timm with torch autograd, written to
tests/explain/golden/stages.json.

Weights and images come from a hash of their names (`drawn`), the same in TypeScript (tests/models/drawn.ts), so the file holds results only.
Grad-CAM follows Selvaraju et al. 2017 on the output of the last stage; the attention of a patch in its window is brought back to the map by timm's own
rolls and partitions, that between the words of a patch to the image by where the patch lies.

Run: python tools/stage-explain-golden.py
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
from timm.models.resnet import BasicBlock, ResNet  # noqa: E402
from timm.models.swin_transformer import SwinTransformer, SwinTransformerBlock, window_partition  # noqa: E402
from timm.models.swin_transformer_v2 import SwinTransformerV2, SwinTransformerV2Block  # noqa: E402
from timm.models.tnt import TNT  # noqa: E402


def drawn(name, shape):
    seed = 0x811C9DC5
    for ch in name:
        seed = ((seed ^ ord(ch)) * 0x01000193) & 0xFFFFFFFF
    i = np.arange(int(np.prod(shape)), dtype=np.uint64)
    x = (i * np.uint64(0x9E3779B1) + np.uint64(seed)) & np.uint64(0xFFFFFFFF)
    x = ((x ^ (x >> np.uint64(15))) * np.uint64(0x2C1B3C6D)) & np.uint64(0xFFFFFFFF)
    x = ((x ^ (x >> np.uint64(12))) * np.uint64(0x297A2D39)) & np.uint64(0xFFFFFFFF)
    x = x ^ (x >> np.uint64(15))
    u = (x >> np.uint64(8)).astype(np.float64) / 2**24 - 0.5
    near_one = name.endswith((".weight", ".gamma", "running_var"))
    fan_in = 0.1 if name == "image" else float(np.prod(shape[1:]))
    if len(shape) <= 1:
        out = 1 + u if near_one else 0.4 * u
    else:
        out = 3 * u / np.sqrt(fan_in)
    return torch.tensor(out.astype(np.float32).reshape(shape))


def grad_cam(model, last, image, channels_last):
    kept = []
    last.register_forward_hook(lambda m, i, o: (o.retain_grad(), kept.append(o))[1] and None)
    logits = model(image)
    choice = int(logits.argmax())
    logits[0, choice].backward()
    features, gradient = kept[0][0], kept[0].grad[0]
    if not channels_last:
        features, gradient = features.permute(1, 2, 0), gradient.permute(1, 2, 0)
    return logits[0], choice, (features @ gradient.mean((0, 1))).clamp(min=0)


def window_attention(model, image, kind, patch):
    """Attention of one patch of the first stage's map in its two blocks, mean of the heads, over the whole map; and the number of windows."""
    kept = []
    original = torch.nn.functional.softmax
    torch.nn.functional.softmax = lambda x, *rest, **named: (kept.append(original(x, *rest, **named)), kept[-1])[1]
    try:
        model(image)
    finally:
        torch.nn.functional.softmax = original
    blocks = [module for module in model.modules() if isinstance(module, kind)][:2]
    maps = []
    for block, probs in zip(blocks, kept):
        h, w = block.input_resolution
        tokens = torch.arange(h * w).reshape(1, h, w, 1)
        shift = [int(s) for s in block.shift_size]
        tokens = torch.roll(tokens, shifts=(-shift[0], -shift[1]), dims=(1, 2))
        places = window_partition(tokens, tuple(int(s) for s in block.window_size)).reshape(-1, probs.shape[-1])
        window, place = (places == patch[0] * w + patch[1]).nonzero()[0].tolist()
        out = torch.zeros(h * w)
        out[places[window]] = probs[window, :, place].mean(0)
        maps.append(out)
    return maps


def fill(model):
    for key, value in model.state_dict().items():
        if value.dtype == torch.float32 and not key.endswith(("attn_mask", "relative_coords_table")):
            with torch.no_grad():
                value.copy_(drawn(key, tuple(value.shape)))
    for module in model.modules():
        if hasattr(module, "fused_attn"):
            module.fused_attn = False
    return model


def stage_maps(model, stages, image, channels_last):
    """Of each stage's map the mean of its channels, and the three channels that vary most."""
    kept = []
    hooks = [stage.register_forward_hook(lambda m, i, o: kept.append(o[0]) and None) for stage in stages]
    with torch.no_grad():
        model(image)
    for hook in hooks:
        hook.remove()
    maps = [(o if channels_last else o.permute(1, 2, 0)).flatten(0, 1) for o in kept]
    return [(m.mean(1), m.var(0).argsort(descending=True)[:3].tolist()) for m in maps]


def inner_attention(model, image):
    """For each block and head how much of its patch's attention each word gets, the mean over the words that look, laid over the image."""
    kept = []
    for block in model.blocks:
        block.attn_in.attn_drop.register_forward_pre_hook(lambda m, args: kept.append(args[0].clone()))
    with torch.no_grad():
        model(image)
    (rows, cols), (y, x) = model.pixel_embed.grid_size, model.pixel_embed.new_patch_size
    shares = [probs.mean(2).reshape(rows, cols, -1, y, x) for probs in kept]
    return [[s[:, :, head].permute(0, 2, 1, 3) for head in range(s.shape[2])] for s in shares]


swin = dict(img_size=32, patch_size=2, embed_dim=12, depths=(2, 2), num_heads=(2, 3), window_size=4, num_classes=5)
cases = {
    "swin": (SwinTransformer, SwinTransformerBlock, swin),
    "swin-v2": (SwinTransformerV2, SwinTransformerV2Block, swin),
    "resnet": (ResNet, None, dict(block=BasicBlock, layers=[1, 1, 1, 1], num_classes=5, channels=[8, 12, 16, 24])),
}
patch = (8, 8)
out = {}
numbers = lambda t: [float(f"{x:.9g}") for x in t.detach().flatten().tolist()]  # noqa: E731
for name, (make, kind, config) in cases.items():
    model = fill(make(**config).eval())
    image = drawn("image", (1, 3, 64 if kind is None else 32, 64 if kind is None else 32))
    stages = [model.layer1, model.layer2, model.layer3, model.layer4] if kind is None else list(model.layers)
    maps = stage_maps(model, stages, image, kind is not None)
    logits, choice, cam = grad_cam(model, stages[-1], image, kind is not None)
    out[name] = {"class": choice, "logits": numbers(logits), "gradCam": numbers(cam)}
    out[name]["stages"] = [{"mean": numbers(mean), "most": most} for mean, most in maps]
    if kind is not None:
        out[name]["windows"] = {"patch": patch, "maps": [numbers(m) for m in window_attention(model, image, kind, patch)]}

# 2 × 3 patches of 4 × 4 words.
config = dict(img_size=(16, 24), patch_size=8, first_stride=2, embed_dim=12, inner_dim=4, depth=2, num_heads_outer=3, num_heads_inner=2, num_classes=5)
model = fill(TNT(**config).eval())
image = drawn("image", (1, 3, 16, 24))
shares = inner_attention(model, image)
tnt = {"logits": numbers(model(image)[0]), "inner": [[numbers(m) for m in heads] for heads in shares]}

target = pathlib.Path(__file__).parent.parent / "tests/explain/golden/stages.json"
target.write_text(json.dumps({"stages": out, "tnt": tnt}, indent=None, separators=(",", ":")) + "\n")
print(timm.__version__, {k: (v["class"], v["gradCam"]) for k, v in out.items()}, target.stat().st_size)
