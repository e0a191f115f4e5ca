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
        if value.grad is not None:
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
    """Without a batch (`batch=None`), sequence and states are single ones."""
    module = getattr(nn, kind)(**config)
    directions = 2 if config.get("bidirectional") else 1
    layers, hidden = config.get("num_layers", 1), config["hidden_size"]
    torch.manual_seed(len(name))
    rows = [] if batch is None else [batch]
    shape = (*rows, time) if config.get("batch_first") else (time, *rows)
    inputs = {"x": torch.randn(*shape, config["input_size"])}
    if initial:
        inputs["h_0"] = torch.randn(layers * directions, *rows, config.get("proj_size") or hidden)
        if kind == "LSTM":
            inputs["c_0"] = torch.randn(layers * directions, *rows, hidden)
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
recurrent("rnn-lstm-single", "LSTM", {"input_size": 3, "hidden_size": 4, "proj_size": 2, **both}, batch=None, initial=True)
recurrent("rnn-gru-single", "GRU", {"input_size": 3, "hidden_size": 4}, batch=None)

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


def multihead(name, config, inputs, notes):
    """Masks are those of the module's forward; a value that is not given is the key, a key the query. Weights are those of each head."""
    module = nn.MultiheadAttention(**config)

    def run(given):
        query = given["query"]
        key = given.get("key", query)
        masks = {n: given[n] if given[n].is_floating_point() else given[n].bool() for n in ("attn_mask", "key_padding_mask") if n in given}
        output, weights = module(query, key, given.get("value", key), average_attn_weights=False, **masks)
        return {"attn_output": output, "attn_weights": weights}

    save(name, "attention", "torch.nn.MultiheadAttention", config, module, inputs, run, notes)


torch.manual_seed(11)
some = (torch.rand(4, 3, 5) < 0.4).long()
some[1, 2] = 1
multihead(
    "attention-mha-zero-attn",
    {"embed_dim": 8, "num_heads": 2, "add_zero_attn": True, "add_bias_kv": True, "batch_first": True},
    {
        "query": torch.randn(2, 3, 8),
        "key": torch.randn(2, 5, 8),
        "attn_mask": some,
        "key_padding_mask": torch.tensor([[0, 0, 0, 0, 1], [0, 0, 0, 0, 0]]),
    },
    "input.attn_mask [b * heads, t, s] and input.key_padding_mask: 1 = blocked; a row of one head sees the two added keys alone.",
)
multihead(
    "attention-mha-zero-attn-alone",
    {"embed_dim": 6, "num_heads": 3, "add_zero_attn": True, "kdim": 4, "vdim": 5},
    {"query": torch.randn(3, 2, 6), "key": torch.randn(4, 2, 4), "value": torch.randn(4, 2, 5)},
    "Time comes first.",
)
added = torch.randn(4, 4, 4)
added[0, 2, 1] = -torch.inf
multihead(
    "attention-mha-head-bias",
    {"embed_dim": 8, "num_heads": 2, "batch_first": True},
    {"query": torch.randn(2, 4, 8), "attn_mask": added, "key_padding_mask": torch.tensor([[0.0, 0.5, -1.0, 0.0], [0.0, 0.0, 0.0, -torch.inf]])},
    "input.attn_mask [b * heads, t, s] and input.key_padding_mask are added to the scores.",
)
multihead(
    "attention-mha-single",
    {"embed_dim": 8, "num_heads": 2},
    {
        "query": torch.randn(3, 8),
        "key": torch.randn(4, 8),
        "attn_mask": torch.randn(2, 3, 4),
        "key_padding_mask": torch.tensor([0.0, 0.0, 0.0, -torch.inf]),
    },
    "One sequence without a batch; input.attn_mask [heads, t, s] and input.key_padding_mask [s] are added to the scores.",
)


class Location(nn.Module):
    """Luong et al., arXiv:1508.04025, equation (8): W_a h, of which as many places are kept as there are keys."""

    def __init__(self):
        super().__init__()
        self.linear_in = nn.Linear(4, 7, bias=False)


location = Location()


