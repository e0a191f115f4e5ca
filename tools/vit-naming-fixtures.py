"""Makes tests/weights/fixtures/naming: one tiny ViT under each publisher's names, and the same under timm's.

Usage: python tools/vit-naming-fixtures.py
That a pair is the same model is checked here: both give equal logits, or timm's own loader made the second of the first.
"""

import os
import tempfile

import numpy as np
import torch

# torchvision without its compiled operators still registers their shapes; none of them is used here.
try:
    import torchvision
except RuntimeError:
    import sys
    import types

    for name in [m for m in sys.modules if m.startswith("torchvision")]:
        del sys.modules[name]
    sys.modules["torchvision._meta_registrations"] = types.ModuleType("torchvision._meta_registrations")
    import torchvision

import timm.models.vision_transformer as tv
from safetensors.torch import load_file, save_file
from transformers import DeiTConfig, DeiTForImageClassificationWithTeacher, ViTConfig, ViTForImageClassification, ViTModel

out = os.path.join(os.path.dirname(__file__), "..", "tests", "weights", "fixtures", "naming")
os.makedirs(out, exist_ok=True)
path = lambda name: os.path.join(out, name)
torch.manual_seed(0)
SIZES = dict(img_size=8, patch_size=4, embed_dim=8, depth=2, num_heads=2, mlp_ratio=2, num_classes=3)
IMAGES = torch.randn(2, 3, 8, 8)


def noisy(model):
    for p in model.parameters():
        p.data = torch.randn_like(p) * 0.3
    return model.eval()


def timm_model(cls=tv.VisionTransformer, **options):
    return cls(**(SIZES | options)).eval()


def save_hf(model, name):
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        tensors = load_file(os.path.join(folder, "model.safetensors"))
    save_file(tensors, path(name + ".safetensors"))
    return tensors


def from_hf(tensors, prefix):
    block = lambda i, leaf: {
        f"blocks.{i}.norm1.{leaf}": tensors[f"{prefix}encoder.layer.{i}.layernorm_before.{leaf}"],
        f"blocks.{i}.attn.qkv.{leaf}": torch.cat(
            [tensors[f"{prefix}encoder.layer.{i}.attention.attention.{p}.{leaf}"] for p in ("query", "key", "value")]
        ),
        f"blocks.{i}.attn.proj.{leaf}": tensors[f"{prefix}encoder.layer.{i}.attention.output.dense.{leaf}"],
        f"blocks.{i}.norm2.{leaf}": tensors[f"{prefix}encoder.layer.{i}.layernorm_after.{leaf}"],
        f"blocks.{i}.mlp.fc1.{leaf}": tensors[f"{prefix}encoder.layer.{i}.intermediate.dense.{leaf}"],
        f"blocks.{i}.mlp.fc2.{leaf}": tensors[f"{prefix}encoder.layer.{i}.output.dense.{leaf}"],
    }
    result = {
        "cls_token": tensors[f"{prefix}embeddings.cls_token"],
        "pos_embed": tensors[f"{prefix}embeddings.position_embeddings"],
    }
    for leaf in ("weight", "bias"):
        result[f"patch_embed.proj.{leaf}"] = tensors[f"{prefix}embeddings.patch_embeddings.projection.{leaf}"]
        result[f"norm.{leaf}"] = tensors[f"{prefix}layernorm.{leaf}"]
        for i in range(2):
            result |= block(i, leaf)
    return result


def agree(ours, reference_logits):
    with torch.no_grad():
        assert torch.allclose(ours(IMAGES), reference_logits, atol=1e-5)


def finish(name, model):
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, path(name + ".timm.safetensors"))


common = dict(
    hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, image_size=8, patch_size=4,
    layer_norm_eps=1e-6, num_labels=3,
)
hf = noisy(ViTForImageClassification(ViTConfig(**common)))
tensors = save_hf(hf, "hf-vit")
model = timm_model()
model.load_state_dict(from_hf(tensors, "vit.") | {f"head.{l}": tensors[f"classifier.{l}"] for l in ("weight", "bias")})
agree(model, hf(IMAGES).logits)
finish("hf-vit", model)

save_hf(noisy(ViTModel(ViTConfig(**common))), "hf-vit-bare")

hf = noisy(DeiTForImageClassificationWithTeacher(DeiTConfig(**common)))
tensors = save_hf(hf, "hf-deit")
from timm.models.deit import VisionTransformerDistilled

model = timm_model(VisionTransformerDistilled)
heads = {f"{a}.{l}": tensors[f"{b}.{l}"] for a, b in (("head", "cls_classifier"), ("head_dist", "distillation_classifier")) for l in ("weight", "bias")}
model.load_state_dict(from_hf(tensors, "deit.") | heads | {"dist_token": tensors["deit.embeddings.distillation_token"]})
agree(model, hf(IMAGES).logits)
finish("hf-deit", model)

import torchvision.models.vision_transformer as visionvit

reference = noisy(visionvit.VisionTransformer(8, 4, 2, 2, 8, 16, num_classes=3))
tensors = {k: v.contiguous() for k, v in reference.state_dict().items()}
save_file(tensors, path("torchvision.safetensors"))
rename = {
    "class_token": "cls_token", "encoder.pos_embedding": "pos_embed", "conv_proj": "patch_embed.proj", "encoder.ln": "norm", "heads.head": "head",
    "encoder.layers.encoder_layer_": "blocks.", "ln_1": "norm1", "ln_2": "norm2", "self_attention.in_proj_": "attn.qkv.",
    "self_attention.out_proj": "attn.proj", "mlp.0": "mlp.fc1", "mlp.3": "mlp.fc2",
}
renamed = {}
for key, value in tensors.items():
    for a, b in rename.items():
        key = key.replace(a, b)
    renamed[key] = value
