"""Writes tests/models/golden/vit-variants.json: logits of tiny Vision Transformers of the rarer kinds, computed by timm 1.0.29 in float64.

For some also the gradients in training, of the sum of the logits times `drawn("probe")`: two numbers per parameter, the gradient's norm and its
product with what is drawn for "probe NAME".

Weights and images are not stored: both sides make them by the same rule (`drawn` here, `drawn` in tests/models/drawn.ts), so that no bias, scale or
statistic is neutral.
"""

import json
import math
import pathlib
from functools import partial

import numpy as np
import torch

register_fake = torch.library.register_fake
torch.library.register_fake = lambda name, *a, **k: (
    (lambda f: f) if str(name).startswith("torchvision::") else register_fake(name, *a, **k)
)

import torch.nn as nn  # noqa: E402
from timm.layers import HybridEmbed, RmsNorm, SwiGLU, SwiGLUPacked, set_fused_attn  # noqa: E402
from timm.models import resnet  # noqa: E402
from timm.models import vision_transformer as vt  # noqa: E402
from timm.models.vision_transformer_hybrid import ConvStem, _resnetv2  # noqa: E402

OUT = pathlib.Path(__file__).parent.parent / "tests" / "models" / "golden" / "vit-variants.json"
set_fused_attn(False)
tiny = dict(img_size=16, patch_size=8, embed_dim=24, depth=2, num_heads=3, num_classes=5, mlp_ratio=2.0)

# name -> (what timm is given, the same as JSON)
classes = {
    "RmsNorm": partial(RmsNorm, eps=1e-5),
    "SwiGLU": SwiGLU,
    "SwiGLUPacked": SwiGLUPacked,
    "ResPostBlock": vt.ResPostBlock,
    "ParallelScalingBlock": vt.ParallelScalingBlock,
    "DiffParallelScalingBlock": vt.DiffParallelScalingBlock,
    "ParallelThingsBlock": vt.ParallelThingsBlock,
}
cases = {
    "post-norm": dict(block_fn="ResPostBlock", qkv_bias=False, init_values=1e-5, class_token=False, global_pool="avg"),
    "parallel-things": dict(block_fn="ParallelThingsBlock", init_values=0.1),
    "parallel-scaling": dict(block_fn="ParallelScalingBlock", qkv_bias=False, qk_norm=True, norm_layer="RmsNorm, eps 1e-5", pre_norm=True, no_embed_class=True),
    "parallel-scaling-bias": dict(block_fn="ParallelScalingBlock", init_values=0.1),
    "differential": dict(attn_layer="diff", embed_dim=24, num_heads=2, qk_norm=True),
    "differential-parallel": dict(block_fn="DiffParallelScalingBlock", attn_layer="diff", num_heads=2, init_values=0.1),
    "swiglu": dict(mlp_layer="SwiGLU", act_layer="silu", proj_bias=False, qkv_bias=False, norm_layer="RmsNorm, eps 1e-5", embed_norm_layer="RmsNorm, eps 1e-5", class_token=False, global_pool="avg", fc_norm=False),
    "swiglu-packed": dict(mlp_layer="SwiGLUPacked", act_layer="silu", mlp_ratio=4.0, init_values=0.1),
    "scale-norm": dict(scale_attn_norm=True, scale_mlp_norm=True, global_pool="avg", norm_layer="LayerNorm, eps 1e-5"),
    "avgmax": dict(global_pool="avgmax", reg_tokens=1, act_layer="gelu_tanh"),
    "max-prefix": dict(global_pool="max", pool_include_prefix=True),
    "no-positions": dict(pos_embed="none", final_norm=False),
    "map-prefix": dict(global_pool="map", class_token=False, reg_tokens=1, pool_include_prefix=True),
    "representation": dict(representation=8),
    "non-square": dict(img_size=[16, 24], patch_size=[8, 4]),
    "dynamic-pad": dict(dynamic_img_size=True, dynamic_img_pad=True, image=[13, 27]),
    "hybrid": dict(img_size=40, patch_size=1, stem="resnet", depths=[1, 1]),
    "hybrid-odd": dict(img_size=[37, 50], patch_size=1, stem="resnet", depths=[1, 1]),
    "hybrid-d": dict(img_size=[37, 50], patch_size=1, stem="resnet_d", depths=[1, 2], gradients=True),
    "hybrid-stem": dict(img_size=32, patch_size=4, stem="resnet", depths=[]),
    "conv-stem": dict(img_size=32, patch_size=1, stem="conv"),
    "conv-stem-bare": dict(img_size=32, patch_size=1, stem="conv-bare"),
}


class WithRepresentation(vt.VisionTransformer):
    """The hidden layer that timm's class had before 0.6, and that the paper's pre-training head has."""

    def __init__(self, representation, num_classes, **args):
        super().__init__(num_classes=0, **args)
        self.pre_logits = nn.Sequential()
        self.pre_logits.add_module("fc", nn.Linear(self.embed_dim, representation))
        self.pre_logits.add_module("act", nn.Tanh())
        self.head = nn.Linear(representation, num_classes)

    def forward_head(self, x):
        return self.head(self.pre_logits(self.fc_norm(self.pool(x))))


