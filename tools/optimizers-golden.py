"""Writes tests/optim/golden/*.safetensors: five steps of LAMB, Lion and Muon; schedules.json: learning rates of torch's schedulers; layers.json:
timm's number of the layer of each parameter.

LAMB and Lion are timm's, Muon is torch's with its AdamW beside it for what is no matrix. torch's Muon orthogonalises in bfloat16, which is a
matter of speed on its devices, not of the method: here the same code runs in float32. Run with torch 2.13 and timm 1.0.29:
    python tools/optimizers-golden.py
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
from timm import create_model  # noqa: E402
from timm.models import group_parameters  # noqa: E402
from timm.optim import Lamb, Lion  # noqa: E402
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau  # noqa: E402

OUT = pathlib.Path(__file__).parent.parent / "tests" / "optim" / "golden"
# Wide and tall matrices, a vector, a kernel of a convolution; the vector has no weight decay.
SHAPES = [(4, 6), (6,), (7, 3), (3, 2, 2, 2)]
RATES = [0.01, 0.02, 0.015, 0.01, 0.004]

torch.Tensor.bfloat16 = lambda self: self.clone()


def groups(params, weight_decay):
    return [
        {"params": [p for p in params if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in params if p.ndim <= 1], "weight_decay": 0.0},
    ]


def lamb(params, config):
    return [Lamb(groups(params, config["weight_decay"]), betas=config["betas"], eps=config["eps"], max_grad_norm=None)]


def lion(params, config):
    return [Lion(groups(params, config["weight_decay"]), betas=config["betas"])]


def muon(params, config):
    matrices = [p for p in params if p.ndim == 2]
    rest = [p for p in params if p.ndim != 2]
    return [
        torch.optim.Muon(
            matrices,
            weight_decay=config["weight_decay"],
            momentum=config["momentum"],
            nesterov=config["nesterov"],
            adjust_lr_fn=config["adjust"],
        ),
        torch.optim.AdamW(groups(rest, config["weight_decay"]), betas=config["betas"], eps=1e-8),
    ]


CASES = {
    "lamb": (lamb, {"betas": [0.9, 0.999], "eps": 1e-6, "weight_decay": 0.02, "clip_norm": None}),
    "lamb-clip": (lamb, {"betas": [0.8, 0.99], "eps": 1e-6, "weight_decay": 0.0, "clip_norm": 1.0}),
    "lion": (lion, {"betas": [0.9, 0.99], "weight_decay": 0.1, "clip_norm": None}),
    "lion-clip": (lion, {"betas": [0.95, 0.98], "weight_decay": 0.0, "clip_norm": 1.0}),
    "muon": (
        muon,
        {"betas": [0.9, 0.999], "momentum": 0.95, "nesterov": True, "adjust": "match_rms_adamw", "weight_decay": 0.1, "clip_norm": None},
    ),
    "muon-original": (
        muon,
        {"betas": [0.9, 0.999], "momentum": 0.8, "nesterov": False, "adjust": "original", "weight_decay": 0.0, "clip_norm": 1.0},
    ),
}


def write_case(name, make, config):
    generator = torch.Generator().manual_seed(7)
    params = [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]
    tensors = {f"input.start.{i}": p.detach().clone() for i, p in enumerate(params)}
    optimizers = make(params, config)
    for t, rate in enumerate(RATES):
        for i, p in enumerate(params):
            p.grad = torch.randn(p.shape, generator=generator) * (1 + t % 2)
            tensors[f"input.grad.{t}.{i}"] = p.grad.clone()
        if config["clip_norm"] is not None:
            torch.nn.utils.clip_grad_norm_(params, config["clip_norm"])
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
        for i, p in enumerate(params):
            tensors[f"output.param.{t}.{i}"] = p.detach().clone()
    metadata = {
        "format": "vitrine-golden/1",
        "config": json.dumps({**config, "rates": RATES}),
        "tolerance": json.dumps({"rtol": 2e-5, "atol": 2e-6}),
    }
    save_file(tensors, OUT / f"{name}.safetensors", metadata=metadata)


def optimizer_at(rate):
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)


def one_cycle(config):
    optimizer = optimizer_at(1.0)
    schedule = OneCycleLR(optimizer, cycle_momentum=False, **config)
    rates = []
    for _ in range(config["total_steps"]):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(rates) < config["total_steps"]:
            schedule.step()
    return {"config": config, "rates": rates}


def plateau(config, losses):
    optimizer = optimizer_at(0.1)
    schedule = ReduceLROnPlateau(optimizer, **config)
    rates = [0.1]
    for loss in losses:
        schedule.step(loss)
        rates.append(optimizer.param_groups[0]["lr"])
    return {"config": config, "losses": losses, "rates": rates}


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for name, (make, config) in CASES.items():
        write_case(name, make, config)
    flat = [3.0, 2.0, 1.9999, 1.99985, 1.9998, 1.99975, 1.5, 1.6, 1.55, 1.51, 1.5, 1.49, 1.6, 1.6, 1.6, 1.6, 1.6, 1.6, 1.6, 1.2]
    schedules = {
        "oneCycle": [
            one_cycle({"max_lr": 0.1, "total_steps": 40}),
            one_cycle({"max_lr": 0.5, "total_steps": 17, "pct_start": 0.2, "div_factor": 10.0, "final_div_factor": 100.0}),
        ],
        "plateau": [
            plateau({"factor": 0.1, "patience": 2}, flat),
            plateau({"factor": 0.5, "patience": 1, "min_lr": 0.02}, flat),
            plateau({"factor": 0.5, "patience": 0}, flat),
        ],
    }
    (OUT / "schedules.json").write_text(json.dumps(schedules, indent=1) + "\n")
    layers = {}
    for name in ("swin_tiny_patch4_window7_224", "resnet18", "tnt_s_patch16_224"):
        model = create_model(name, device="meta")
        numbers = group_parameters(model, model.group_matcher(coarse=False), reverse=True)
        layers[name] = {key: numbers[key] for key, _ in model.named_parameters()}
    (OUT / "layers.json").write_text(json.dumps(layers, indent=0) + "\n")


main()
