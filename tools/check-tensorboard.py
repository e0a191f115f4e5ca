"""Checks that TensorBoard's own reader finds in a run's event file what the run's log says.

    python tools/check-tensorboard.py RUN...

Compares every scalar with log.jsonl, decodes the images, and checks the histograms' counts. Exit status 1 if something differs.
"""

import io
import json
import pathlib
import sys

import numpy as np
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

STEP = {
    "loss": "loss",
    "accuracy": "accuracy",
    "learning_rate": "learningRate",
    "gradient_norm": "gradientNorm",
    "examples_per_second": "examplesPerSecond",
}


def check(run):
    # purge_orphaned_data is what TensorBoard itself does after a restart.
    found = EventAccumulator(str(run / "tensorboard"), size_guidance={kind: 0 for kind in ("scalars", "images", "histograms", "tensors")})
    found.Reload()
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    steps = [event for event in log if event["type"] == "step"]
    epochs = [event for event in log if event["type"] == "epoch.end"]
    scalars = 0
    for name, key in STEP.items():
        values = found.Scalars(f"step/{name}")
        assert [value.step for value in values] == [event["step"] for event in steps], f"steps of {name}"
        assert [value.value for value in values] == [float(np.float32(event[key])) for event in steps], name
        scalars += len(values)
    for part in ("train", "validation"):
        for figure in ("loss", "accuracy"):
            expected = [event[part][figure] for event in epochs if event.get(part)]
            if not expected:
                continue
            values = found.Scalars(f"epoch/{part}_{figure}")
            assert [value.value for value in values] == [float(np.float32(x)) for x in expected], (part, figure)
            scalars += len(values)
    tags = found.Tags()
    images = 0
    for tag in tags["images"]:
        for image in found.Images(tag):
            assert Image.open(io.BytesIO(image.encoded_image_string)).size == (image.width, image.height)
            images += 1
    histograms = 0
    for tag in tags["histograms"]:
        for event in found.Histograms(tag):
            histogram = event.histogram_value
            limits = np.array(histogram.bucket_limit)
            assert sum(histogram.bucket) == histogram.num > 0, tag
            assert (np.diff(limits) > 0).all() and limits[-1] == histogram.max, tag
            histograms += 1
    texts = [tag for tag in tags["tensors"] if found.summary_metadata[tag].plugin_data.plugin_name == "text"]
    for tag in texts:
        assert found.Tensors(tag)[0].tensor_proto.string_val[0].decode()
    print(f"{run}: {scalars} scalars, {images} images, {histograms} histograms, {len(texts)} texts  ok")


for argument in sys.argv[1:]:
    check(pathlib.Path(argument))
