"""Images/s of timm's and torchvision's augmentations on Pillow images of 224 x 224 RGB, one thread of processor time; called by bench/augment.ts. Prints JSON."""

import contextlib
import json
import random
import sys
import time

import numpy as np
import torch

for lacking in ("nms", "qnms"):
    with contextlib.suppress(RuntimeError):
        torch.library.define(f"torchvision::{lacking}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import timm.data.auto_augment as aa
import torchvision.transforms as T
import torchvision.transforms.functional as F
from PIL import Image
from timm.data import create_transform
from timm.data.random_erasing import RandomErasing

torch.set_num_threads(1)
seconds = float(sys.argv[1])
side = 224
y, x, c = np.meshgrid(np.arange(side), np.arange(side), np.arange(3), indexing="ij")
pixels = ((x * (2 + c) + y * 3) // 4 + ((x * 7919 + y * 104729 + c * 31) % 23)).astype(np.uint8)
img = Image.fromarray(pixels)
large = img.resize((500, 375), 2)

filters = {"resample": 3, "fillcolor": (124, 116, 104)}
ops = {
    "auto-contrast": lambda: aa.auto_contrast(img),
    "equalize": lambda: aa.equalize(img),
    "invert": lambda: aa.invert(img),
    "posterize": lambda: aa.posterize(img, 4),
    "solarize": lambda: aa.solarize(img, 100),
    "solarize-add": lambda: aa.solarize_add(img, 60),
    "colour": lambda: aa.color(img, 1.4),
    "contrast": lambda: aa.contrast(img, 1.4),
    "brightness": lambda: aa.brightness(img, 1.4),
    "sharpness": lambda: aa.sharpness(img, 1.4),
    "hue": lambda: F.adjust_hue(img, 0.1),
    "blur": lambda: aa.gaussian_blur(img, 1.3),
    "shear-x": lambda: aa.shear_x(img, 0.2, **filters),
    "shear-y": lambda: aa.shear_y(img, 0.2, **filters),
    "translate-x": lambda: aa.translate_x_abs(img, 20.5, **filters),
    "translate-y": lambda: aa.translate_y_abs(img, 20.5, **filters),
    "rotate, bicubic": lambda: aa.rotate(img, 20, **filters),
    "rotate, bilinear": lambda: aa.rotate(img, 20, resample=2, fillcolor=(124, 116, 104)),
    "rotate, nearest": lambda: aa.rotate(img, 20, resample=0, fillcolor=(124, 116, 104)),
    "gaussian blur (torchvision)": lambda: F.gaussian_blur(img, [23, 23], [1.05, 1.05]),
}
params = {"translate_const": 100, "img_mean": (124, 116, 104)}
for text in ("rand-m9-mstd0.5-inc1", "v0", "original", "3a"):
    make = aa.rand_augment_transform if text.startswith("rand") else aa.auto_augment_transform
    ops[text] = lambda transform=make(text, dict(params)): transform(img)
augmix = aa.augment_and_mix_transform("augmix-m3-w3", {**params, "translate_pct": 0.3})
ops["augmix-m3-w3"] = lambda: augmix(img)
wide = T.TrivialAugmentWide()
ops["ta_wide"] = lambda: wide(img)
jitter = T.ColorJitter(0.4, 0.4, 0.4)
ops["jitter 0.4"] = lambda: jitter(img)
jitter_hue = T.ColorJitter(0.4, 0.4, 0.4, 0.1)
ops["jitter 0.4, hue 0.1"] = lambda: jitter_hue(img)
erase = RandomErasing(1, mode="pixel", device="cpu")
tensor = T.ToTensor()(img)
ops["erase, pixel"] = lambda: erase(tensor)
for text in (None, "rand-m9-mstd0.5-inc1"):
    whole = create_transform(side, is_training=True, color_jitter=None, auto_augment=text, re_prob=0.25 if text else 0, re_mode="pixel")
    ops["crop, flip, normalise" if text is None else "crop, flip, rand-m9-mstd0.5-inc1, normalise, erase 0.25"] = lambda whole=whole: whole(large)

random.seed(0)
np.random.seed(0)
torch.manual_seed(0)
rates = {}
for name, run in ops.items():
    run()
    best = 0.0
    for _ in range(3):
        count, start = 0, time.process_time()
        while (spent := time.process_time() - start) < seconds / 3:
            run()
            count += 1
        best = max(best, count / spent)
    rates[name] = best
print(json.dumps(rates))
