"""Writes tests/tasks/golden/mae-hf.safetensors: what transformers' masked autoencoder computes (what the authors' does: authors-names.py).

Of ViTMAEForPreTraining in the format vitrine-golden/1, under the names of its files, computed in float64 and stored as float32; its tolerance is
ten times the gap to the reference's own float32, at least 1e-5.
"""

import copy
import json
import pathlib
import tempfile

import torch

# torchvision without its compiled operators is enough here.
register_fake = torch.library.register_fake
torch.library.register_fake = lambda name, *a, **k: (
    (lambda f: f) if str(name).startswith("torchvision::") else register_fake(name, *a, **k)
)

import transformers  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

tests = pathlib.Path(__file__).parent.parent / "tests"


def saved_names(model):
    """transformers 5 renames parts in memory; files keep the published names. No two tensors here are equal, so values tell which is which."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        files = load_file(pathlib.Path(folder) / "model.safetensors")
    own = dict(model.named_parameters())
    return {n: next(key for key, value in files.items() if value.shape == p.shape and torch.equal(value, p)) for n, p in own.items()}


def hugging_face():
    torch.manual_seed(0)
    config = dict(image_size=12, patch_size=3, num_channels=1, hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=20)
    config |= dict(decoder_hidden_size=8, decoder_num_hidden_layers=1, decoder_num_attention_heads=2, decoder_intermediate_size=12)
    config |= dict(mask_ratio=0.6, norm_pix_loss=True)
    model = transformers.ViTMAEForPreTraining(transformers.ViTMAEConfig(**config, attn_implementation="eager")).eval()
    with torch.no_grad():
        for p in model.parameters():
            if p.requires_grad:
                p += 0.1 * torch.randn_like(p)
    names = saved_names(model)
    x, noise = torch.randn(2, 1, 12, 12), torch.rand(2, 16)

    def run(dtype):
        m, taps = copy.deepcopy(model).to(dtype), {}
        keep = lambda name: lambda _, args, out: taps.__setitem__(name, out[0] if isinstance(out, tuple) else out)
        m.vit.layernorm.register_forward_hook(keep("vit.layernorm"))
        for i, layer in enumerate(m.decoder.decoder_layers):
            layer.register_forward_hook(keep(f"decoder.decoder_layers.{i}"))
        image = x.to(dtype).requires_grad_()
        out = m(image, noise=noise.to(dtype))
        out.loss.backward()
        found = {"output.loss": out.loss, "output.logits": out.logits, "output.mask": out.mask, "loss": out.loss}
        found |= {"output.ids_restore": out.ids_restore, "grad.input.pixel_values": image.grad}
        found |= {f"tap.{name}": value for name, value in taps.items()}
        found |= {f"grad.{names[name]}": p.grad for name, p in m.named_parameters() if p.grad is not None}
        return {name: value.detach().clone() for name, value in found.items()}

    floats = lambda t: t if t.dtype == torch.int64 else t.float()
    want, rough = run(torch.float64), run(torch.float32)
    gap = max((want[name].double() - rough[name].double()).abs().max().item() for name in want)
    tolerance = max(1e-5, float(f"{10 * gap:.0e}"))
    tensors = {f"param.{names[name]}": p.detach() for name, p in model.named_parameters()}
    tensors |= {"input.pixel_values": x, "input.noise": noise} | {name: floats(value) for name, value in want.items()}
    save_file(
        {name: value.contiguous().clone() for name, value in tensors.items()},
        tests / "tasks" / "golden" / "mae-hf.safetensors",
        {
            "format": "vitrine-golden/1",
            "case": "mae-hf",
            "model": "mae",
            "reference": f"transformers {transformers.__version__} ViTMAEForPreTraining",
            "config": json.dumps(config),
            "mode": "eval",
            "loss": "output.loss",
            "tolerance": json.dumps({"rtol": tolerance, "atol": tolerance}),
            "notes": "made by tools/mae-golden.py",
        },
    )
    print("tolerance", tolerance)


hugging_face()
