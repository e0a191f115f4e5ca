"""Milliseconds that Pillow takes to resize, one line of JSON: the other side of bench/resize.ts.

Usage: python tools/pillow-peer.py CASES, JSON: [[width, height, to width, to height, filter], …]
"""

import json
import statistics
import sys
import time

import numpy as np
from PIL import Image

filters = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
results = []
for width, height, to_width, to_height, name in json.loads(sys.argv[1]):
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))
    times = []
    for _ in range(30):
        start = time.perf_counter()
        image.resize((to_width, to_height), filters[name])
        times.append(1000 * (time.perf_counter() - start))
    results.append(statistics.median(times))
print(json.dumps(results))
