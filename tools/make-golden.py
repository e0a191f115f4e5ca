"""Writes golden files of tiny Vision Transformers in the format vitrine-golden/1: weights, input, output, taps and gradients of the reference.

    python tools/make-golden.py [--all] [OUT]

Without OUT, the small ones that the tests always use go to tests/tasks/golden; with --all, many more options go to OUT, for `vitrine verify`.
Numbers are computed in float64 and stored as float32; the tolerance is ten times the gap to the reference's own float32, at least 1e-5.
Needs torch, timm 1.0.29, transformers 5, torchvision 0.28, safetensors.
"""

import copy
import json
import pathlib
import sys
from functools import partial

import torch

# torchvision without its compiled operators is enough here.
register_fake = torch.library.register_fake
torch.library.register_fake = lambda name, *a, **k: (
    (lambda f: f) if str(name).startswith("torchvision::") else register_fake(name, *a, **k)
)

import timm  # noqa: E402
import torchvision  # noqa: E402
import transformers  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from timm.layers import HybridEmbed, RmsNorm, SwiGLU, SwiGLUPacked, set_fused_attn  # noqa: E402
from timm.models import deit, vision_transformer as vt  # noqa: E402
from timm.models.vision_transformer_hybrid import _resnetv2  # noqa: E402
from torchvision.models.vision_transformer import ConvStemConfig, VisionTransformer as TorchvisionViT  # noqa: E402

set_fused_attn(False)
torch.backends.mha.set_fastpath_enabled(False)
here = pathlib.Path(__file__).parent.parent / "tests" / "tasks" / "golden"
tiny = dict(num_classes=5, img_size=16, patch_size=4, embed_dim=24, depth=2, num_heads=3)
layers = {
    "SwiGLU": SwiGLU,
    "SwiGLUPacked": SwiGLUPacked,
    "ResPostBlock": vt.ResPostBlock,
    "ParallelScalingBlock": vt.ParallelScalingBlock,
    "ParallelThingsBlock": vt.ParallelThingsBlock,
}


def norm(text):
    kind, eps = text.split(", eps ")
    return partial(RmsNorm if kind == "RmsNorm" else torch.nn.LayerNorm, eps=float(eps))


def build_timm(cls, config):
    args = dict(config)
    for key in ("mlp_layer", "block_fn"):
        if key in args:
            args[key] = layers[args[key]]
    for key in ("norm_layer", "embed_norm_layer"):
        if key in args:
            args[key] = norm(args[key])
    if "backbone" in args:
        args["embed_layer"] = partial(HybridEmbed, backbone=_resnetv2(tuple(args.pop("backbone"))))
        args.setdefault("patch_size", 1)
    return cls(**args)


def taps_timm(model, taps):
    """Hooks that keep intermediate values under timm's names."""
    keep = lambda name: lambda module, args, out: taps.__setitem__(name, out)
    model.patch_embed.register_forward_hook(keep("patch_embed"))
    model.norm_pre.register_forward_pre_hook(lambda module, args: taps.__setitem__("tokens", args[0]))
    model.norm.register_forward_hook(keep("features"))
    for i, block in enumerate(model.blocks):
        block.register_forward_hook(keep(f"blocks.{i}"))
        # Differential attention drops from two maps before it takes their difference.
        if isinstance(getattr(block, "attn", None), vt.Attention):
            name = f"blocks.{i}.attn.probs"
            block.attn.attn_drop.register_forward_pre_hook(lambda module, args, name=name: taps.__setitem__(name, args[0]))


def taps_hf(model, taps):
    base = getattr(model, model.base_model_prefix)
    keep = lambda name: lambda module, args, out: taps.__setitem__(name, out[0] if isinstance(out, tuple) else out)
    base.embeddings.register_forward_hook(keep("embeddings"))
    base.layernorm.register_forward_hook(keep("layernorm"))
    stack = base.layers if hasattr(base, "layers") else base.encoder.layer
    for i, layer in enumerate(stack):
        layer.register_forward_hook(keep(f"encoder.layer.{i}"))


def taps_torchvision(model, taps):
    keep = lambda name: lambda module, args, out: taps.__setitem__(name, out)
    model.conv_proj.register_forward_hook(keep("conv_proj"))
    model.encoder.dropout.register_forward_hook(keep("tokens"))
    model.encoder.ln.register_forward_hook(keep("encoder.ln"))
    for name, layer in model.encoder.layers.named_children():
        layer.register_forward_hook(keep(f"encoder.layers.{name}"))


