"""Writes what the tests know of timm's TNT: tests/models/golden/tnt-counts.json and tests/tasks/golden/tnt-legacy.safetensors.

The counts: for every name, the number of parameters, SHA-256 of the sorted lines "name [shape]" of its state, labels, and
the tag of timm's default weights with their preprocessing.
The golden file is in the format vitrine-golden/1, computed in float64 and stored as float32; its tolerance is ten times the gap to the reference's
own float32, at least 1e-5. Run with timm 1.0.29:  python tools/tnt-golden.py
"""

import copy
import hashlib
import json
import pathlib

import torch

# torchvision without its compiled operators is enough here.
register_fake = torch.library.register_fake
torch.library.register_fake = lambda name, *a, **k: (
    (lambda f: f) if str(name).startswith("torchvision::") else register_fake(name, *a, **k)
)

import timm  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from timm.models import list_models, tnt  # noqa: E402

tests = pathlib.Path(__file__).parent.parent / "tests"


def describe(name):
    model = timm.create_model(name, device="meta")
    cfg = model.pretrained_cfg
    lines = sorted(f"{key} [{','.join(map(str, value.shape))}]" for key, value in model.state_dict().items())
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "state": hashlib.sha256("\n".join(lines).encode()).hexdigest(),
        "labels": model.num_classes,
        "tag": cfg["tag"],
        "preprocessing": {
            "input_size": list(cfg["input_size"]),
            "interpolation": cfg["interpolation"],
            "crop_pct": cfg["crop_pct"],
            "crop_mode": cfg.get("crop_mode", "center"),
            "mean": list(cfg["mean"]),
            "std": list(cfg["std"]),
        },
    }


def counts():
    text = ",\n".join(f"{json.dumps(name)}: {json.dumps(describe(name))}" for name in sorted(list_models(module="tnt")))
    (tests / "models" / "golden" / "tnt-counts.json").write_text("{\n" + text + "\n}\n")


def legacy():
    torch.manual_seed(0)
    config = dict(img_size=[8, 16], patch_size=8, first_stride=2, embed_dim=12, inner_dim=4, depth=2, num_heads_inner=2, num_heads_outer=3)
    config |= dict(num_classes=5, qkv_bias=True, mlp_ratio=2.0, global_pool="avg", legacy=True)
    model = tnt.TNT(**config)
    with torch.no_grad():
        for p in model.parameters():
            p += 0.1 * torch.randn_like(p)
    x, target = torch.randn(2, 3, 8, 16), torch.randint(0, 5, (2,))

    def run(dtype):
        m, taps = copy.deepcopy(model).to(dtype), {}
        for i, block in enumerate(m.blocks):
            block.register_forward_hook(lambda _, args, out, i=i: taps.update({f"blocks.{i}.inner": out[0], f"blocks.{i}.outer": out[1]}))
            for part in ("attn_in", "attn_out"):
                name = f"blocks.{i}.{part}.probs"
                getattr(block, part).attn_drop.register_forward_pre_hook(lambda _, args, name=name: taps.__setitem__(name, args[0]))
        image = x.to(dtype).requires_grad_()
        logits = m(image)
        loss = torch.nn.functional.cross_entropy(logits, target)
        loss.backward()
        found = {"output.logits": logits, "loss": loss, "grad.input.image": image.grad}
        found |= {f"tap.{name}": value for name, value in taps.items()}
        found |= {f"grad.{name}": p.grad for name, p in m.named_parameters() if p.grad is not None}
        return {name: value.detach().clone() for name, value in found.items()}

    want, rough = run(torch.float64), run(torch.float32)
    gap = max((want[name] - rough[name].double()).abs().max().item() for name in want)
    tolerance = max(1e-5, float(f"{10 * gap:.0e}"))
    tensors = {f"param.{name}": p.detach() for name, p in model.named_parameters()} | {"input.image": x, "input.target": target}
    tensors |= {name: value.float() for name, value in want.items()}
    save_file(
        {name: value.contiguous().clone() for name, value in tensors.items()},
        tests / "tasks" / "golden" / "tnt-legacy.safetensors",
        {
            "format": "vitrine-golden/1",
            "case": "tnt-legacy",
            "model": "tnt",
            "reference": f"timm {timm.__version__} TNT",
            "config": json.dumps(config),
            "mode": "eval",
            "loss": "mean cross-entropy of output.logits against input.target",
            "tolerance": json.dumps({"rtol": tolerance, "atol": tolerance}),
            "notes": "made by tools/tnt-golden.py",
        },
    )
    print("tolerance", tolerance)


counts()
legacy()
