"""The peer of bench/loop.ts and bench/cifar.ts: timm's loader, transforms, optimiser, scheduler and loop, by the settings in a JSON file.

Usage: timm-peer.py JOB.json race|train.

`race` prints `ready`, then, for each line on standard input, the seconds of one epoch; an empty line ends it with the peak memory in bytes. `train` trains and
prints one line of JSON: seconds without the last evaluation, and the accuracy on the job's test images.
"""

import gzip
import json
import resource
import sys
import time

import numpy as np
import torch

# Wheels of torchvision without compiled operators lack these, and timm imports them by the way.
for lacking in ("nms", "qnms"):
    torch.library.define(f"torchvision::{lacking}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import timm  # noqa: E402
from PIL import Image  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from timm.data import FastCollateMixup, create_loader  # noqa: E402
from timm.data.transforms import ToNumpy  # noqa: E402
from timm.loss import LabelSmoothingCrossEntropy, SoftTargetCrossEntropy  # noqa: E402
from timm.models.vision_transformer import checkpoint_filter_fn  # noqa: E402
from timm.optim import create_optimizer_v2  # noqa: E402
from timm.scheduler import CosineLRScheduler  # noqa: E402
from torchvision import transforms  # noqa: E402

job = json.loads(open(sys.argv[1]).read())
recipe, prep = job["recipe"], job["preprocessing"]
torch.set_num_threads(job["threads"])
torch.manual_seed(job["seed"])
cpu = torch.device("cpu")
size = tuple(prep["inputSize"])
mode = "L" if size[0] == 1 else "RGB"


class Files(torch.utils.data.Dataset):
    """Images in files, as timm's ImageDataset reads them."""

    def __init__(self, entries):
        self.entries, self.transform = entries, None

    def __len__(self):
        return len(self.entries)

    def __getitem__(self, index):
        path, label = self.entries[index]
        return self.transform(Image.open(path).convert(mode)), label


class Arrays(Files):
    """Images of an IDX file in memory, as torchvision's MNIST has them."""

    def __init__(self, folder, count):
        self.pixels = np.frombuffer(gzip.open(f"{folder}/train-images-idx3-ubyte.gz").read(), np.uint8, offset=16).reshape(-1, *size[1:])[:count]
        self.labels = np.frombuffer(gzip.open(f"{folder}/train-labels-idx1-ubyte.gz").read(), np.uint8, offset=8)[:count]
        self.entries, self.transform = self.labels, None

    def __getitem__(self, index):
        return self.transform(Image.fromarray(self.pixels[index], mode="L")), int(self.labels[index])


def opened(data):
    if data["kind"] == "idx":
        return Arrays(data["folder"], data["count"])
    return Files(data["entries"])


mixing = recipe["mixup"] + recipe["cutmix"] > 0
smoothing = recipe["labelSmoothing"]
shared = dict(input_size=size, batch_size=recipe["batchSize"], mean=prep["mean"], std=prep["std"], device=cpu, num_workers=job["workers"])
collate = None
if mixing:
    collate = FastCollateMixup(mixup_alpha=recipe["mixup"], cutmix_alpha=recipe["cutmix"], label_smoothing=smoothing, num_classes=job["classes"])
train = create_loader(
    opened(job["train"]),
    is_training=True,
    scale=recipe["cropScale"],
    ratio=recipe["cropRatio"],
    hflip=recipe["flip"],
    color_jitter=recipe["colorJitter"] or None,
    auto_augment=recipe["autoAugment"],
    re_prob=recipe["erase"],
    interpolation="random",
    collate_fn=collate,
    **shared,
)
if recipe["crop"] != "resized":
    # timm has no such crop; torchvision's is what people put there.
    padded = [transforms.RandomCrop(size[1:], padding=recipe["pad"])] if recipe["crop"] == "padded" else []
    train.dataset.transform = transforms.Compose([*padded, transforms.RandomHorizontalFlip(recipe["flip"]), ToNumpy()])

model = timm.create_model(job["model"], num_classes=job["classes"], **job["options"])
if job.get("weights"):
    # As timm resizes positions for another size of images; the head keeps its first values.
    own = checkpoint_filter_fn({k: v for k, v in load_file(job["weights"]).items() if not k.startswith("head.")}, model)
    missing, extra = model.load_state_dict(own, strict=False)
    assert set(missing) == {"head.weight", "head.bias"} and not extra
optimizer = create_optimizer_v2(
    model,
    opt=recipe["optimizer"],
    lr=recipe["learningRate"],
    weight_decay=recipe["weightDecay"],
    layer_decay=recipe["layerDecay"] if recipe["layerDecay"] < 1 else None,
)
steps_per_epoch = len(train)
schedule = CosineLRScheduler(
    optimizer,
    t_initial=recipe["epochs"] * steps_per_epoch,
    lr_min=recipe["minLearningRate"],
    warmup_t=round(recipe["warmupEpochs"] * steps_per_epoch),
    warmup_lr_init=recipe["learningRate"] / 100,
    t_in_epochs=False,
)
loss_of = SoftTargetCrossEntropy() if mixing else LabelSmoothingCrossEntropy(smoothing)
step = 0


def epoch():
    """As train_one_epoch of timm's train.py."""
    global step
    model.train()
    for images, targets in train:
        loss = loss_of(model(images), targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if recipe["clipNorm"] is not None:
            torch.nn.utils.clip_grad_norm_(model.parameters(), recipe["clipNorm"])
        optimizer.step()
        step += 1
        schedule.step_update(step)
        loss.item()


if sys.argv[2] == "race":
    epoch()
    print("ready", flush=True)
    for line in sys.stdin:
        if not line.strip():
            break
        start = time.perf_counter()
        epoch()
        print(time.perf_counter() - start, flush=True)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, flush=True)
else:
    start = time.perf_counter()
    for _ in range(recipe["epochs"]):
        epoch()
    seconds = time.perf_counter() - start
    # timm rounds side / crop_pct down to the size before the crop.
    before = (prep["resize"] or {}).get("size", size[1])
    test = create_loader(opened(job["test"]), interpolation=prep["filter"], crop_pct=size[1] / (before + 0.5), **shared)
    model.eval()
    with torch.inference_mode():
        hits = sum((model(images).argmax(1) == labels).sum().item() for images, labels in test)
    print(json.dumps(dict(seconds=seconds, accuracy=hits / len(test.dataset))))