def build(args):
    args = {**tiny, **args}
    args.pop("image", None)
    args.pop("gradients", None)
    if "representation" in args:
        return WithRepresentation(**args)
    stem, depths = args.pop("stem", None), args.pop("depths", None)
    if stem == "resnet":
        args["embed_layer"] = partial(HybridEmbed, backbone=_resnetv2(tuple(depths)))
    elif stem == "resnet_d":
        letter_d = dict(stem_width=32, stem_type="deep", avg_down=True, features_only=True, out_indices=[len(depths)])
        backbone = resnet._create_resnet("resnet26d", block=resnet.Bottleneck, layers=depths, **letter_d)
        args["embed_layer"] = partial(HybridEmbed, backbone=backbone)
    elif stem == "conv":
        backbone = nn.Sequential(*[vt_conv(i, o) for i, o in [(3, 6), (6, 8)]])
        args["embed_layer"] = partial(HybridEmbed, backbone=backbone)
    elif stem == "conv-bare":
        backbone = ConvStem(depth=2, channels=(6, 24), stride=(4, 2), kernel_size=(4, 2), padding=0, act_layer=nn.GELU)
        args["embed_layer"] = partial(HybridEmbed, backbone=backbone, proj=False)
    for key in ("block_fn", "mlp_layer"):
        if key in args:
            args[key] = classes[args[key]]
    for key in ("norm_layer", "embed_norm_layer"):
        if key in args:
            kind, eps = args[key].split(", eps ")
            args[key] = partial(RmsNorm if kind == "RmsNorm" else nn.LayerNorm, eps=float(eps))
    if args.get("block_fn") is vt.DiffParallelScalingBlock:
        args.pop("attn_layer")
    return vt.VisionTransformer(**args)


def vt_conv(channels, out):
    from timm.layers import ConvNormAct

    return ConvNormAct(channels, out, 3, stride=4, padding=1, act_layer=nn.ReLU)


def drawn(name, shape):
    """Uniform numbers from a hash of the name and the index; around 1 for scales and variances, else around 0, about 1/sqrt(fan-in) wide."""
    seed = 0x811C9DC5
    for letter in name:
        seed = ((seed ^ ord(letter)) * 0x01000193) & 0xFFFFFFFF
    size = math.prod(shape)
    x = (np.arange(size, dtype=np.uint64) * 0x9E3779B1 + seed) & 0xFFFFFFFF
    x = ((x ^ (x >> 15)) * 0x2C1B3C6D) & 0xFFFFFFFF
    x = ((x ^ (x >> 12)) * 0x297A2D39) & 0xFFFFFFFF
    x = x ^ (x >> 15)
    u = (x >> 8).astype(np.float64) / 2**24 - 0.5
    if len(shape) <= 1:
        near_one = name.endswith((".weight", ".gamma", "running_var"))
        return (1 + u if near_one else 0.4 * u).astype(np.float32).reshape(shape)
    fan_in = math.prod(shape[1:]) if name != "image" else 0.1
    return (3 * u / math.sqrt(fan_in)).astype(np.float32).reshape(shape)


def gradients(model, image):
    model = model.double().train()
    logits = model(image.double())
    (logits * torch.from_numpy(drawn("probe", tuple(logits.shape)))).sum().backward()

    def numbers(name, grad):
        probe = torch.from_numpy(drawn(f"probe {name}", tuple(grad.shape)))
        return [float(f"{x:.9g}") for x in (grad.norm().item(), (grad * probe).sum().item())]

    return {name: numbers(name, parameter.grad) for name, parameter in model.named_parameters()}


def main():
    results = {}
    for name, args in cases.items():
        model = build(args).double().eval()
        with torch.no_grad():
            for key, value in model.state_dict().items():
                if value.dtype.is_floating_point:
                    value.copy_(torch.from_numpy(np.array(drawn(key, tuple(value.shape)))))
            side = args.get("image", args.get("img_size", 16))
            high, wide = side if isinstance(side, list) else (side, side)
            image = torch.from_numpy(drawn("image", (2, 3, high, wide)))
            logits = model(image.double())
            gap = (model.float()(image).double() - logits).abs().max().item()
        results[name] = {
            "config": {**tiny, **args},
            "image": [2, 3, high, wide],
            "tolerance": max(1e-5, 10 * gap),
            "logits": [float(f"{x:.9g}") for x in logits.flatten().tolist()],
            **({"gradients": gradients(model, image)} if args.get("gradients") else {}),
        }
        print(name, results[name]["tolerance"], [round(x, 3) for x in logits[0].tolist()])
    OUT.write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in results.items()) + "\n}\n")


if __name__ == "__main__":
    main()
