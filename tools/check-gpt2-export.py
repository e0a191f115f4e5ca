"""Checks that ONNX Runtime computes transformers' logits from a GPT-2 that vitrine exported with its cache.

    python tools/check-gpt2-export.py OUT

Makes a small GPT-2 of random weights in OUT/gpt2 with transformers, has `node tools/run.mjs src/cli/main.ts export` write OUT/gpt2.onnx, and feeds both two prompts of
different lengths (the shorter one padded on its left), then eight words one by one. Prints the largest difference of each call; exit status 1 if one is above 1e-4.
"""

import json
import pathlib
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import torch

# torchvision without its compiled operators is enough here.
register_fake = torch.library.register_fake
torch.library.register_fake = lambda name, *a, **k: (
    (lambda f: f) if str(name).startswith("torchvision::") else register_fake(name, *a, **k)
)

import transformers  # noqa: E402

layers, heads, width, words = 3, 4, 32, 317
root = pathlib.Path(__file__).parent.parent


def write_model(folder):
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=words, n_positions=48, n_embd=width, n_layer=layers, n_head=heads, bos_token_id=None, eos_token_id=None
    )
    model = transformers.GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randn_like(weight) * (0.3 if weight.dim() > 1 else 0.1) + (weight if weight.dim() == 1 else 0))
    model.save_pretrained(folder)
    # What makes a folder one of a model of words; the words themselves are not asked for.
    golden = root / "tests/data/text/golden"
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((golden / name).read_bytes())
    return model


def main():
    out = pathlib.Path(sys.argv[1])
    folder, file = out / "gpt2", out / "gpt2.onnx"
    folder.mkdir(parents=True, exist_ok=True)
    model = write_model(folder)
    command = ["node", "tools/run.mjs", "src/cli/main.ts", "export", str(folder), str(file), "--force", "--json"]
    told = json.loads(subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout)
    assert told["layers"] == layers, told
    onnx.checker.check_model(str(file), full_check=True)
    session = onnxruntime.InferenceSession(str(file))

    ids = torch.tensor([[0, 0, 0, 17, 5], [9, 300, 4, 88, 41]])
    mask = torch.tensor([[0, 0, 0, 1, 1], [1, 1, 1, 1, 1]])
    empty = np.zeros((2, heads, 0, width // heads), np.float32)
    past = {f"past_key_values.{i}.{part}": empty for i in range(layers) for part in ("key", "value")}
    cache, failed = None, False
    for step in range(9):
        feeds = {"input_ids": ids.numpy(), "attention_mask": mask.numpy(), **past}
        results = dict(zip([o.name for o in session.get_outputs()], session.run(None, feeds)))
        places = (mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        with torch.no_grad():
            theirs = model(ids, attention_mask=mask, position_ids=places, past_key_values=cache, use_cache=True)
        cache = theirs.past_key_values
        reference = theirs.logits[:, -1:].numpy()
        difference = np.abs(results["logits"] - reference).max()
        print(f"call {step}: {ids.shape[1]} new, {mask.shape[1]} in all, largest difference {difference:.2e} of {np.abs(reference).max():.2f}")
        failed |= not difference <= 1e-4
        past = {name.replace("present", "past_key_values"): value for name, value in results.items() if name != "logits"}
        ids = torch.from_numpy(results["logits"][:, -1].argmax(-1))[:, None]
        mask = torch.cat([mask, torch.ones(2, 1, dtype=mask.dtype)], 1)
    sys.exit(failed)


if __name__ == "__main__":
    main()
