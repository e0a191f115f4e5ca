"""Writes tests/data/golden/NAME.json: what Pillow makes of each file in a folder, as stored and turned upright, as RGB.

Usage: decoded-images-golden.py FOLDER NAME   (the odd images: odd-images; the ImageNet photographs: photographs)
"""

import hashlib
import json
import pathlib
import sys
import warnings

import PIL
from PIL import Image, ImageOps

warnings.simplefilter("ignore")


def digest(picture):
    return {"width": picture.width, "height": picture.height, "sha256": hashlib.sha256(picture.tobytes()).hexdigest()}


files = {}
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    if path.name == "manifest.csv":
        continue
    try:
        picture = Image.open(path)
        upright = picture
        stored = digest(picture.convert("RGB"))
        try:
            upright = ImageOps.exif_transpose(picture)
        except Exception:
            pass
        files[path.name] = {"mode": picture.mode, **stored, "upright": digest(upright.convert("RGB"))}
    except Exception as error:
        files[path.name] = {"error": f"{type(error).__name__}: {str(error).split(' ' + chr(39) + '/')[0]}"}
result = {"pillow": PIL.__version__, "files": files}
path = pathlib.Path(__file__).parent.parent / f"tests/data/golden/{sys.argv[2]}.json"
path.write_text(json.dumps(result, indent=1) + "\n")