model = timm_model()
model.load_state_dict(renamed)
agree(model, reference(IMAGES))
finish("torchvision", model)
older = {k.replace("mlp.0", "mlp.linear_1").replace("mlp.3", "mlp.linear_2"): v for k, v in tensors.items()}
save_file(older, path("torchvision-older.safetensors"))

# CLIP and DINOv2: names made here, read by timm's own filter. DeiT III: the older names of timm's own layer scale.
def filtered(name, foreign, model):
    save_file(foreign, path(name + ".safetensors"))
    kept = tv.checkpoint_filter_fn(dict(foreign), model)
    save_file({k: v.contiguous() for k, v in kept.items()}, path(name + ".timm.safetensors"))
    model.load_state_dict(kept)


model = noisy(timm_model(pre_norm=True))
foreign = {"logit_scale": torch.ones(()), "ln_final.weight": torch.ones(8), "transformer.resblocks.0.ln_1.weight": torch.ones(8)}
for key, value in model.state_dict().items():
    for a, b in {
        "blocks.": "visual.transformer.resblocks.", "norm_pre": "visual.ln_pre", "norm1": "ln_1", "norm2": "ln_2", "attn.qkv.": "attn.in_proj_",
        "attn.proj": "attn.out_proj", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj", "patch_embed.proj.weight": "visual.conv1.weight",
    }.items():
        key = key.replace(a, b)
    key = key.replace("norm.", "visual.ln_post.") if key.startswith("norm.") else key
    if key == "head.weight":
        key, value = "visual.proj", value.T
    elif key == "pos_embed":
        key, value = "visual.positional_embedding", value[0]
    elif key == "cls_token":
        key, value = "visual.class_embedding", value[0, 0]
    if key != "head.bias":
        foreign[key] = value.contiguous()
filtered("clip", foreign, model)

model = noisy(timm_model(init_values=1.0))
foreign = {k.replace("ls1.gamma", "gamma_1").replace("ls2.gamma", "gamma_2"): v for k, v in model.state_dict().items()}
save_file(foreign, path("deit3.safetensors"))
finish("deit3", model)

from timm.layers import SwiGLUPacked

model = noisy(timm_model(init_values=1.0, mlp_layer=SwiGLUPacked, act_layer=torch.nn.SiLU, num_classes=0))
foreign = {k.replace("mlp.fc1", "mlp.w12").replace("mlp.fc2", "mlp.w3"): v for k, v in model.state_dict().items()}
filtered("dinov2", foreign | {"mask_token": torch.zeros(1, 8)}, model)

# JAX: random files of the right shapes, read by timm's own loader.
D, H, N = 8, 2, 5
rand = lambda *shape: np.random.default_rng(len(arrays)).normal(size=shape).astype("f4")


def dense(name, i, o):
    arrays[name + "/kernel"] = rand(i, o)
    arrays[name + "/bias"] = rand(o)


def norm(name):
    arrays[name + "/scale"] = rand(D)
    arrays[name + "/bias"] = rand(D)


def attention(name):
    for part in ("query", "key", "value"):
        arrays[f"{name}/{part}/kernel"] = rand(D, H, D // H)
        arrays[f"{name}/{part}/bias"] = rand(H, D // H)
    arrays[f"{name}/out/kernel"] = rand(H, D // H, D)
    arrays[f"{name}/out/bias"] = rand(D)


for name, prefix, big in (("jax", "", False), ("jax-target", "opt/target/", False), ("big-vision", "params/", True), ("big-vision-map", "params/img/", True)):
    pool = name == "big-vision-map"
    arrays = {}
    if not pool:
        arrays[prefix + "cls"] = rand(1, 1, D)
    dense(prefix + "embedding", 1, D)
    arrays[prefix + "embedding/kernel"] = rand(4, 4, 3, D)
    arrays[prefix + ("pos_embedding" if big else "Transformer/posembed_input/pos_embedding")] = rand(1, N - pool, D)
    for i in range(2):
        block = f"{prefix}Transformer/encoderblock_{i}/"
        norm(block + "LayerNorm_0")
        attention(block + ("MultiHeadDotProductAttention_0" if big else "MultiHeadDotProductAttention_1"))
        norm(block + ("LayerNorm_1" if big else "LayerNorm_2"))
        mlp = block + ("MlpBlock_0" if big else "MlpBlock_3")
        dense(mlp + "/Dense_0", D, 2 * D)
        dense(mlp + "/Dense_1", 2 * D, D)
    norm(prefix + "Transformer/encoder_norm")
    if pool:
        head = prefix + "MAPHead_0/"
        arrays[head + "probe"] = rand(1, 1, D)
        attention(head + "MultiHeadDotProductAttention_0")
        norm(head + "LayerNorm_0")
        dense(head + "MlpBlock_0/Dense_0", D, 2 * D)
        dense(head + "MlpBlock_0/Dense_1", 2 * D, D)
    else:
        dense(prefix + "head", D, 3)
    np.savez(path(name + ".npz"), **arrays)
    model = timm_model(**(dict(class_token=False, global_pool="map", num_classes=0) if pool else {}))
    model.load_pretrained(path(name + ".npz"))
    finish(name, model)
