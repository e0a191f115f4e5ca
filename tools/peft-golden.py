"""Writes tests/pretrained/golden/peft/: adapters that PEFT made for timm's model, and what it computes with them (float64); and golden/peft-transformers/: the
same for a ViT of transformers, with its weights.

Base weights and images are not stored: both sides make them by the same rule (`drawn` in vit-variants-golden.py and tests/models/drawn.ts).
`peft-golden.py FOLDER` instead loads adapters from FOLDER/*/ into timm's model and says how far PEFT's logits are from those in FOLDER/*/logits.json.
"""

import importlib.util
import json
import pathlib
import sys

import numpy as np
import torch

here = pathlib.Path(__file__).parent
spec = importlib.util.spec_from_file_location("variants", here / "vit-variants-golden.py")
variants = importlib.util.module_from_spec(spec)
spec.loader.exec_module(variants)

import peft  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from timm.models.vision_transformer import VisionTransformer  # noqa: E402

OUT = here.parent / "tests" / "pretrained" / "golden" / "peft"
tiny = dict(img_size=16, patch_size=8, embed_dim=24, depth=2, num_heads=3, num_classes=5, mlp_ratio=2.0)
cases = {
    "plain": dict(r=2, lora_alpha=4, target_modules=["qkv", "attn.proj", "fc1", "fc2"], modules_to_save=["head"]),
    "patterns": dict(r=3, lora_alpha=5, target_modules=["qkv", "fc1"], use_rslora=True, rank_pattern={"blocks.1.mlp.fc1": 2}, alpha_pattern={"fc1": 7}),
}


def fill(named):
    with torch.no_grad():
        for name, value in named:
            value.copy_(torch.from_numpy(np.array(variants.drawn(name, tuple(value.shape)))))


def base():
    model = VisionTransformer(**tiny)
    fill(model.state_dict().items())
    return model


def run(model, grads):
    """Logits, and the gradients of their cross-entropy with labels 1 and 3."""
    model = model.double().eval()
    image = torch.from_numpy(variants.drawn("image", (2, 3, 16, 16))).double()
    logits = model(image)
    torch.nn.functional.cross_entropy(logits, torch.tensor([1, 3])).backward()
    return {"logits": logits.detach(), **{f"grad.{n}": p.grad for n, p in grads(model)}}


def names(model):
    """The parameters that PEFT trains, by the names of its files."""
    short = lambda name: name.replace(".default", "").replace(".modules_to_save", "")
    return [(short(name), p) for name, p in model.named_parameters() if p.requires_grad]


def main():
    for case, args in cases.items():
        model = peft.get_peft_model(base(), peft.LoraConfig(**args))
        fill(names(model))
        folder = OUT / case
        model.save_pretrained(folder)
        (folder / "README.md").unlink(missing_ok=True)
        expected = {name: value.float().contiguous() for name, value in run(model, names).items()}
        save_file(expected, folder / "expected.safetensors")
    transformers()


def transformers():
    from transformers import ViTConfig, ViTForImageClassification

    out = OUT.parent / "peft-transformers"
    sizes = dict(image_size=16, patch_size=8, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=48)
    model = ViTForImageClassification(ViTConfig(**sizes, id2label=dict(enumerate("abcde"))))
    fill(model.state_dict().items())
    model.save_pretrained(out / "base")
    config = peft.LoraConfig(r=2, lora_alpha=3, target_modules=["q_proj", "v_proj", "o_proj", "fc2"], modules_to_save=["classifier"])
    model = peft.get_peft_model(model, config)
    fill(names(model))
    model.save_pretrained(out / "adapter")
    (out / "adapter" / "README.md").unlink(missing_ok=True)
    with torch.no_grad():
        logits = model.double().eval()(torch.from_numpy(variants.drawn("image", (2, 3, 16, 16))).double()).logits
    (out / "logits.json").write_text(json.dumps([float(f"{x:.9g}") for x in logits.reshape(-1).tolist()]) + "\n")


def check(root):
    image = torch.from_numpy(variants.drawn("image", (2, 3, 16, 16))).double()
    worst = 0.0
    for folder in sorted(path.parent for path in root.glob("*/logits.json")):
        model = peft.PeftModel.from_pretrained(base(), folder).double().eval()
        with torch.no_grad():
            error = (model(image).reshape(-1) - torch.tensor(json.loads((folder / "logits.json").read_text()))).abs().max().item()
        print(f"{folder.name}: logits differ by at most {error:.2e}")
        worst = max(worst, error)
    sys.exit(0 if worst < 1e-5 else 1)


check(pathlib.Path(sys.argv[1])) if len(sys.argv) > 1 else main()
