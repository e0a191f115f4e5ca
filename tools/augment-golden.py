"""Writes tests/data/golden/augment.json: what Pillow, timm and torchvision make of small images, with the parameters or the random numbers that they drew.

Images are computed by the same formula here and in tests/data/augment-images.ts, so that only results are stored: all bytes of small ones, CRC-32 of the rest.
"""

import base64
import contextlib
import json
import math
import pathlib
import random
import zlib

import numpy as np
import torch

# torchvision asks for these operators when it is imported; some builds lack them, and no transform uses them.
for lacking in ("nms", "qnms"):
    with contextlib.suppress(RuntimeError):
        torch.library.define(f"torchvision::{lacking}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import timm.data.auto_augment as aa
import timm.data.random_erasing as erasing
import torchvision.transforms as T
import torchvision.transforms.functional as F
from PIL import Image
from timm.data import Mixup, create_transform

FILTERS = {"nearest": 0, "bilinear": 2, "bicubic": 3}
NAMES = {number: name for name, number in FILTERS.items()}
rng = np.random.default_rng(0)


def pixels(width, height, channels, seed):
    """Even seeds: noise. Odd seeds: ramps with patches of one colour."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(channels), indexing="ij")
    if seed % 2 == 0:
        i = ((y * width + x) * channels + c).astype(np.uint64)
        v = (i + seed * 7919) * 2654435761 % 2**32
        v ^= v >> 15
        v = v * 2246822519 % 2**32
        return (v >> 24).astype(np.uint8)
    ramp = (x * (1 + seed % 5) + y * (2 + c) + 11 * seed) // (1 + seed % 3)
    patch = ((x >> 2) + (y >> 2)) % 3 == 0
    return (np.where(patch, 40 * c + seed, ramp) & 255).astype(np.uint8)


def picture(width, height, channels, seed):
    data = pixels(width, height, channels, seed)
    return Image.fromarray(data[:, :, 0] if channels == 1 else data)


def apply(img, change, fill):
    """The change by the functions of timm and torchvision."""
    kind = change["kind"]
    extra = {"fillcolor": tuple(fill) if img.mode == "RGB" else fill[0], "resample": FILTERS.get(change.get("filter"))}
    if kind == "auto-contrast":
        return aa.auto_contrast(img)
    if kind == "equalize":
        return aa.equalize(img)
    if kind == "invert":
        return aa.invert(img)
    if kind == "posterize":
        return aa.posterize(img, change["bits"])
    if kind == "solarize":
        return aa.solarize(img, change["threshold"])
    if kind == "solarize-add":
        return aa.solarize_add(img, change["add"])
    if kind == "colour":
        return aa.color(img, change["factor"])
    if kind in ("contrast", "brightness", "sharpness"):
        return getattr(aa, kind)(img, change["factor"])
    if kind == "hue":
        return F.adjust_hue(img, change["turn"])
    if kind == "blur":
        return aa.gaussian_blur(img, change["radius"])
    if kind == "shear-x":
        return aa.shear_x(img, change["factor"], **extra)
    if kind == "shear-y":
        return aa.shear_y(img, change["factor"], **extra)
    if kind == "translate-x":
        return aa.translate_x_abs(img, change["pixels"], **extra)
    if kind == "translate-y":
        return aa.translate_y_abs(img, change["pixels"], **extra)
    return aa.rotate(img, change["degrees"], **extra)


def some_change(kind):
    """A change with parameters from a range somewhat wider than any policy's."""
    name = str(rng.choice(list(FILTERS)))
    pick = lambda special, low, high: float(rng.choice(special)) if rng.random() < 0.3 else float(rng.uniform(low, high))
    if kind in ("auto-contrast", "equalize", "invert"):
        return {"kind": kind}
    if kind == "posterize":
        return {"kind": kind, "bits": int(rng.integers(0, 9))}
    if kind == "solarize":
        return {"kind": kind, "threshold": pick([0, 128, 255, 256], 0, 256)}
    if kind == "solarize-add":
        return {"kind": kind, "add": int(rng.integers(0, 129))}
    if kind in ("colour", "contrast", "brightness", "sharpness"):
        return {"kind": kind, "factor": pick([0, 0.1, 0.5, 1, 1.9, 2], 0, 2.2)}
    if kind == "hue":
        return {"kind": kind, "turn": pick([-0.5, 0, 0.5], -0.5, 0.5)}
    if kind == "blur":
        return {"kind": kind, "radius": pick([0, 0.1, 1, 2], 0.01, 6)}
    if kind.startswith("shear"):
        return {"kind": kind, "factor": pick([0, 0.3, -0.3, 0.5, 1], -1, 1), "filter": name}
    if kind.startswith("translate"):
        return {"kind": kind, "pixels": pick([0, 3, -3, 0.5, 40], -15, 15), "filter": name}
    return {"kind": kind, "degrees": pick([0, 90, -90, 180, 270, 45, 360], -180, 180), "filter": name}


KINDS = [
    "auto-contrast", "equalize", "invert", "posterize", "solarize", "solarize-add", "colour", "contrast", "brightness",
    "sharpness", "hue", "blur", "shear-x", "shear-y", "translate-x", "translate-y", "rotate",
]  # fmt: skip


def change_cases():
    cases = []
    for kind in KINDS:
        plain = kind in ("auto-contrast", "equalize", "invert")
        for number in range(24 if plain else 60):
            small = number < 3
            size = [(9, 7), (6, 8), (5, 5)][number] if small else tuple(map(int, rng.integers(1, 48, 2)))
            if number == 3:
                size = (224, 224)
            channels = 1 if number == 1 or (number > 3 and number % 4 == 0) else 3
            image = [*size, channels, number]
            change = some_change(kind)
            fill = [124, 116, 104][:channels]
            result = np.asarray(apply(picture(*image), change, fill)).tobytes()
            stored = {"bytes": base64.b64encode(result).decode()} if small else {"sum": zlib.crc32(result)}
            cases.append({"image": image, "change": change, **stored})
    return cases


class Recorder:
    """Replaces the random functions of Python, numpy and torch by ones that write down what they drew, in a form that another program can draw again."""

    def __init__(self, seed):
        self.own = np.random.default_rng(seed)
        self.draws = []

    def u(self):
        value = float(np.floor(self.own.random() * 2**24) / 2**24)
        self.draws.append(["uniform", value])
        return value

    def n(self):
        value = float(np.float32(self.own.standard_normal()))
        self.draws.append(["normal", value])
        return value

    def i(self, below):
        value = int(self.own.integers(below))
        self.draws.append(["integer", value, below])
        return value

    def choice(self, options, size=None, replace=True, p=None):
        if size is None:
            return options[self.i(len(options))]
        if replace:
            return [options[self.i(len(options))] for _ in range(size)]
        left = list(zip(options, p))
        chosen = []
        for _ in range(size):
            rest = self.u() * sum(weight for _, weight in left)
            for at, (_, weight) in enumerate(left):
                rest -= weight
                if rest < 0:
                    break
            chosen.append(left.pop(at)[0])
        return chosen

    def permutation(self, length):
        order = list(range(length))
        for i in range(length - 1, 0, -1):
            j = self.i(i + 1)
            order[i], order[j] = order[j], order[i]
        return torch.tensor(order)

    @contextlib.contextmanager
    def installed(self):
        uniform = lambda a, b: a + (b - a) * self.u()
        patches = [
            (random, "random", self.u),
            (random, "uniform", uniform),
            (random, "gauss", lambda mu, sigma: mu + sigma * self.n()),
            (random, "choice", self.choice),
            (random, "randint", lambda a, b: a + self.i(b - a + 1)),
            (np.random, "choice", self.choice),
            (np.random, "randint", lambda a, b: a + self.i(b - a)),
            (torch, "rand", lambda *size: torch.tensor([self.u()], dtype=torch.float64)),
            (torch, "randint", lambda below, size, **_: torch.tensor([self.i(below)])),
            (torch, "randperm", self.permutation),
            (torch.Tensor, "uniform_", lambda tensor, a, b: tensor.fill_(uniform(a, b))),
            (erasing, "_get_pixels", self.erased_pixels),
        ]
        old = [getattr(place, name) for place, name, _ in patches]
        for place, name, new in patches:
            setattr(place, name, new)
        try:
            yield
        finally:
            for (place, name, _), value in zip(patches, old):
                setattr(place, name, value)

    def erased_pixels(self, per_pixel, rand_color, patch_size, dtype, device):
        size = patch_size if per_pixel else (patch_size[0], 1, 1)
        if not per_pixel and not rand_color:
            return torch.zeros(size)
        return torch.tensor([self.n() for _ in range(math.prod(size))], dtype=dtype).reshape(size)


PARAMS = {"translate_const": 10, "img_mean": (124, 116, 104)}
POLICIES = [
    "rand-m9-mstd0.5-inc1", "rand-m9-mstd0.5", "rand-m15-n3-mstd1-mmax30-inc1-p0.9", "rand-m7-mstd101-inc1-p1", "rand-tweights-n3", "rand-t3a-m6-p1",
    "rand-t3aw-n4-inc1", "rand", "v0", "v0r-mstd0.5", "original", "originalr-mstd1", "3a",
]  # fmt: skip


def policy_cases():
    cases = []
    for text in POLICIES:
        for seed in range(16):
            channels = 3
            image = [23 + seed, 31 - seed, channels, seed]
            recorder = Recorder(seed * 100 + len(cases))
            make = aa.rand_augment_transform if text.startswith("rand") else aa.auto_augment_transform
            transform = make(text, dict(PARAMS))
            with recorder.installed():
                result = np.asarray(transform(picture(*image)))
            cases.append({"auto": text, "image": image, "draws": recorder.draws, "sum": zlib.crc32(result.tobytes())})
    for seed in range(150):
        image = [20 + seed % 7, 33 - seed % 5, 3, seed]
        recorder = Recorder(seed)
        with recorder.installed():
            result = np.asarray(T.TrivialAugmentWide()(picture(*image)))
        cases.append({"auto": "ta_wide", "image": image, "draws": recorder.draws, "sum": zlib.crc32(result.tobytes())})
    return cases


def augmix_cases():
    """AugMix with the changes that timm applied: the mixture's shares come from distributions that others draw in other ways."""
    cases = []
    for text in ["augmix-m3-w3", "augmix-m5-w4-d2", "augmix-m8-w2-mstd1-a0.5", "augmix-m5-w3-b1"]:
        for seed in range(8):
            image = [26, 26, 3, seed]
            recorder = Recorder(seed)
            transform = aa.augment_and_mix_transform(text, {**PARAMS, "translate_pct": 0.3})
            shares = {}
            chains = []
            filters = []
            resolve = aa._interpolation

            def interpolation(kwargs):
                value = resolve(kwargs)
                filters.append(NAMES[int(value)])
                return value

            def watched(op):
                inner = op.aug_fn

                def call(img, *args, **kwargs):
                    result = inner(img, *args, **kwargs)
                    chains[-1].append(change_of(op.name, args, filters, img.size))
                    return result

                op.aug_fn = call

            for op in transform.ops:
                watched(op)
            draw_share = np.random.dirichlet, np.random.beta

            def dirichlet(alphas):
                shares["weights"] = [float(v) for v in np.float32(recorder.own.dirichlet(alphas))]
                return np.array(shares["weights"])

            def beta(a, b):
                shares["share"] = float(np.float32(recorder.own.beta(a, b)))
                return shares["share"]

            with recorder.installed():
                choose = np.random.choice

                def choice(ops, size, replace):
                    chains.append([])
                    return choose(ops, size, replace)

                np.random.choice, np.random.dirichlet, np.random.beta, aa._interpolation = choice, dirichlet, beta, interpolation
                result = np.asarray(transform(picture(*image)))
                aa._interpolation = resolve
            np.random.dirichlet, np.random.beta = draw_share
            drawing = {"kind": "mix", "chains": chains, **shares, "blended": transform.blended}
            cases.append({"auto": text, "image": image, "drawing": drawing, "sum": zlib.crc32(result.tobytes())})
    return cases


def change_of(name, args, filters, size):
    name = name.removesuffix("Increasing")
    plain = {"AutoContrast": "auto-contrast", "Equalize": "equalize", "Invert": "invert"}
    if name in plain:
        return {"kind": plain[name]}
    single = {"Posterize": ("posterize", "bits"), "Solarize": ("solarize", "threshold"), "Color": ("colour", "factor"), "Contrast": ("contrast", "factor"), "Brightness": ("brightness", "factor"), "Sharpness": ("sharpness", "factor")}  # fmt: skip
    if name in single:
        kind, key = single[name]
        return {"kind": kind, key: args[0]}
    mapped = {"Rotate": ("rotate", "degrees", 1), "ShearX": ("shear-x", "factor", 1), "ShearY": ("shear-y", "factor", 1), "TranslateXRel": ("translate-x", "pixels", size[0]), "TranslateYRel": ("translate-y", "pixels", size[1])}  # fmt: skip
    kind, key, times = mapped[name]
    return {"kind": kind, key: args[0] * times, "filter": filters.pop()}


def blur_cases():
    cases = []
    for number, sigma in enumerate([0.1, 0.35, 0.8, 1.3, 2.0]):
        image = [17 + number, 14, 3 if number % 2 == 0 else 1, number]
        result = np.asarray(F.gaussian_blur(picture(*image), [23, 23], [sigma, sigma])).tobytes()
        cases.append({"image": image, "sigma": sigma, "bytes": base64.b64encode(result).decode()})
    return cases


TRANSFORMS = [
    ({"auto_augment": "rand-m9-mstd0.5-inc1", "re_prob": 0.5, "re_mode": "pixel"}, {"auto": "rand-m9-mstd0.5-inc1", "erase": 0.5}),
    ({"color_jitter": (0.4, 0.3, 0.5, 0.1), "grayscale_prob": 0.3}, {"jitter": [0.4, 0.3, 0.5, 0.1], "greyscale": 0.3}),
    ({"auto_augment": "3a", "color_jitter": 0.3, "re_prob": 1, "re_mode": "rand", "re_count": 3}, {"auto": "3a", "jitter": 0.3, "erase": {"probability": 1, "mode": "rand", "count": [1, 3]}}),
    ({"auto_augment": "original-mstd0.5", "color_jitter": 0.3, "re_prob": 0.7, "interpolation": "bilinear"}, {"auto": "original-mstd0.5", "jitter": 0.3, "erase": {"probability": 0.7, "mode": "const"}, "filters": ["bilinear"]}),
]  # fmt: skip


def transform_cases():
    """All of timm's training transform; normalised by one number for all channels, so that what it made of the bytes can be read off exactly."""
    cases = []
    for options, rules in TRANSFORMS:
        for seed in range(12):
            image = [60 + seed, 50, 3, seed]
            recorder = Recorder(seed + 1000)
            arguments = {"scale": (0.3, 1), "color_jitter": None, "interpolation": "random", **options}
            transform = create_transform((20, 24), is_training=True, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), **arguments)
            with recorder.installed():
                result = transform(picture(*image)).numpy()
            cases.append({"rules": rules, "image": image, "draws": recorder.draws, "sum": zlib.crc32(result.astype("<f4").tobytes())})
    return cases


