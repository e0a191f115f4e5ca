"""Writes tests/data/fixtures/: the same 24 small drawn pictures as WebDataset archives, as the parquet files of a hub data set, and as lists.

    python tools/shards-fixtures.py        # needs numpy, Pillow, datasets (5.0.1), pyarrow (25.0.1)

All pictures are computed here. Each parquet file has another compression, so that each decompressor is used once.
"""

import gzip
import hashlib
import io
import json
import pathlib
import tarfile

import datasets
import numpy as np
import pyarrow.parquet as pq
from PIL import Image

root = pathlib.Path(__file__).parent.parent / "tests/data/fixtures"
root.mkdir(parents=True, exist_ok=True)
names = ["disc", "stripes", "wedge"]


def picture(index: int) -> tuple[np.ndarray, int]:
    """A 24 x 20 picture of one of three kinds, its colours and place by index."""
    label = (index * 5 + index // 4) % 3
    y, x = np.mgrid[0:20, 0:24]
    colour = np.array([60 + 8 * index, 255 - 9 * index, (37 * index) % 256])
    if label == 0:
        mask = (x - 8 - index % 8) ** 2 + (y - 10) ** 2 < 36
    elif label == 1:
        mask = (x + index) % 6 < 3
    else:
        mask = x + index % 5 > y
    pixels = np.where(mask[..., None], colour, 20 + index).astype(np.uint8)
    return pixels, label


def encoded(pixels: np.ndarray, kind: str) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **({"quality": 90} if kind == "JPEG" else {}))
    return out.getvalue()


kinds = [("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP")]
expected = []
encodings = []
for i in range(24):
    pixels, label = picture(i)
    ending, kind = kinds[i % 3]
    data = encoded(pixels, kind)
    encodings.append((ending, data, label))
    # What Pillow decodes; PNG is exact, the others are compared with our decoder's own view of the same bytes.
    decoded = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    expected.append({"label": label, "sha256": hashlib.sha256(decoded.tobytes()).hexdigest()})


def add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


formats = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
for shard in range(3):
    with tarfile.open(root / f"data-{shard:06d}.tar", "w", format=formats[shard]) as tar:
        for i in range(shard * 4, shard * 4 + 4):
            ending, data, label = encodings[i]
            # One name is longer than the 100 bytes of a header, another needs UTF-8.
            key = f"{'long' * 28}/{i:04d}" if i == 5 else f"pictures/ä{i:04d}" if i == 9 else f"{i:04d}"
            add(tar, f"{key}.{ending}", data)
            if i % 3 == 0:
                add(tar, f"{key}.cls", str(label).encode())
            elif i % 3 == 1:
                add(tar, f"{key}.json", json.dumps({"label": label, "caption": "x"}).encode())
            else:
                add(tar, f"{key}.txt", f"{label}\n".encode())
        if shard == 0:
            link = tarfile.TarInfo("link.png")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(link)
stream = io.BytesIO()
with tarfile.open(fileobj=stream, mode="w") as tar:
    for i in range(12, 24):
        ending, data, label = encodings[i]
        add(tar, f"{i:04d}.cls", str(label).encode())
        add(tar, f"{i:04d}.{ending}", data)
(root / "data-000003.tar.gz").write_bytes(gzip.compress(stream.getvalue(), mtime=0))

features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=names)})


def table(span: range, secret: bool = False) -> datasets.Dataset:
    rows = {
        "image": [{"bytes": encodings[i][1], "path": f"{i:04d}.{encodings[i][0]}"} for i in span],
        "label": [-1 if secret else encodings[i][2] for i in span],
    }
    return datasets.Dataset.from_dict(rows, features=features)


folder = root / "hub" / "data"
folder.mkdir(parents=True, exist_ok=True)
table(range(0, 10)).to_parquet(folder / "train-00000-of-00002.parquet", batch_size=4)


def write(rows: datasets.Dataset, name: str, compression: str) -> None:
    arrow = rows.data.table.replace_schema_metadata(rows.features.arrow_schema.metadata)
    pq.write_table(arrow, folder / name, compression=compression, row_group_size=3)


write(table(range(10, 18)), "train-00001-of-00002.parquet", "zstd")
write(table(range(18, 24)), "validation-00000-of-00001.parquet", "gzip")
write(table(range(0, 3), secret=True), "test-00000-of-00001.parquet", "brotli")

plain = table(range(0, 6)).data.table
names_of = [names[encodings[i][2]] for i in range(6)]
plain = plain.set_column(1, "class", [names_of]).replace_schema_metadata(None)
pq.write_table(plain, root / "plain.parquet", compression="none", use_dictionary=False)

(root / "expected.json").write_text(json.dumps({"names": names, "pictures": expected}, indent=1) + "\n")
print(sum(f.stat().st_size for f in root.rglob("*") if f.is_file()), "bytes")
