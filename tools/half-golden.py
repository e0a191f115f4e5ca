"""Writes tests/pretrained/golden/vit-tiny-half.json: what PyTorch makes of published weights that were rounded to half precision.

    python tools/half-golden.py DATA

DATA holds vit-tiny-imagenet and imagenet-sample. The weights are rounded to float16, everything is computed in float32 by timm's model; pixels are
prepared by Pillow, as reference_predictions.json says. Kept are the five largest logits of each photograph and their classes.
"""

import json
import pathlib
import sys

import numpy
import torch
from PIL import Image
from safetensors.torch import load_file

# torchvision without its compiled operators is enough here.
register_fake = torch.library.register_fake
torch.library.register_fake = lambda name, *a, **k: (
    (lambda f: f) if str(name).startswith("torchvision::") else register_fake(name, *a, **k)
)

import timm  # noqa: E402

data = pathlib.Path(sys.argv[1])
model = timm.create_model("vit_tiny_patch16_224", pretrained=False).eval()
state = load_file(data / "vit-tiny-imagenet" / "model.safetensors")
model.load_state_dict({name: value.half().float() for name, value in state.items()}, strict=True)


def prepared(path):
    image = Image.open(path).convert("RGB")
    short = min(image.size)
    image = image.resize([int(248 * side / short) for side in image.size], Image.BICUBIC)
    left, top = (round((side - 224) / 2) for side in image.size)
    pixels = numpy.asarray(image.crop((left, top, left + 224, top + 224)), numpy.float32) / 255
    return torch.from_numpy((pixels - 0.5) / 0.5).permute(2, 0, 1)


found = {}
for one in json.loads((data / "vit-tiny-imagenet" / "reference_predictions.json").read_text())["predictions"]:
    with torch.inference_mode():
        logits, classes = model(prepared(data / "imagenet-sample" / "images" / one["file"])[None])[0].topk(5)
    found[one["file"]] = {"top5": classes.tolist(), "logits": [round(value, 5) for value in logits.tolist()]}
target = pathlib.Path(__file__).parent.parent / "tests" / "pretrained" / "golden" / "vit-tiny-half.json"
target.write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in found.items()) + "\n}\n")