def mix_cases():
    """Mixup and CutMix by pairs and by elements, with what each element drew."""
    cases = []
    for mode in ("pair", "elem"):
        for seed in range(4):
            recorder = Recorder(seed)
            mixer = Mixup(mixup_alpha=0.8, cutmix_alpha=1, mode=mode, num_classes=4, label_smoothing=0.1, prob=0.8)
            lam, cuts = [np.float32(v) for v in recorder.own.random(6 if mode == "elem" else 3)], recorder.own.random(6) < 0.5
            lam[1] = np.float32(1)
            mixer._params_per_elem = lambda batch: (np.array(lam[:batch]), cuts[:batch])
            boxes = []
            corners = []
            normal = np.random.randint
            np.random.randint = lambda low, high, size=None: corners.append(recorder.i(high)) or corners[-1]
            x = torch.arange(6 * 2 * 5 * 4, dtype=torch.float32).reshape(6, 2, 5, 4).sin()
            images, targets = mixer(x.clone(), torch.tensor([0, 1, 2, 3, 1, 2]))
            np.random.randint = normal
            del boxes
            cases.append({
                "mode": mode, "lambdas": [float(v) for v in lam], "cuts": [bool(v) for v in cuts[: len(lam)]], "corners": corners,
                "input": x.flatten().tolist(), "images": images.flatten().tolist(), "targets": targets.flatten().tolist(),
            })  # fmt: skip
    return cases


golden = {
    "changes": change_cases(),
    "policies": policy_cases(),
    "augmix": augmix_cases(),
    "blurs": blur_cases(),
    "transforms": transform_cases(),
    "mixes": mix_cases(),
}
path = pathlib.Path(__file__).parent.parent / "tests/data/golden/augment.json"
lines = [f' {json.dumps(name)}: [\n' + ",\n".join("  " + json.dumps(case) for case in cases) + "\n ]" for name, cases in golden.items()]
path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
