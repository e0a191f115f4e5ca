"""Writes tests/data/golden/decode.json: small files of many kinds, and the RGB pixels that Pillow reads from them."""

import base64
import io
import json
import pathlib
import struct

import numpy as np
from PIL import Image

random = np.random.default_rng(2)
W, H = 13, 7
rgb = random.integers(0, 256, (H, W, 3), dtype=np.uint8)
smooth = np.stack([np.add.outer(np.arange(H) * 9, np.arange(W) * 7), np.add.outer(np.arange(H) * 3, np.arange(W) * 15), np.full((H, W), 90)], -1).astype(np.uint8)
files = {}


def add(name, data):
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    files[name] = {
        "bytes": base64.b64encode(data).decode(),
        "width": picture.width,
        "height": picture.height,
        "rgb": base64.b64encode(picture.tobytes()).decode(),
    }


def save(name, picture, kind, **options):
    out = io.BytesIO()
    picture.save(out, kind, **options)
    add(name, out.getvalue())


colour = Image.fromarray(rgb)
gentle = Image.fromarray(smooth)
alpha = Image.fromarray(np.dstack([rgb, random.integers(0, 256, (H, W), dtype=np.uint8)]))
for mode in ("1", "L", "P", "RGB"):
    save(f"{mode}.bmp", colour.convert(mode), "BMP")
    save(f"{mode}.png", colour.convert(mode), "PNG")
    save(f"{mode}.gif", colour.convert(mode), "GIF")
save("RGBA.bmp", alpha, "BMP")
save("RGBA.png", alpha, "PNG")
save("LA.png", alpha.convert("LA"), "PNG")
save("I16.png", Image.fromarray(random.integers(0, 600, (H, W), dtype=np.uint16)), "PNG")
save("lossless.webp", alpha, "WEBP", lossless=True, exact=True)
save("lossy.webp", gentle, "WEBP")
save("quality90.avif", gentle, "AVIF", quality=90)
save("444.jpg", gentle, "JPEG", subsampling=0)
save("420.jpg", gentle, "JPEG", subsampling=2)
save("progressive.jpg", gentle, "JPEG", progressive=True)
save("grey.jpg", gentle.convert("L"), "JPEG")
save("cmyk.jpg", gentle.convert("CMYK"), "JPEG")


def bmp(name, bits, rows, compression=0, masks=(), palette=b"", top_down=False):
    data = b"".join(rows)
    extra = b"".join(struct.pack("<I", m) for m in masks)
    start = 54 + len(extra) + len(palette)
    header = struct.pack("<2sIHHI", b"BM", start + len(data), 0, 0, start)
    info = struct.pack("<IiiHHIIiiII", 40, W, -H if top_down else H, 1, bits, compression, len(data), 0, 0, len(palette) // 4, 0)
    add(name, header + info + extra + palette + data)


def padded(row):
    return row + b"\0" * (-len(row) % 4)


words = random.integers(0, 2**16, (H, W), dtype=np.uint16)
bmp("555.bmp", 16, [padded(r.tobytes()) for r in words])
bmp("565.bmp", 16, [padded(r.tobytes()) for r in words], 3, (0xF800, 0x7E0, 0x1F))
bmp("top-down.bmp", 24, [padded(r.tobytes()) for r in rgb], top_down=True)
quads = random.integers(0, 2**32, (H, W), dtype=np.uint32)
bmp("bitfields32.bmp", 32, [r.tobytes() for r in quads], 3, (0xFF000000, 0xFF0000, 0xFF00))
colours = random.integers(0, 256, (16, 4), dtype=np.uint8).tobytes()
bmp("4bit.bmp", 4, [padded(random.integers(0, 256, (W + 1) // 2, dtype=np.uint8).tobytes()) for _ in range(H)], palette=colours)
line = bytes([5, 0x12, 0, 6, 0x34, 0x56, 0x78, 0, 2, 0x9A, 0, 0])
bmp("rle4.bmp", 4, [line, bytes([3, 0x77, 0, 2, 2, 1, 4, 0xAB, 0, 0]), line, line, line, line, line, bytes([0, 1])], 2, palette=colours)

result = pathlib.Path(__file__).parent.parent / "tests/data/golden/decode.json"
result.write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in files.items()) + "\n}\n")
