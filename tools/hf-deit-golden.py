"""Writes tests/pretrained/golden/hf-deit/: a tiny DeiT of transformers without its teacher's head as it saves itself, and its logits (float64).

Weights and images are made by the rule `drawn` of vit-variants-golden.py.
"""

import importlib.util
import json
import pathlib

import numpy as np
import torch

here = pathlib.Path(__file__).parent
spec = importlib.util.spec_from_file_location("variants", here / "vit-variants-golden.py")
variants = importlib.util.module_from_spec(spec)
spec.loader.exec_module(variants)

from transformers import DeiTConfig, DeiTForImageClassification  # noqa: E402

OUT = here.parent / "tests" / "pretrained" / "golden" / "hf-deit"
sizes = dict(image_size=16, patch_size=8, hidden_size=24, num_hidden_layers=1, num_attention_heads=3, intermediate_size=48)
model = DeiTForImageClassification(DeiTConfig(**sizes, id2label={0: "a", 1: "b", 2: "c"})).eval()
with torch.no_grad():
    for name, value in model.state_dict().items():
        value.copy_(torch.from_numpy(np.array(variants.drawn(name, tuple(value.shape)))))
    model.save_pretrained(OUT)
    image = torch.from_numpy(variants.drawn("image", (2, 3, 16, 16))).double()
    logits = model.double()(image).logits
(OUT / "logits.json").write_text(json.dumps([float(f"{x:.9g}") for x in logits.reshape(-1).tolist()]) + "\n")
