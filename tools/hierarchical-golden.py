"""Writes golden files of tiny residual networks and Swin Transformers in the format vitrine-golden/1: weights, input, output, taps and gradients.

    python tools/hierarchical-golden.py [--all] [OUT]

Without OUT, the small ones that the tests always use go to tests/tasks/golden; with --all, many more options go to OUT, for `vitrine verify`.
Numbers are computed in float64 and stored as float32; the tolerance is ten times the gap to the reference's own float32, at least 1e-5.
Needs torch, timm 1.0.29, transformers 5, torchvision 0.28, safetensors.
"""

import copy
import json
import pathlib
import sys
import tempfile

import torch

# torchvision without its compiled operators is enough here.
register_fake = torch.library.register_fake
torch.library.register_fake = lambda name, *a, **k: (
    (lambda f: f) if str(name).startswith("torchvision::") else register_fake(name, *a, **k)
)

import timm  # noqa: E402
import torchvision  # noqa: E402
import transformers  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from timm.layers import freeze_batch_norm_2d, set_fused_attn  # noqa: E402
from timm.models import resnet, swin_transformer, swin_transformer_v2  # noqa: E402

set_fused_attn(False)
here = pathlib.Path(__file__).parent.parent / "tests" / "tasks" / "golden"
# Buffers of normalisations; weights and biases are buffers where they are fixed.
statistics = ("running_mean", "running_var", "num_batches_tracked", "weight", "bias")


def keep(taps, name):
    return lambda module, args, out: taps.__setitem__(name, out[0] if isinstance(out, tuple) else out)


def taps_swin(model, taps):
    for name, module in model.named_modules():
        last = name.split(".")[-1]
        if name in ("patch_embed", "norm") or (name and type(module).__name__ in ("PatchMerging",)) or last == "blocks":
            if last != "blocks":
                module.register_forward_hook(keep(taps, name))
            else:
                for i, block in enumerate(module):
                    block.register_forward_hook(keep(taps, f"{name}.{i}"))
                    probs = f"{name}.{i}.attn.probs"
                    block.attn.attn_drop.register_forward_pre_hook(lambda m, args, probs=probs: taps.__setitem__(probs, args[0]))
        if name.startswith("layers.") and name.count(".") == 1:
            module.register_forward_hook(keep(taps, name))


def taps_resnet(model, taps):
    model.maxpool.register_forward_hook(keep(taps, "stem"))
    for name, module in model.named_children():
        if name.startswith("layer"):
            module.register_forward_hook(keep(taps, name))


def taps_hf_swin(model, taps):
    base = getattr(model, model.base_model_prefix)
    base.embeddings.register_forward_hook(keep(taps, "embeddings"))
    base.layernorm.register_forward_hook(keep(taps, "layernorm"))
    for i, stage in enumerate(base.encoder.layers):
        stage.register_forward_hook(keep(taps, f"encoder.layers.{i}"))


def taps_hf_resnet(model, taps):
    model.resnet.embedder.register_forward_hook(keep(taps, "embedder"))
    for i, stage in enumerate(model.resnet.encoder.stages):
        stage.register_forward_hook(keep(taps, f"encoder.stages.{i}"))


def published(model):
    """transformers 5 renames parts in memory; files keep the published names. No two tensors here are equal, so values tell which is which."""
    own = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    if not isinstance(model, transformers.PreTrainedModel):
        return {name: name for name in own}
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        files = load_file(pathlib.Path(folder) / "model.safetensors")
    names = {}
    for name, tensor in own.items():
        hits = [key for key, value in files.items() if value.shape == tensor.shape and torch.equal(value, tensor)]
        same = [key for key in hits if key.split(".")[-1] == name.split(".")[-1]] or hits
        names[name] = name if name in files else (same or [name])[0]
    return names


