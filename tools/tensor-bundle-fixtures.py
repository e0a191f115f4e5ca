"""Makes TensorFlow checkpoints with TensorFlow itself, and the safetensors twins that a reader must find in them.

Usage: python tools/tensor-bundle-fixtures.py (tensorflow, torch, transformers, safetensors)

tests/weights/fixtures/checkpoint.*: every element type, in two data files.
tests/weights/fixtures/object-graph.*: what TensorFlow 2 saves, with its graph of objects.
tests/pretrained/golden/gpt2-openai/: a small GPT-2 as OpenAI published its own (names, shapes, hparams.json, encoder.json, vocab.bpe), with transformers' logits.
"""

import json
import os
import pathlib
import shutil
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf  # noqa: E402
import torch  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

# torchvision without its compiled operators is enough here.
register_fake = torch.library.register_fake
torch.library.register_fake = lambda name, *a, **k: (
    (lambda f: f) if str(name).startswith("torchvision::") else register_fake(name, *a, **k)
)

from transformers import GPT2Config, GPT2LMHeadModel  # noqa: E402

root = pathlib.Path(__file__).parent.parent
fixtures = root / "tests/weights/fixtures"
torch.manual_seed(0)

DTYPES = "float32 float64 float16 bfloat16 int8 uint8 int16 uint16 int32 uint32 int64 uint64 bool".split()


def as_tf(tensor):
    dtype = getattr(tf, str(tensor.dtype).removeprefix("torch."))
    return tf.cast(tf.constant(tensor.to(torch.float64).numpy()), dtype)


def save(prefix, tensors):
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(tensors),
        shape_and_slices=[""] * len(tensors),
        tensors=[as_tf(t) for t in tensors.values()],
    )


def two_data_files():
    every = {f"t/{d}": (torch.arange(6).reshape(2, 3) * 3 % 7).to(getattr(torch, d)) for d in DTYPES}
    every |= {"scalar": torch.tensor(3.5), "empty": torch.zeros(0, 4), "t/float32/Adam": torch.randn(3, 1, 2)}
    # More names than one block of the index holds.
    every |= {f"layer_{i:03}/weights": torch.tensor([float(i)]) for i in range(200)}
    names = sorted(every)
    with tempfile.TemporaryDirectory() as place:
        parts = [f"{place}/a", f"{place}/b"]
        for i, part in enumerate(parts):
            save(part, {name: every[name] for name in names[i::2]})
        tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=parts, destination_prefix=str(fixtures / "checkpoint"))
    save_file(every, fixtures / "checkpoint.safetensors")


def objects():
    module = tf.Module()
    module.kernel = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    module.step = tf.Variable(7, dtype=tf.int64)
    with tempfile.TemporaryDirectory() as place:
        written = tf.train.Checkpoint(model=module).write(f"{place}/object-graph")
        for end in [".index", ".data-00000-of-00001"]:
            shutil.copy(written + end, fixtures / f"object-graph{end}")


def printable_bytes():
    """openai/gpt-2, src/encoder.py, bytes_to_unicode."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in kept]
    return {b: chr(b) for b in kept} | {b: chr(256 + i) for i, b in enumerate(others)}


def gpt2():
    folder = root / "tests/pretrained/golden/gpt2-openai"
    folder.mkdir(parents=True, exist_ok=True)
    merges = ["h e", "l l", "he ll", "Ġ w"]
    letters = printable_bytes()
    pieces = [letters[b] for b in sorted(letters, key=lambda b: ord(letters[b]))]
    pieces += [m.replace(" ", "") for m in merges] + ["<|endoftext|>"]
    (folder / "encoder.json").write_text(json.dumps({piece: i for i, piece in enumerate(pieces)}))
    (folder / "vocab.bpe").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    sizes = {"n_vocab": len(pieces), "n_ctx": 16, "n_embd": 24, "n_head": 3, "n_layer": 2}
    (folder / "hparams.json").write_text(json.dumps(sizes, indent=2) + "\n")

    end = len(pieces) - 1
    rest = {k: v for k, v in sizes.items() if k not in ("n_vocab", "n_ctx")}
    config = GPT2Config(vocab_size=sizes["n_vocab"], n_positions=16, **rest, bos_token_id=end, eos_token_id=end)
    model = GPT2LMHeadModel(config).eval()
    for parameter in model.parameters():
        parameter.data.add_(torch.randn_like(parameter) * 0.2)

    tensors = {}
    for name, value in model.transformer.state_dict().items():
        path = name.removesuffix(".weight").removesuffix(".bias").split(".")
        if path[0] == "h":
            path = [f"h{path[1]}", *path[2:]]
        if name.endswith(".bias"):
            tensors["/".join(["model", *path, "b"])] = value
        elif path[-1] in ("wte", "wpe"):
            tensors["/".join(["model", *path])] = value
        elif path[-1].startswith("ln_"):
            tensors["/".join(["model", *path, "g"])] = value
        else:  # one-dimensional convolutions: [1, in, out]
            tensors["/".join(["model", *path, "w"])] = value[None]
    save(folder / "model.ckpt", {name: tensors[name] for name in sorted(tensors)})
    ids = torch.tensor([[7, 260, 3, 100, end, 41]])
    with torch.no_grad():
        save_file({"ids": ids, "logits": model(ids).logits}, folder / "expected.safetensors")


two_data_files()
objects()
gpt2()