def locate(given):
    scores = location.linear_in(given["query"])[..., : given["key"].shape[1]]
    weights = scores.masked_fill(~given["mask"].bool()[:, None], -torch.inf).softmax(-1)
    return {"scores": scores, "weights": weights, "output": weights @ given["value"]}


save(
    "attention-score-location",
    "attention",
    "expression",
    {"similarity": "location", "query_dim": 4},
    location,
    {"query": torch.randn(2, 3, 4), "key": torch.randn(2, 5, 6), "value": torch.randn(2, 5, 3), "mask": torch.tensor([[1, 1, 1, 1, 0], [1, 0, 1, 1, 1]])},
    locate,
    "input.mask: 1 = seen. The keys' values do not matter: they have no gradient.",
)


def seq2seq(name, cell, attention, config):
    """Encoder in both directions, bridge from its backward state, cell that reads word and context, output over state, context and word.

    Bahdanau et al., arXiv:1409.0473, section A; the query is the state before the step. `none`: Cho et al., arXiv:1406.1078.
    """
    embed, hidden, layers = config["embed"], config["hidden"], config["layers"]
    wide = config.get("decoder_hidden", 2 * hidden if attention == "dot" else hidden)
    torch.manual_seed(7)
    model = nn.Module()
    model.encoder, model.decoder = nn.Module(), nn.Module()
    model.encoder.embedding = nn.Embedding(config["source_vocab"], embed)
    model.encoder.rnn = getattr(nn, cell)(embed, hidden, layers, batch_first=True, bidirectional=True)
    model.bridge = nn.Linear(hidden, wide)
    if cell == "LSTM":
        model.bridge_cell = nn.Linear(hidden, wide)
    model.attention = nn.Module()
    if attention == "general":
        model.attention.linear_in = nn.Linear(wide, 2 * hidden, bias=False)
    if attention == "additive":
        between = config.get("attention_dim", wide)
        model.attention.linear_query = nn.Linear(wide, between)
        model.attention.linear_context = nn.Linear(2 * hidden, between, bias=False)
        model.attention.v = nn.Linear(between, 1, bias=False)
    model.decoder.embedding = nn.Embedding(config["target_vocab"], embed)
    model.decoder.rnn = getattr(nn, f"{cell}Cell")(embed + 2 * hidden, wide)
    model.output = nn.Linear(wide + 2 * hidden + embed, config["target_vocab"])

    def scores(query, annotations):
        if attention == "additive":
            part = model.attention
            return part.v(torch.tanh(part.linear_query(query)[:, None] + part.linear_context(annotations)))[..., 0]
        query = model.attention.linear_in(query) if attention == "general" else query
        return (annotations @ query[..., None])[..., 0]

    def run(given):
        source, lengths, target = given["source"], given["source_lengths"], given["target_in"]
        words = pack_padded_sequence(model.encoder.embedding(source), lengths, True, enforce_sorted=False)
        packed, last = model.encoder.rnn(words)
        annotations, _ = pad_packed_sequence(packed, True, total_length=source.shape[1])
        last = last if cell == "LSTM" else (last,)
        valid = torch.arange(source.shape[1])[None] < lengths[:, None]
        state = [torch.tanh(model.bridge(last[0][-1]))]
        if cell == "LSTM":
            state.append(torch.tanh(model.bridge_cell(last[1][-1])))

        def step(ids, state):
            word = model.decoder.embedding(ids)
            if attention == "none":
                context = torch.cat([last[0][-2], last[0][-1]], -1)
                weights = torch.zeros(source.shape)
            else:
                weights = scores(state[0], annotations).masked_fill(~valid, -torch.inf).softmax(-1)
                context = (weights[:, None] @ annotations)[:, 0]
            read = torch.cat([word, context], -1)
            following = model.decoder.rnn(read, tuple(state) if cell == "LSTM" else state[0])
            following = list(following) if cell == "LSTM" else [following]
            return following, weights, model.output(torch.cat([following[0], context, word], -1))

        now, logits, alignment = state, [], []
        for t in range(target.shape[1]):
            now, weights, out = step(target[:, t], now)
            logits.append(out)
            alignment.append(weights)
        logits = torch.stack(logits, 1)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), given["target_out"].flatten(), ignore_index=0)
        return {"logits": logits, "alignment": torch.stack(alignment, 1), "loss_tokens": loss}

    inputs = {
        "source": torch.tensor([[3, 5, 4, 8, 2], [7, 6, 2, 0, 0]]),
        "source_lengths": torch.tensor([5, 3]),
        "target_in": torch.tensor([[1, 4, 6, 3], [1, 5, 0, 0]]),
        "target_out": torch.tensor([[4, 6, 3, 2], [5, 2, 0, 0]]),
    }
    notes = f"{cell} with {attention} attention; target_out's 0 is padding, left out of loss_tokens."
    save(name, "seq2seq", f"expression (nn.{cell}, nn.{cell}Cell)", {"attention": attention, **config}, model, inputs, run, notes)