def published(model):
    """transformers 5 renames parts in memory; files keep the published names."""
    if not isinstance(model, transformers.PreTrainedModel):
        return {name: name for name, _ in model.named_parameters()}
    import re

    rules = [
        (r"^(vit|deit)\.layers\.", r"\1.encoder.layer."),
        (r"\.attention\.([qkv])_proj\.", lambda m: ".attention.attention." + {"q": "query", "k": "key", "v": "value"}[m[1]] + "."),
        (r"\.attention\.o_proj\.", ".attention.output.dense."),
        (r"\.mlp\.fc1\.", ".intermediate.dense."),
        (r"\.mlp\.fc2\.", ".output.dense."),
    ]
    names = {}
    for name, _ in model.named_parameters():
        out = name
        for pattern, into in rules:
            out = re.sub(pattern, into, out)
        names[name] = out
    return names


def write(out, case, reference, config, model, hook, image, key="image", call=None):
    torch.manual_seed(sum(map(ord, case)))
    with torch.no_grad():
        for name, p in model.named_parameters():
            p += 0.1 * torch.randn_like(p)
        for name, b in model.named_buffers():
            if name.endswith("running_mean"):
                b += 0.3 * torch.randn_like(b)
            if name.endswith("running_var"):
                b *= 1 + 0.5 * torch.rand_like(b)
            if name.endswith("num_batches_tracked"):
                b += 7
    model.eval()
    x = torch.randn(image).float()
    target = torch.randint(0, 5, (image[0],))
    call = call or (lambda model, x: model(x))

    def run(dtype):
        m = copy.deepcopy(model).to(dtype)
        taps = {}
        hook(m, taps)
        inputs = x.to(dtype).requires_grad_()
        logits = call(m, inputs)
        loss = torch.nn.functional.cross_entropy(logits, target)
        loss.backward()
        names = published(m)
        found = {"output.logits": logits, "loss": loss, f"grad.input.{key}": inputs.grad}
        found |= {f"tap.{name}": value for name, value in taps.items()}
        found |= {f"grad.{names[name]}": p.grad for name, p in m.named_parameters() if p.grad is not None}
        return m, names, {name: value.detach().double() for name, value in found.items()}

    exact, names, want = run(torch.float64)
    _, _, rough = run(torch.float32)
    gap = max((want[name] - rough[name]).abs().max().item() for name in want)
    tolerance = max(1e-5, float(f"{10 * gap:.0e}"))
    tensors = {f"param.{names[name]}": p.detach().float() for name, p in model.named_parameters()}
    tensors |= {
        f"buffer.{name}": (b if b.dtype == torch.int64 else b.float())
        for name, b in model.named_buffers()
        if name.split(".")[-1] in ("running_mean", "running_var", "num_batches_tracked")
    }
    tensors |= {f"input.{key}": x, "input.target": target}
    tensors |= {name: value.float() for name, value in want.items()}
    out.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: value.contiguous().clone() for name, value in tensors.items()},
        out / f"{case}.safetensors",
        {
            "format": "vitrine-golden/1",
            "case": case,
            "model": "vit",
            "reference": reference,
            "config": json.dumps(config),
            "mode": "eval",
            "loss": "mean cross-entropy of output.logits against input.target",
            "tolerance": json.dumps({"rtol": tolerance, "atol": tolerance}),
            "notes": "made by tools/make-golden.py",
        },
    )
    print(f"{case}: {sum(t.numel() for t in tensors.values()) * 4 // 1024} kB, tolerance {tolerance:.0e}")


def timm_case(out, case, cls=vt.VisionTransformer, image=None, **config):
    config = {**tiny, **config}
    size = config["img_size"] if isinstance(config["img_size"], list) else [config["img_size"]] * 2
    image = image or (2, config.get("in_chans", 3), *size)
    torch.manual_seed(0)
    write(out, case, f"timm {timm.__version__} {cls.__name__}", config, build_timm(cls, config), taps_timm, image)


def named_case(out, case, name, **config):
    torch.manual_seed(0)
    model = timm.create_model(name, **config)
    side = config.get("img_size", 224)
    write(out, case, f"timm {timm.__version__} {name}", config, model, taps_timm, (1, 3, side, side))


def hf_case(out, case, cls, image=None, **config):
    torch.manual_seed(0)
    config = {**dict(num_labels=5, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40, image_size=16, patch_size=4), **config}
    model = cls(cls.config_class(**config, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0))
    image = image or (2, config.get("num_channels", 3), 16, 16)
    call = lambda m, x: m(x, interpolate_pos_encoding=tuple(image[2:]) != (16, 16)).logits
    write(out, case, f"transformers {transformers.__version__} {cls.__name__}", config, model, taps_hf, image, "pixel_values", call)


def torchvision_case(out, case, image=(2, 3, 16, 16), **config):
    torch.manual_seed(0)
    config = {**dict(num_classes=5, image_size=16, patch_size=4, num_layers=2, num_heads=3, hidden_dim=24, mlp_dim=40), **config}
    args = dict(config)
    if "conv_stem_configs" in args:
        args["conv_stem_configs"] = [ConvStemConfig(*c) for c in args["conv_stem_configs"]]
    model = TorchvisionViT(**args)
    torch.nn.init.normal_(model.heads.head.weight)
    write(out, case, f"torchvision {torchvision.__version__.split('+')[0]} VisionTransformer", config, model, taps_torchvision, image)


