"""Makes tests/weights/fixtures with the reference packages: torch, numpy, safetensors.

Usage: python tools/weights-fixtures.py
Each .pt or .npz file has a .safetensors twin with the values that a reader must find.
"""

import os
from collections import OrderedDict

import numpy as np
import torch
from safetensors.torch import save_file

out = os.path.join(os.path.dirname(__file__), "..", "tests", "weights", "fixtures")
os.makedirs(out, exist_ok=True)
path = lambda name: os.path.join(out, name)
torch.manual_seed(0)

DTYPES = "float32 float64 float16 bfloat16 int8 uint8 int16 uint16 int32 uint32 int64 uint64 bool".split()


def pair(name, tree, flat, **options):
    torch.save(tree, path(name + ".pt"), **options)
    save_file({k: v.detach().clone().contiguous() for k, v in flat.items()}, path(name + ".safetensors"))


# Every element type, ranks 0 to 4, no elements, names that need escapes.
every = {f"t.{d}": (torch.arange(6).reshape(2, 3) * 3 % 7).to(getattr(torch, d)) for d in DTYPES}
every |= {
    "scalar": torch.tensor(3.5),
    "empty": torch.zeros(0, 4),
    "rank4": torch.randn(2, 1, 3, 2),
    'odd "name"\\\t\u00e9\U0001f600': torch.ones(1),
    "\uffee": torch.ones(1),
}
save_file(every, path("every-dtype.safetensors"), metadata={"format": 'pt "quoted" \u00e9\x01'})

torch_types = {k: v for k, v in every.items() if k.startswith("t.") or k in ("scalar", "empty", "rank4")}
pair("torch-dtypes", OrderedDict(torch_types), torch_types)

# Views: transposed, sliced with an offset, strided, expanded, and two names over one storage.
base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
views = {
    "base": base,
    "transposed": base.t(),
    "row": base[2],
    "strided": base[1:, ::2],
    "expanded": torch.arange(3.0).reshape(1, 3).expand(4, 3),
    "permuted": torch.arange(24, dtype=torch.float16).reshape(2, 3, 4).permute(2, 0, 1),
    "same": base,
}
pair("torch-views", dict(views), views)

# What training scripts save: a wrapper with other things in it, parameters, a module's own state dict.
module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
optimizer = torch.optim.AdamW(module.parameters())
module(torch.randn(4, 3)).sum().backward()
optimizer.step()
wrapped = {
    "model": module.state_dict(),
    "optimizer": optimizer.state_dict(),
    "epoch": 3,
    "lr": 1e-3,
    "big": 2**80,
    "done": True,
    "none": None,
    "tags": ["a", ("b", 1), {"c": 2.5}, b"bytes"],
    "size": torch.Size([2, 3]),
    "device": torch.device("cpu"),
    "dtype": torch.float32,
}
pair("torch-wrapped", wrapped, module.state_dict())
parameters = OrderedDict((k, torch.nn.Parameter(v.clone())) for k, v in module.named_parameters())
pair("torch-parameters", {"state_dict": parameters}, parameters)
for protocol in (3, 4, 5):
    torch.save(OrderedDict(parameters), path(f"torch-protocol{protocol}.pt"), pickle_protocol=protocol)

# What a restricted reader must refuse.
torch.save(module, path("torch-module.pt"))
torch.save(dict(parameters), path("torch-legacy.pt"), _use_new_zipfile_serialization=False)

# npz: stored and deflated, Fortran order, big-endian, every type.
arrays = {
    "f4": np.arange(6, dtype="<f4").reshape(2, 3),
    "fortran": np.asfortranarray(np.arange(24, dtype="<f4").reshape(2, 3, 4)),
    "big": np.arange(6, dtype=">f8").reshape(3, 2),
    "bigint": np.arange(4, dtype=">i4"),
    "bighalf": np.arange(5, dtype=">f2"),
    "f2": np.arange(5, dtype="<f2"),
    "bool": np.array([[True, False], [False, True]]),
    "scalar": np.float32(2.5),
    "empty": np.zeros((0, 3), "<f4"),
    "path/with/slashes": np.ones((2, 2), "<f8"),
} | {d: np.arange(4, dtype=d) for d in "i1 u1 <i2 <u2 <i4 <u4 <i8 <u8".split()}
np.savez(path("stored.npz"), **arrays)
np.savez_compressed(path("deflated.npz"), **arrays)
twin = {k: torch.from_numpy(np.asarray(np.asarray(v).astype(np.asarray(v).dtype.newbyteorder("=")), order="C").copy()) for k, v in arrays.items()}
save_file(twin, path("npz.safetensors"))
np.savez(path("objects.npz"), a=np.array([{}, []], dtype=object))