sizes = {"source_vocab": 9, "target_vocab": 7, "embed": 3, "hidden": 4, "layers": 1}
seq2seq("seq2seq-lstm-additive", "LSTM", "additive", {**sizes, "layers": 2, "attention_dim": 5})
seq2seq("seq2seq-lstm-wide-general", "LSTM", "general", {**sizes, "decoder_hidden": 6})
seq2seq("seq2seq-gru-dot", "GRU", "dot", sizes)
seq2seq("seq2seq-gru-none", "GRU", "none", sizes)


def functional(name, config, inputs, notes):
    """torch's function by itself; `config` holds its options, and boolean masks are 1 where a key is seen."""

    def run(given):
        mask = given.get("attn_mask")
        seen = mask if mask is None or mask.is_floating_point() else mask.bool()
        return {"output": nn.functional.scaled_dot_product_attention(given["query"], given["key"], given["value"], seen, **config)}

    save(name, "attention", "torch.nn.functional.scaled_dot_product_attention", config, nn.Module(), inputs, run, notes)


def heads(b, a, n, k):
    return torch.randn(b, a, n, k)


torch.manual_seed(13)
functional(
    "attention-sdpa-causal",
    {"is_causal": True, "scale": 0.3},
    {"query": heads(2, 2, 3, 4), "key": heads(2, 2, 5, 4), "value": heads(2, 2, 5, 2)},
    "Fewer queries than keys: both are counted from the first.",
)
functional(
    "attention-sdpa-causal-many",
    {"is_causal": True},
    {"query": heads(1, 2, 5, 4), "key": heads(1, 2, 3, 4), "value": heads(1, 2, 3, 4)},
    "More queries than keys.",
)
functional(
    "attention-sdpa-grouped",
    {"enable_gqa": True, "scale": 1.5},
    {"query": heads(2, 6, 3, 4), "key": heads(2, 2, 4, 4), "value": heads(2, 2, 4, 3), "attn_mask": torch.tensor([[1, 0, 1, 1], [0, 1, 1, 0], [1, 1, 1, 1]])},
    "Each head of keys and values for three of the queries; input.attn_mask: 1 = seen.",
)
functional(
    "attention-sdpa-grouped-causal",
    {"enable_gqa": True, "is_causal": True},
    {"query": heads(1, 4, 3, 4), "key": heads(1, 1, 3, 4), "value": heads(1, 1, 3, 4)},
    "One head of keys and values for all queries.",
)

causal = nn.MultiheadAttention(6, 2, batch_first=True)


def look_back(given):
    blocked = torch.ones(4, 4).triu(1).bool()
    output, weights = causal(*[given["query"]] * 3, attn_mask=blocked, is_causal=True, average_attn_weights=False)
    return {"attn_output": output, "attn_weights": weights}


save(
    "attention-mha-causal",
    "attention",
    "torch.nn.MultiheadAttention",
    {"embed_dim": 6, "num_heads": 2, "batch_first": True, "is_causal": True},
    causal,
    {"query": torch.randn(2, 4, 6)},
    look_back,
    "The forward's is_causal, beside the mask that it asks for.",
)