def committed(out):
    small = dict(embed_dim=12, depth=1, num_heads=2)
    timm_case(out, "vit-qk-norm-registers", **small, qk_norm=True, reg_tokens=2, init_values=0.1, img_size=[8, 12])
    timm_case(out, "vit-hybrid-stem", **small, backbone=[], img_size=16, patch_size=1)
    timm_case(out, "deit-distilled-small", deit.VisionTransformerDistilled, **{**small, "depth": 2})
    torchvision_case(out, "vit-conv-stem", num_layers=1, hidden_dim=12, num_heads=2, mlp_dim=20, conv_stem_configs=[[6, 3, 2], [8, 3, 2]])
    hf_case(out, "vit-hf-small", transformers.ViTForImageClassification, num_hidden_layers=1, hidden_size=12, num_attention_heads=2, image=(1, 3, 16, 24))


def everything(out):
    committed(out)
    timm_case(out, "vit-hybrid", backbone=[1], img_size=32, patch_size=1)
    timm_case(out, "vit-hybrid-two", backbone=[1, 1], img_size=[32, 48], patch_size=1)
    timm_case(out, "vit-non-square", img_size=[16, 24], patch_size=[8, 4])
    timm_case(out, "vit-dynamic-pad", dynamic_img_size=True, dynamic_img_pad=True, image=(2, 3, 13, 27))
    timm_case(out, "vit-dynamic-registers", dynamic_img_size=True, reg_tokens=3, no_embed_class=True, image=(3, 3, 8, 28))
    timm_case(out, "vit-swiglu", mlp_layer="SwiGLU", act_layer="silu", proj_bias=False, norm_layer="RmsNorm, eps 1e-5", embed_norm_layer="RmsNorm, eps 1e-5", class_token=False, global_pool="avg", fc_norm=False)
    timm_case(out, "vit-swiglu-packed", mlp_layer="SwiGLUPacked", act_layer="silu", init_values=0.1)
    timm_case(out, "vit-post-norm", block_fn="ResPostBlock", qkv_bias=False, class_token=False, global_pool="avg")
    timm_case(out, "vit-parallel-things", block_fn="ParallelThingsBlock", init_values=0.1)
    timm_case(out, "vit-parallel-scaling", block_fn="ParallelScalingBlock", qkv_bias=False, qk_norm=True)
    timm_case(out, "vit-differential", attn_layer="diff", num_heads=2, qk_norm=True)
    timm_case(out, "vit-scale-norms", scale_attn_norm=True, scale_mlp_norm=True, global_pool="avg")
    timm_case(out, "vit-avgmax", global_pool="avgmax", reg_tokens=1, act_layer="gelu_tanh")
    timm_case(out, "vit-max", global_pool="max", pool_include_prefix=True)
    timm_case(out, "vit-no-positions", pos_embed="none", final_norm=False)
    timm_case(out, "vit-map-prefix", global_pool="map", class_token=False, reg_tokens=1, pool_include_prefix=True)
    timm_case(out, "vit-relu-deep", act_layer="relu", depth=5, mlp_ratio=1.3, num_heads=8)
    timm_case(out, "vit-dinov2-like", patch_size=2, init_values=1e-5, img_size=14, in_chans=4)
    timm_case(out, "vit-no-class-embed", no_embed_class=True, class_token=True)
    timm_case(out, "deit-distilled-deep", deit.VisionTransformerDistilled, depth=3, mlp_ratio=2.5)
    named_case(out, "vit-named", "vit_tiny_patch16_224", img_size=32, embed_dim=24, depth=2, num_classes=5)
    named_case(out, "deit-named", "deit3_small_patch16_224", img_size=32, embed_dim=24, depth=2, num_heads=3, num_classes=5)
    named_case(out, "vit-named-hybrid", "vit_tiny_r_s16_p8_224", img_size=64, embed_dim=24, depth=1, num_heads=3, num_classes=5)
    hf_case(out, "vit-hf-options", transformers.ViTForImageClassification, hidden_act="gelu_pytorch_tanh", qkv_bias=False, layer_norm_eps=1e-5, num_channels=1, patch_size=8)
    hf_case(out, "vit-hf-resized", transformers.ViTForImageClassification, image=(1, 3, 24, 32))
    hf_case(out, "deit-hf-teacher", transformers.DeiTForImageClassificationWithTeacher)
    torchvision_case(out, "vit-torchvision-representation", representation_size=7)
    torchvision_case(out, "vit-torchvision-conv", conv_stem_configs=[[6, 3, 2], [8, 3, 1], [10, 3, 2]], image_size=32, image=(2, 3, 32, 32), patch_size=4)


args = [arg for arg in sys.argv[1:] if arg != "--all"]
target = pathlib.Path(args[0]) if args else here
(everything if "--all" in sys.argv else committed)(target)
