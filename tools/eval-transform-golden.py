"""Writes tests/data/golden/eval-transforms.json: SHA-256 of the input tensors that timm and transformers make of the photographs in a folder,
and the tensors of a small random image under many configurations.

Usage: eval-transform-golden.py FOLDER   (Pillow, timm, torchvision, transformers)
"""

import base64
import hashlib
import io
import json
import pathlib
import sys

import numpy as np
import torch

# torchvision without its compiled operators is enough here.
register_fake = torch.library.register_fake
torch.library.register_fake = lambda name, *a, **k: (lambda f: f) if str(name).startswith("torchvision::") else register_fake(name, *a, **k)

from PIL import Image
from timm.data import create_transform
from transformers.models.deit.image_processing_pil_deit import DeiTImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

HALF = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
TIMM = [
    {"input_size": [3, 224, 224], "interpolation": "bicubic", "crop_pct": 0.9, **HALF},
    {"input_size": [3, 224, 224], "interpolation": "bicubic", "crop_pct": 0.9, "crop_mode": "squash", **IMAGENET},
    {"input_size": [3, 160, 160], "interpolation": "bilinear", "crop_pct": 0.95, "crop_mode": "border", **IMAGENET},
    {"input_size": [3, 96, 160], "interpolation": "bicubic", "crop_pct": 0.9, **IMAGENET},
    {"input_size": [3, 384, 384], "interpolation": "lanczos", "crop_pct": 1.0, **HALF},
]
HUGGING_FACE = [
    {},
    {"image_processor_type": "ViTImageProcessor", "size": {"height": 200, "width": 176}, "resample": 3, "image_mean": IMAGENET["mean"], "image_std": IMAGENET["std"]},
    {"image_processor_type": "DeiTImageProcessor"},
    {"image_processor_type": "DeiTImageProcessor", "size": {"shortest_edge": 249}, "crop_size": {"height": 224, "width": 224}, "do_normalize": False},
    {"image_processor_type": "DeiTImageProcessor", "size": {"height": 90, "width": 101}, "crop_size": {"height": 112, "width": 96}},
]


def timm_tensor(config, picture):
    config = dict(config)
    return create_transform(**config, is_training=False)(picture).numpy()


def hugging_face_tensor(config, picture):
    kind = DeiTImageProcessorPil if config.get("image_processor_type", "").startswith("DeiT") else ViTImageProcessorPil
    options = {k: v for k, v in config.items() if k != "image_processor_type"}
    return np.asarray(kind(**options)(picture, return_tensors="np")["pixel_values"][0], dtype=np.float32)


def entry(kind, config, make, pictures):
    return {
        "kind": kind,
        "config": config,
        "sha256": {name: hashlib.sha256(np.ascontiguousarray(make(config, picture)).tobytes()).hexdigest() for name, picture in pictures.items()},
    }


random = np.random.default_rng(1)
small = {}
for height, width in [(37, 53), (64, 31), (20, 20), (99, 99)]:
    pixels = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    small[f"{width}x{height}"] = Image.fromarray(pixels)
photographs = {p.name: Image.open(p).convert("RGB") for p in sorted(pathlib.Path(sys.argv[1]).iterdir())}
result = {
    "images": {name: base64.b64encode(np.asarray(p).tobytes()).decode() for name, p in small.items()},
    "small": [entry("timm", c, timm_tensor, small) for c in TIMM] + [entry("huggingface", c, hugging_face_tensor, small) for c in HUGGING_FACE],
    "photographs": [entry("timm", c, timm_tensor, photographs) for c in TIMM[:2]] + [entry("huggingface", c, hugging_face_tensor, photographs) for c in HUGGING_FACE[:3:2]],
}
path = pathlib.Path(__file__).parent.parent / "tests/data/golden/eval-transforms.json"
path.write_text(json.dumps(result, indent=1) + "\n")
