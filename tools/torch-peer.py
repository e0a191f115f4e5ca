"""The peer of bench/speed.ts and bench/family.ts: one repetition of a model in PyTorch for each line on standard input.

Usage: torch-peer.py MODEL|mae_vit_base|products infer|train BATCH THREADS. Models are timm's, without stochastic depth; the masked autoencoder is
transformers'. Prints `ready`, then seconds per line; an empty line ends it with the peak memory in bytes.
"""

import resource
import sys
import time

import torch

name, task, batch, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(threads)
torch.manual_seed(0)

# Wheels of torchvision without compiled operators lack these, and timm imports them by the way.
for lacking in ("nms", "qnms"):
    torch.library.define(f"torchvision::{lacking}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import timm  # noqa: E402  (after the thread count is set)

if name == "mae_vit_base":
    from transformers import ViTMAEConfig, ViTMAEForPreTraining

    model = ViTMAEForPreTraining(ViTMAEConfig())
elif name != "products":
    model = timm.create_model(name, num_classes=1000, drop_path_rate=0.0)


def loss_of():
    if name == "mae_vit_base":
        return model(images).loss
    return torch.nn.functional.cross_entropy(model(images), labels)


images = torch.randn(batch, 3, 224, 224)
labels = torch.arange(batch) % 1000

if name == "products":
    rows, wide, narrow = torch.randn(1576, 384), torch.randn(384, 1536) / 20, torch.randn(1536, 384) / 40

    @torch.inference_mode()
    def repetition():
        for _ in range(batch):
            rows @ wide @ narrow

elif task == "train":
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)

    def repetition():
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of()
        loss.backward()
        optimizer.step()
        return loss.item()
else:
    model.eval()

    @torch.inference_mode()
    def repetition():
        return model(images)


for _ in range(2):
    repetition()
print("ready", flush=True)
for line in sys.stdin:
    if not line.strip():
        break
    start = time.perf_counter()
    repetition()
    print(time.perf_counter() - start, flush=True)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, flush=True)