def write(out, case, family, reference, config, model, hook, image, key="image", call=None, train=False):
    torch.manual_seed(sum(map(ord, case)))
    with torch.no_grad():
        for p in model.parameters():
            # Wide convolutions would let values explode.
            p += 0.1 * torch.randn_like(p) * (p.std() if p.dim() == 4 else 1)
        for name, b in model.named_buffers():
            if name.endswith(("running_mean", ".weight", ".bias")):
                b += 0.3 * torch.randn_like(b)
            if name.endswith("running_var"):
                b *= 1 + 0.5 * torch.rand_like(b)
    model.train(train)
    x = torch.randn(image).float()
    target = torch.randint(0, 5, (image[0],))
    call = call or (lambda model, x: model(x))
    names = published(model)

    def run(dtype):
        m = copy.deepcopy(model).to(dtype)
        taps = {}
        hook(m, taps)
        inputs = x.to(dtype).requires_grad_()
        logits = call(m, inputs)
        loss = torch.nn.functional.cross_entropy(logits, target)
        loss.backward()
        found = {"output.logits": logits, "loss": loss, f"grad.input.{key}": inputs.grad}
        if train:
            found |= {f"output.buffer.{names[n]}": b for n, b in m.named_buffers() if n.split(".")[-1] in statistics}
        found |= {f"tap.{name}": value for name, value in taps.items()}
        found |= {f"grad.{names[name]}": p.grad for name, p in m.named_parameters() if p.grad is not None}
        return {name: value.detach() for name, value in found.items()}

    want, rough = run(torch.float64), run(torch.float32)
    gap = max((want[name].double() - rough[name].double()).abs().max().item() for name in want)
    tolerance = max(1e-5, float(f"{10 * gap:.0e}"))
    floats = lambda t: t if t.dtype == torch.int64 else t.float()
    tensors = {f"param.{names[name]}": p.detach().float() for name, p in model.named_parameters()}
    tensors |= {f"buffer.{names[n]}": floats(b) for n, b in model.named_buffers() if n.split(".")[-1] in statistics}
    tensors |= {f"input.{key}": x, "input.target": target}
    tensors |= {name: floats(value) for name, value in want.items()}
    out.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: value.contiguous().clone() for name, value in tensors.items()},
        out / f"{case}.safetensors",
        {
            "format": "vitrine-golden/1",
            "case": case,
            "model": family,
            "reference": reference,
            "config": json.dumps(config),
            "mode": "train: batch normalisation uses and updates its statistics, unless they are fixed" if train else "eval",
            "loss": "mean cross-entropy of output.logits against input.target",
            "tolerance": json.dumps({"rtol": tolerance, "atol": tolerance}),
            "notes": "made by tools/hierarchical-golden.py",
        },
    )
    print(f"{case}: {sum(t.numel() for t in tensors.values()) * 4 // 1024} kB, tolerance {tolerance:.0e}")


def swin(out, case, version=1, image=None, **config):
    torch.manual_seed(0)
    config = {**dict(num_classes=5, img_size=16, patch_size=2, window_size=4, embed_dim=8, depths=[2, 2], num_heads=[2, 2], mlp_ratio=2.0), **config}
    cls = swin_transformer.SwinTransformer if version == 1 else swin_transformer_v2.SwinTransformerV2
    size = config["img_size"] if isinstance(config["img_size"], list) else [config["img_size"]] * 2
    # timm tells one window from windows of all stages by tuples and lists alike, but compares tuples.
    args = {k: tuple(v) if isinstance(v, list) else v for k, v in config.items()}
    family = "swin" if version == 1 else "swinv2"
    model = cls(**args, drop_path_rate=0.0)
    write(out, case, family, f"timm {timm.__version__} {cls.__name__}", config, model, taps_swin, image or (2, config.get("in_chans", 3), *size))


def swin_named(out, case, family, name, image, **config):
    torch.manual_seed(0)
    model = timm.create_model(name, **config)
    write(out, case, family, f"timm {timm.__version__} {name}", config, model, taps_swin, image)


def hf_swin(out, case, version=1, image=(2, 3, 16, 16), **config):
    torch.manual_seed(0)
    config = {**dict(num_labels=5, image_size=16, patch_size=2, window_size=4, embed_dim=8, depths=[2, 2], num_heads=[2, 2], mlp_ratio=2.0, drop_path_rate=0.0), **config}
    cls = transformers.SwinForImageClassification if version == 1 else transformers.Swinv2ForImageClassification
    model = cls(cls.config_class(**config))
    family = "swin" if version == 1 else "swinv2"
    call = lambda m, x: m(x).logits
    write(out, case, family, f"transformers {transformers.__version__} {cls.__name__}", config, model, taps_hf_swin, image, "pixel_values", call)


