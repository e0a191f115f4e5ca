"""Perceptual hashes as imagehash.phash computes them (hash_size 8, highfreq_factor 4): Pillow's grey and Lanczos, SciPy's DCT-II, above the median or not."""

import json
import sys

import numpy as np
from PIL import Image
from scipy.fftpack import dct


def picture(width, height, a, b, c):
    x, y, k = np.meshgrid(np.arange(width), np.arange(height), np.arange(3), indexing="xy")
    return Image.fromarray((((x * x * a + y * y * b + x * y * (k + c)) >> 6) & 255).astype(np.uint8))


def phash(image):
    pixels = np.asarray(image.convert("L").resize((32, 32), Image.Resampling.LANCZOS))
    low = dct(dct(pixels.astype(np.float64), axis=0), axis=1)[:8, :8]
    bits = "".join("1" if bit else "0" for bit in (low > np.median(low)).flatten())
    return f"{int(bits, 2):016x}"


cases = [(64, 64, 1, 1, 0), (37, 91, 3, 5, 1), (200, 150, 1, 2, 3), (32, 32, 7, 3, 2), (17, 300, 2, 0, 1), (640, 480, 0, 1, 0)]
json.dump([{"picture": case, "hash": phash(picture(*case))} for case in cases], sys.stdout, indent=1)
print()
