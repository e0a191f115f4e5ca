"""The peer of bench/fine-tune.ts: one fine-tuning in PyTorch with timm and PEFT, by the settings in a JSON file.

Usage: torch-fine-tune.py JOB.json. Prints one line of JSON: seconds, and validation accuracy after each epoch.
"""

import json
import math
import sys
import time

import torch
import torch.nn.functional as F

# Wheels of torchvision without compiled operators lack these, and timm imports them by the way.
for lacking in ("nms", "qnms"):
    torch.library.define(f"torchvision::{lacking}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import peft  # noqa: E402
import timm  # noqa: E402
from PIL import Image  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from timm.data import create_transform  # noqa: E402
from timm.optim import param_groups_layer_decay  # noqa: E402

job = json.loads(open(sys.argv[1]).read())
recipe, prep = job["recipe"], job["preprocessing"]
torch.set_num_threads(job["threads"])
torch.manual_seed(job["seed"])


class Files(torch.utils.data.Dataset):
    def __init__(self, entries, transform):
        self.entries, self.transform = entries, transform

    def __len__(self):
        return len(self.entries)

    def __getitem__(self, index):
        path, label = self.entries[index]
        return self.transform(Image.open(path).convert("RGB")), label


size = tuple(prep["inputSize"])
shared = dict(input_size=size, mean=prep["mean"], std=prep["std"])
plain = create_transform(**shared, interpolation=prep["filter"], crop_pct=size[1] / prep["resize"]["size"])
changing = (
    plain
    if recipe["crop"] == "none"
    else create_transform(
        **shared,
        is_training=True,
        scale=recipe["cropScale"],
        ratio=recipe["cropRatio"],
        hflip=recipe["flip"],
        color_jitter=None,
        auto_augment=None,
        interpolation="random",
    )
)
batch = min(recipe["batchSize"], len(job["train"]))
options = dict(batch_size=batch, num_workers=2)
loader = lambda entries, transform, **more: torch.utils.data.DataLoader(Files(entries, transform), **options, **more)

# As timm loads weights for other labels: the head keeps its first values.
model = timm.create_model(job["arch"], num_classes=1 + max(label for _, label in job["train"]))
own = {name: value for name, value in load_file(job["weights"]).items() if not name.startswith("head.")}
missing, extra = model.load_state_dict(own, strict=False)
assert set(missing) == {"head.weight", "head.bias"} and not extra
start = time.perf_counter()

tune = recipe["tune"]
if tune == "lora":
    config = peft.LoraConfig(
        r=recipe["loraRank"],
        lora_alpha=recipe["loraAlpha"],
        lora_dropout=recipe["loraDropout"],
        target_modules=recipe["loraTargets"],
        modules_to_save=["head"],
    )
    model = peft.get_peft_model(model, config)
elif tune == "probe":
    for name, parameter in model.named_parameters():
        parameter.requires_grad = name.startswith("head")


@torch.no_grad()
def features(loading):
    """What the frozen part makes of all images: [n, d], and the labels."""
    model.eval()
    parts = [(model.forward_head(model.forward_features(x), pre_logits=True), y) for x, y in loading]
    return torch.cat([x for x, _ in parts]), torch.cat([y for _, y in parts])


learner = model.head if tune == "probe" else model
if recipe["layerDecay"] < 1:
    groups = param_groups_layer_decay(learner, weight_decay=recipe["weightDecay"], layer_decay=recipe["layerDecay"], no_weight_decay_list=model.no_weight_decay())
else:
    trained = [p for p in learner.parameters() if p.requires_grad]
    groups = [
        dict(params=[p for p in trained if p.ndim > 1], weight_decay=recipe["weightDecay"]),
        dict(params=[p for p in trained if p.ndim <= 1], weight_decay=0.0),
    ]
optimizer = torch.optim.AdamW(groups, lr=recipe["learningRate"])
steps_per_epoch = len(job["train"]) // batch
steps, warmup = recipe["epochs"] * steps_per_epoch, round(recipe["warmupEpochs"] * steps_per_epoch)


def rate(step):
    top, low = recipe["learningRate"], recipe["minLearningRate"]
    if step < warmup:
        return top / 100 + (top - top / 100) * step / warmup
    return low + 0.5 * (top - low) * (1 + math.cos(math.pi * step / steps))


def learn(x, y, step):
    for group in optimizer.param_groups:
        group["lr"] = rate(step) * group.get("lr_scale", 1.0)
    loss = F.cross_entropy(learner(x), y, label_smoothing=recipe["labelSmoothing"])
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    if recipe["clipNorm"] is not None:
        torch.nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], recipe["clipNorm"])
    optimizer.step()


accuracies, step = [], 0
if tune == "probe":
    views = [features(loader(job["train"], changing)) for _ in range(1 if changing is plain else min(recipe["probeViews"], recipe["epochs"]))]
    seen, truth = features(loader(job["validation"], plain))
    for epoch in range(recipe["epochs"]):
        x, y = views[epoch % len(views)]
        order = torch.randperm(len(y))
        for i in range(steps_per_epoch):
            chosen = order[i * batch : (i + 1) * batch]
            learn(x[chosen], y[chosen], step)
            step += 1
        with torch.no_grad():
            accuracies.append((learner(seen).argmax(1) == truth).float().mean().item())
else:
    training = loader(job["train"], changing, shuffle=True, drop_last=True)
    validation = loader(job["validation"], plain)
    for epoch in range(recipe["epochs"]):
        model.train()
        for x, y in training:
            learn(x, y, step)
            step += 1
        model.eval()
        with torch.inference_mode():
            hits = sum((model(x).argmax(1) == y).sum().item() for x, y in validation)
        accuracies.append(hits / len(job["validation"]))

print(json.dumps(dict(seconds=time.perf_counter() - start, accuracies=accuracies)))