def torchvision_swin(out, case, image=(2, 3, 64, 64), **config):
    torch.manual_seed(0)
    config = {**dict(num_classes=5, patch_size=[4, 4], embed_dim=8, depths=[2, 1], num_heads=[2, 2], window_size=[4, 4], mlp_ratio=2.0, stochastic_depth_prob=0.0), **config}
    model = torchvision.models.SwinTransformer(**config)
    version = torchvision.__version__.split("+")[0]
    hook = lambda m, taps: [child.register_forward_hook(keep(taps, f"features.{n}")) for n, child in m.features.named_children()]
    write(out, case, "swin", f"torchvision {version} SwinTransformer", config, model, hook, image)


def timm_resnet(out, case, image=(2, 3, 32, 40), train=False, **config):
    torch.manual_seed(0)
    config = {**dict(num_classes=5, block="Bottleneck", layers=[1, 1, 1, 1], channels=[4, 4, 6, 8], stem_width=8, stem_type="deep"), **config}
    kinds = {"BasicBlock": resnet.BasicBlock, "Bottleneck": resnet.Bottleneck}
    block = [kinds[b] for b in config["block"]] if isinstance(config["block"], list) else kinds[config["block"]]
    args = {**config, "block": block}
    frozen = args.pop("norm_layer", None) == "FrozenBatchNorm2d"
    model = resnet.ResNet(**args)
    if frozen:
        # timm 1.0.29 cannot build with it, but turns its normalisations into torchvision.ops.misc.FrozenBatchNorm2d.
        model = freeze_batch_norm_2d(model)
    write(out, case, "resnet", f"timm {timm.__version__} ResNet", config, model, taps_resnet, image, train=train)


def torchvision_resnet(out, case, image=(1, 3, 33, 47), **config):
    torch.manual_seed(0)
    config = {**dict(num_classes=5, block="Bottleneck", layers=[1, 1, 1, 1]), **config}
    kinds = {"BasicBlock": torchvision.models.resnet.BasicBlock, "Bottleneck": torchvision.models.resnet.Bottleneck}
    model = torchvision.models.ResNet(**{**config, "block": kinds[config["block"]]})
    version = torchvision.__version__.split("+")[0]
    write(out, case, "resnet", f"torchvision {version} ResNet", config, model, taps_resnet, image)


def hf_resnet(out, case, image=(2, 3, 32, 40), **config):
    torch.manual_seed(0)
    config = {**dict(num_labels=5, embedding_size=64, hidden_sizes=[16, 16, 24, 32], depths=[1, 2, 1, 1]), **config}
    cls = transformers.ResNetForImageClassification
    model = cls(cls.config_class(**config))
    call = lambda m, x: m(x).logits
    write(out, case, "resnet", f"transformers {transformers.__version__} {cls.__name__}", config, model, taps_hf_resnet, image, "pixel_values", call)


def committed(out):
    # Windows that do not fit, odd maps to merge, an image of another size than the model's.
    swin(out, "swin-odd-sizes", img_size=16, strict_img_size=False, image=(2, 3, 18, 26), window_size=4, depths=[2, 2])
    swin(out, "swin-large-window", img_size=[8, 16], window_size=[5, 3], depths=[2, 1], qkv_bias=False)
    swin(out, "swinv2-odd-sizes", 2, img_size=[12, 20], window_size=[3, 5], pretrained_window_sizes=[2, 3], depths=[2, 1])
    hf_swin(out, "swin-hf-padded", image=(1, 3, 21, 27), depths=[2, 1])
    torchvision_swin(out, "swin-torchvision", image=(1, 3, 32, 48), patch_size=[2, 4], window_size=[4, 3])
    timm_resnet(out, "resnet-dilated", channels=[4, 4, 4, 6], output_stride=16, avg_down=True, cardinality=2, base_width=32, layers=[1, 1, 1, 2], image=(1, 3, 33, 47))
    # In training, where a fixed normalisation still learns nothing.
    timm_resnet(out, "resnet-frozen-norm", norm_layer="FrozenBatchNorm2d", block=["BasicBlock", "Bottleneck", "BasicBlock", "BasicBlock"], channels=[4, 4, 4, 4], image=(2, 3, 33, 42), train=True)


