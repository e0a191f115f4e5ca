"""Writes tests/data/golden/pillow-resize.json: what Pillow's Image.resize makes of small random images."""

import base64
import json
import pathlib

import numpy as np
from PIL import Image

FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}
SIZES = [(7, 5, 11, 9), (13, 9, 4, 3), (6, 8, 6, 3), (6, 8, 13, 8), (19, 3, 5, 17), (1, 1, 3, 2), (10, 10, 7, 1), (31, 2, 30, 2)]

random = np.random.default_rng(0)
cases = []
for name, number in FILTERS.items():
    for width, height, out_width, out_height in SIZES:
        for channels in (1, 3):
            pixels = random.integers(0, 256, (height, width, channels), dtype=np.uint8)
            picture = Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)
            result = np.asarray(picture.resize((out_width, out_height), number))
            cases.append(
                {
                    "filter": name,
                    "width": width,
                    "height": height,
                    "channels": channels,
                    "outWidth": out_width,
                    "outHeight": out_height,
                    "input": base64.b64encode(pixels.tobytes()).decode(),
                    "output": base64.b64encode(result.tobytes()).decode(),
                }
            )
path = pathlib.Path(__file__).parent.parent / "tests/data/golden/pillow-resize.json"
path.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
