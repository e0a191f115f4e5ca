"""Writes tests/tasks/golden/{attention,rnn}-*.safetensors: options of torch's attention and recurrent networks beyond the shared golden files.

usage: python tools/sequence-golden.py
"""

import json
import pathlib

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

folder = pathlib.Path(__file__).parent.parent / "tests/tasks/golden"
torch.set_default_dtype(torch.float64)


def save(name, model, reference, config, module, inputs, run, notes):
    """`run` maps the inputs to the outputs by name; the loss is the sum of outputs times random cotangents."""
    torch.manual_seed(sum(map(ord, name)))
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.4)
    inputs = {key: value.requires_grad_(value.is_floating_point()) for key, value in inputs.items()}
    outputs = run(inputs)
    cotangents = {key: torch.randn_like(value) for key, value in outputs.items()}
    loss = sum((outputs[key] * cotangents[key]).sum() for key in outputs)
    loss.backward()
    tensors = {"loss": loss}
    for key, parameter in module.named_parameters():
        tensors[f"param.{key}"], tensors[f"grad.{key}"] = parameter, parameter.grad
    for key, value in inputs.items():
        tensors[f"input.{key}"] = value
        if value.is_floating_point():
            tensors[f"grad.input.{key}"] = value.grad
    for key, value in outputs.items():
        tensors[f"output.{key}"], tensors[f"cotangent.{key}"] = value, cotangents[key]
    stored = {k: v.detach().to(torch.float32 if v.is_floating_point() else torch.int64).contiguous() for k, v in tensors.items()}
    metadata = {
        "format": "vitrine-golden/1",
        "case": name,
        "model": model,
        "reference": f"torch {torch.__version__.split('+')[0]} {reference}",
        "config": json.dumps(config),
        "mode": "eval",
        "loss": "sum over outputs of the inner product <output, cotangent of the same name>",
        "tolerance": json.dumps({"rtol": 1e-5, "atol": 1e-5}),
        "notes": notes,
    }
    save_file(stored, folder / f"{name}.safetensors", metadata)
    print(name, round((folder / f"{name}.safetensors").stat().st_size / 1024), "kB")


def recurrent(name, kind, config, batch=3, time=5, lengths=None, initial=False):
    module = getattr(nn, kind)(**config)
    directions = 2 if config.get("bidirectional") else 1
    layers, hidden = config.get("num_layers", 1), config["hidden_size"]
    torch.manual_seed(len(name))
    shape = (batch, time) if config.get("batch_first") else (time, batch)
    inputs = {"x": torch.randn(*shape, config["input_size"])}
    if initial:
        inputs["h_0"] = torch.randn(layers * directions, batch, config.get("proj_size") or hidden)
        if kind == "LSTM":
            inputs["c_0"] = torch.randn(layers * directions, batch, hidden)
    if lengths:
        inputs["lengths"] = torch.tensor(lengths)

    def run(given):
        x, batch_first = given["x"], config.get("batch_first", False)
        if lengths:
            x = pack_padded_sequence(x, given["lengths"], batch_first, enforce_sorted=False)
        state = None
        if initial:
            state = (given["h_0"], given["c_0"]) if kind == "LSTM" else given["h_0"]
        output, last = module(x, state)
        if lengths:
            output, _ = pad_packed_sequence(output, batch_first, total_length=time)
        last = last if isinstance(last, tuple) else (last,)
        return {"output": output, **dict(zip(("h_n", "c_n"), last))}

    save(name, "rnn", f"torch.nn.{kind}", config, module, inputs, run, "h_0, c_0 and lengths are given where they are inputs.")


both = {"bidirectional": True, "batch_first": True, "num_layers": 2}
recurrent("rnn-lstm-projection", "LSTM", {"input_size": 3, "hidden_size": 5, "proj_size": 2, **both}, lengths=[3, 5, 1], initial=True)
recurrent("rnn-lstm-projection-plain", "LSTM", {"input_size": 3, "hidden_size": 4, "proj_size": 3, "bias": False}, initial=True)
recurrent("rnn-lstm-packed-initial", "LSTM", {"input_size": 2, "hidden_size": 3, **both}, lengths=[2, 5, 4], initial=True)
recurrent("rnn-gru-packed-initial", "GRU", {"input_size": 2, "hidden_size": 3, "bias": False, **both}, lengths=[4, 1, 5], initial=True)
recurrent("rnn-relu-packed-initial", "RNN", {"input_size": 2, "hidden_size": 3, "nonlinearity": "relu", **both}, lengths=[5, 2, 3], initial=True)
recurrent("rnn-gru-one-step", "GRU", {"input_size": 2, "hidden_size": 3, "batch_first": True}, time=1, initial=True)

attention = nn.MultiheadAttention(8, 2, add_bias_kv=True, batch_first=True)
torch.manual_seed(5)
blocked = torch.tensor([[0, 0, 0, 1], [0, 0, 1, 1]])


def attend(given):
    output, weights = attention(
        given["query"], given["key"], given["key"], key_padding_mask=given["key_padding_mask"].bool(), average_attn_weights=False
    )
    return {"attn_output": output, "attn_weights": weights}


save(
    "attention-mha-bias-kv",
    "attention",
    "torch.nn.MultiheadAttention",
    {"embed_dim": 8, "num_heads": 2, "add_bias_kv": True, "batch_first": True},
    attention,
    {"query": torch.randn(2, 3, 8), "key": torch.randn(2, 4, 8), "key_padding_mask": blocked},
    attend,
    "input.key_padding_mask: 1 = blocked; value is key.",
)