def everything(out):
    committed(out)
    swin(out, "swin-always", always_partition=True, img_size=12, window_size=8)
    swin(out, "swin-dynamic-small", strict_img_size=False, img_size=32, image=(2, 3, 14, 10), window_size=4)
    swin(out, "swin-dynamic-large", strict_img_size=False, img_size=16, image=(1, 3, 46, 34), window_size=4, depths=[2, 2, 2], num_heads=[2, 2, 4])
    swin(out, "swin-head-dim", head_dim=3, mlp_ratio=[2.0, 1.5], in_chans=1, qkv_bias=False)
    swin(out, "swin-per-stage", img_size=32, depths=[2, 3, 2], num_heads=[2, 4, 4], window_size=[8, 4, 2])
    swin(out, "swin-shift-one-axis", img_size=[8, 24], window_size=4)
    swin(out, "swin-one-stage", depths=[3], num_heads=[2], img_size=20, window_size=3, strict_img_size=False, image=(2, 3, 20, 20))
    swin_named(out, "swin-named", "swin", "swin_tiny_patch4_window7_224", (1, 3, 64, 64), img_size=64, embed_dim=12, depths=(2, 2, 2, 1), num_classes=5)
    swin(out, "swinv2-plain", 2)
    swin(out, "swinv2-no-bias", 2, qkv_bias=False, img_size=24, window_size=3, depths=[2, 2])
    swin(out, "swinv2-dynamic", 2, strict_img_size=False, img_size=16, image=(2, 3, 26, 34), window_size=4)
    swin(out, "swinv2-always", 2, always_partition=True, strict_img_size=False, img_size=16, window_size=8)
    swin(out, "swinv2-act", 2, act_layer="gelu_tanh", img_size=8, window_size=8, depths=[2])
    swin_named(out, "swinv2-named", "swinv2", "swinv2_base_window12to16_192to256", (1, 3, 64, 64), img_size=64, embed_dim=12, depths=(2, 2, 2, 1), num_heads=(2, 2, 4, 4), num_classes=5)
    hf_swin(out, "swin-hf-larger", image=(1, 3, 34, 46))
    hf_swin(out, "swin-hf-absolute", use_absolute_embeddings=True, qkv_bias=False, hidden_act="gelu_pytorch_tanh")
    hf_swin(out, "swin-hf-eps", layer_norm_eps=1e-3)
    hf_swin(out, "swinv2-hf", 2)
    hf_swin(out, "swinv2-hf-padded", 2, image_size=24, image=(1, 3, 22, 25), window_size=4, depths=[2, 2])
    hf_swin(out, "swinv2-hf-pretrained", 2, pretrained_window_sizes=[3, 2], image_size=16, window_size=4)
    timm_resnet(out, "resnet-basic-deep", block="BasicBlock", stem_type="deep_tiered", avg_down=True, train=True)
    timm_resnet(out, "resnet-mixed", block=["BasicBlock", "Bottleneck", "BasicBlock", "Bottleneck"], image=(1, 3, 31, 45))
    timm_resnet(out, "resnet-stride-8", output_stride=8, stem_type="", stem_width=64)
    timm_resnet(out, "resnet-basic-dilated", block="BasicBlock", output_stride=8)
    timm_resnet(out, "resnet-one-channel", in_chans=1, image=(2, 1, 28, 28))
    timm_resnet(out, "resnet-train-bottleneck", train=True, image=(3, 3, 40, 32))
    torchvision_resnet(out, "resnet-torchvision-dc5", replace_stride_with_dilation=[False, False, True], layers=[1, 1, 1, 3])
    torchvision_resnet(out, "resnet-torchvision-next", groups=4, width_per_group=8)
    torchvision_resnet(out, "resnet-torchvision-basic", block="BasicBlock")
    hf_resnet(out, "resnet-hf")
    hf_resnet(out, "resnet-hf-basic", layer_type="basic", hidden_sizes=[8, 8, 12, 16])


args = [arg for arg in sys.argv[1:] if arg != "--all"]
target = pathlib.Path(args[0]) if args else here
(everything if "--all" in sys.argv else committed)(target)
