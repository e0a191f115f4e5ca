"""Image classifiers of others as .onnx files, made by torch's own exporters: a ResNet-like CNN and a ViT of timm with drawn weights.

Run: python tools/onnx-classifiers.py FOLDER [vit-tiny-imagenet/model.safetensors]

Each case is a folder: `model.onnx`, `preprocessor_config.json`, and in `numbers.json` the logits that onnxruntime gives for the image that the test draws.
`tests/pretrained/onnx-models/` holds four of them, all below 100 kB. With weights there is a fifth that can tell photographs apart: timm's vit_tiny_patch16_224.
"""

import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
import torch

register_fake = torch.library.register_fake
torch.library.register_fake = lambda name, *a, **k: (
    (lambda f: f) if str(name).startswith("torchvision::") else register_fake(name, *a, **k)
)

import timm  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from timm.models.resnet import BasicBlock, ResNet  # noqa: E402
from timm.models.vision_transformer import VisionTransformer  # noqa: E402


class AllConvolutional(torch.nn.Module):
    """Ends, as SqueezeNet does, with a convolution and a mean: no linear map to replace."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.last = torch.nn.Conv2d(8, 6, 1)

    def forward(self, x):
        return self.last(torch.relu(self.first(x))).mean((2, 3)).softmax(-1)


torch.manual_seed(0)
cnn = dict(block=BasicBlock, layers=[1, 1, 1, 1], channels=[4, 6, 8, 10], num_classes=6)
cases = {
    # (model, exporter, whether the normalisations stay as they are)
    "cnn-folded": (ResNet(**cnn), dict(dynamo=False)),
    "cnn": (ResNet(**cnn), dict(dynamo=False, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)),
    "vit": (
        VisionTransformer(img_size=32, patch_size=8, embed_dim=16, depth=1, num_heads=2, num_classes=6),
        dict(dynamo=True),
    ),
    "all-convolutional": (AllConvolutional(), dict(dynamo=True)),
}
folder = pathlib.Path(sys.argv[1])


def write(name, model, how, side, **preparation):
    """The folder of a case, its model looking at images of so many pixels a side."""
    model.eval()
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    image = torch.linspace(-1, 1, 3 * side * side).sin().reshape(1, 3, side, side)
    batch = torch.cat([image, image.flip(3)])
    axes = (
        dict(dynamic_shapes=({0: torch.export.Dim("n", min=1, max=64)},))
        if how["dynamo"]
        else dict(dynamic_axes={"pixels": {0: "n"}, "scores": {0: "n"}})
    )
    torch.onnx.export(
        model, (batch,), place / "model.onnx", input_names=["pixels"], output_names=["scores"], opset_version=18, **how, **axes
    )
    proto = onnx.load(place / "model.onnx")
    for node in proto.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    onnx.save_model(proto, place / "model.onnx", save_as_external_data=False)
    (place / "model.onnx.data").unlink(missing_ok=True)
    preparation = preparation or dict(size=dict(height=side, width=side))
    preprocessor = dict(**preparation, image_mean=[0.5] * 3, image_std=[0.5] * 3, do_resize=True, resample=3)
    (place / "preprocessor_config.json").write_text(json.dumps(preprocessor, indent=1) + "\n")
    scores = onnxruntime.InferenceSession(place / "model.onnx").run(None, {"pixels": batch.numpy()})[0]
    with torch.no_grad():
        assert np.abs(scores - model(batch).numpy()).max() < 1e-4
    (place / "numbers.json").write_text(json.dumps([[float(f"{x:.8g}") for x in row] for row in scores.tolist()]) + "\n")
    ops = sorted({node.op_type for node in proto.graph.node})
    print(name, (place / "model.onnx").stat().st_size, proto.opset_import[0].version, ops)


for name, (model, how) in cases.items():
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    # Exporters make equal weights one, as the zeros of fresh biases are.
    for parameter in model.parameters():
        parameter.data.add_(torch.randn_like(parameter) * 0.05)
    write(name, model, how, 32)
if len(sys.argv) > 2:
    trained = timm.create_model("vit_tiny_patch16_224")
    trained.load_state_dict(load_file(sys.argv[2]))
    cropped = dict(size=dict(shortest_edge=248), do_center_crop=True, crop_size=dict(height=224, width=224))
    write("vit-tiny-imagenet", trained, dict(dynamo=True), 224, **cropped)
