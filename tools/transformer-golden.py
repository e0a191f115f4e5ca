"""Writes tests/tasks/golden/{transformer,gpt2}-*.safetensors: options beyond the shared golden files.

usage: python tools/transformer-golden.py
"""

import copy
import json
import pathlib
import tempfile

import torch
from safetensors.torch import load_file, save_file
from torch import nn

# torchvision without its compiled operators is enough here.
register_fake = torch.library.register_fake
torch.library.register_fake = lambda name, *a, **k: (
    (lambda f: f) if str(name).startswith("torchvision::") else register_fake(name, *a, **k)
)

import transformers  # noqa: E402
from transformers import GPT2Config, GPT2LMHeadModel, MarianConfig, MarianMTModel  # noqa: E402

folder = pathlib.Path(__file__).parent.parent / "tests/tasks/golden"
torch.backends.mha.set_fastpath_enabled(False)


def disturb(module, spread=0.3):
    for name, parameter in module.named_parameters():
        if "embed_positions" not in name:  # fixed tables
            parameter.data.add_(torch.randn_like(parameter) * (spread if parameter.ndim > 1 else spread / 6))


def save(name, model, reference, config, params, inputs, outputs, loss, loss_text, extra, notes, tolerance):
    """`params`: parameters by published name; `outputs` and `extra` (greedy ids, buffers) as they are stored."""
    names, values = zip(*params.items())
    grads = torch.autograd.grad(loss, values, allow_unused=True, retain_graph=True)
    tensors = {"loss": loss, **extra}
    for key, value, grad in zip(names, values, grads):
        tensors[f"param.{key}"] = value
        if grad is not None:
            tensors[f"grad.{key}"] = grad
    for key, value in inputs.items():
        tensors[f"input.{key}"] = value
        if value.requires_grad:
            tensors[f"grad.input.{key}"] = torch.autograd.grad(loss, value, retain_graph=True)[0]
    for key, value in outputs.items():
        tensors[f"output.{key}"] = value
    stored = {k: v.detach().to(torch.float32 if v.is_floating_point() else torch.int64).contiguous().clone() for k, v in tensors.items()}
    metadata = {
        "format": "vitrine-golden/1",
        "case": name,
        "model": model,
        "reference": reference,
        "config": json.dumps(config),
        "mode": "eval",
        "loss": loss_text,
        "tolerance": json.dumps({"rtol": tolerance, "atol": tolerance}),
        "notes": notes,
    }
    save_file(stored, folder / f"{name}.safetensors", metadata)
    print(name, round((folder / f"{name}.safetensors").stat().st_size / 1024), "kB")


def torch_transformer(name, config, source, target, **masks):
    torch.manual_seed(sum(map(ord, name)))
    module = nn.Transformer(**config, dropout=0.0).double().eval()
    disturb(module, 0.3)
    src, tgt = (torch.randn(*shape, config["d_model"], dtype=torch.float64, requires_grad=True) for shape in (source, target))
    given = {key: value if value.is_floating_point() else value.bool() for key, value in masks.items()}
    output = module(src, tgt, **given)
    cotangent = torch.randn_like(output)
    save(
        name,
        "transformer",
        f"torch {torch.__version__.split('+')[0]} torch.nn.Transformer",
        config,
        dict(module.named_parameters()),
        {"src": src, "tgt": tgt, **masks},
        {"output": output},
        (output * cotangent).sum(),
        "sum over output.output of the inner product <output, cotangent of the same name>",
        {"cotangent.output": cotangent},
        "Boolean masks: 1 = blocked; float masks are added.",
        2e-5,
    )


sizes = {"d_model": 8, "nhead": 2, "num_encoder_layers": 1, "num_decoder_layers": 2, "dim_feedforward": 12}
torch_transformer(
    "transformer-torch-time-first",
    {**sizes, "layer_norm_eps": 1e-3},
    (5, 2),
    (3, 2),
    tgt_mask=nn.Transformer.generate_square_subsequent_mask(3).double(),
    memory_mask=torch.randn(3, 5, dtype=torch.float64),
    src_key_padding_mask=torch.tensor([[0, 0, 0, 0, 1], [0, 0, 0, 0, 0]]),
)
torch_transformer("transformer-torch-no-bias", {**sizes, "bias": False, "norm_first": True, "batch_first": True}, (2, 4), (2, 3))
torch.manual_seed(4)
torch_transformer(
    "transformer-torch-single",
    {**sizes, "num_decoder_layers": 1},
    (4,),
    (3,),
    tgt_mask=nn.Transformer.generate_square_subsequent_mask(3).double(),
    memory_mask=torch.randn(2, 3, 4, dtype=torch.float64),
    src_key_padding_mask=torch.tensor([0, 0, 0, 1]),
)


def published(model):
    """Tensors of the saved file, with the model's own parameter for each, so that gradients can be asked for under published names."""
    with tempfile.TemporaryDirectory() as place:
        model.save_pretrained(place)
        file = load_file(pathlib.Path(place) / "model.safetensors")
    state = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    by_value = [(value, tensor) for value, tensor in state.items()]
    found = {}
    for name, tensor in file.items():
        own = state.get(name)
        found[name] = own if own is not None else next(t for _, t in by_value if t.shape == tensor.shape and torch.equal(t.float(), tensor.float()))
    return found


ids = {"pad_token_id": 20, "decoder_start_token_id": 20, "eos_token_id": 0, "forced_eos_token_id": 0, "bos_token_id": 0}
config = {
    **ids,
    "vocab_size": 21,
    "decoder_vocab_size": 21,
    "d_model": 12,
    "encoder_layers": 1,
    "decoder_layers": 2,
    "encoder_attention_heads": 3,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 10,
    "decoder_ffn_dim": 14,
    "max_position_embeddings": 16,
    "activation_function": "relu",
    "scale_embedding": False,
    "share_encoder_decoder_embeddings": False,
    "num_beams": 4,
}
torch.manual_seed(10)
marian = MarianMTModel(MarianConfig(**config, dropout=0, bad_words_ids=[[20]])).eval()
disturb(marian, 0.7)
marian.final_logits_bias.data.normal_(std=0.3)
source = torch.tensor([[3, 7, 9, 4, 0], [8, 5, 0, 20, 20]])
mask = (source != 20).long()
labels = torch.tensor([[6, 2, 9, 0], [4, 4, 0, -100]])
start = torch.tensor([[20, 6, 2, 9], [20, 4, 4, 0]])
found = {}
with torch.no_grad():
    for kind, beams in (("beam", 4), ("greedy", 1)):
        result = marian.generate(source, attention_mask=mask, num_beams=beams, max_length=9, min_length=0, do_sample=False, bad_words_ids=[[20]],
                                 return_dict_in_generate=True, output_scores=True)  # fmt: skip
        row = nn.functional.pad(result.sequences, (0, 9 - result.sequences.shape[1]), value=20)
        found[f"output.{kind}_ids"] = row
        if beams > 1:
            found["output.beam_scores"] = result.sequences_scores
wide = copy.deepcopy(marian).double()
result = wide(input_ids=source, attention_mask=mask, decoder_input_ids=start, labels=labels)
tensors = published(wide)
found["buffer.final_logits_bias"] = tensors.pop("final_logits_bias")
save(
    "transformer-marian-apart",
    "transformer",
    f"transformers {transformers.__version__} MarianMTModel",
    config,
    {k: v for k, v in tensors.items() if not k.endswith("embed_positions.weight") and k != "lm_head.weight"},
    {"input_ids": source, "attention_mask": mask, "decoder_input_ids": start, "labels": labels},
    {"logits": result.logits, "loss": result.loss, "encoder_last_hidden_state": result.encoder_last_hidden_state},
    result.loss,
    "output.loss: mean cross-entropy of output.logits against input.labels (-100 ignored)",
    found,
    "Tables of its own for each language. beam_ids: generate(num_beams=4, max_length=9); greedy_ids: num_beams=1.",
    4e-5,
)

config = {"vocab_size": 19, "n_positions": 10, "n_embd": 12, "n_layer": 3, "n_head": 2, "activation_function": "relu", "bos_token_id": 1, "eos_token_id": 1,
          "scale_attn_by_inverse_layer_idx": True, "tie_word_embeddings": False}  # fmt: skip
torch.manual_seed(9)
gpt = GPT2LMHeadModel(GPT2Config(**config, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)).eval()
disturb(gpt, 0.2)
words = torch.tensor([[2, 9, 4, 4, 17], [5, 6, 18, 0, 3]])
labels = torch.tensor([[2, 9, -100, 4, 17], [5, 6, 18, 0, 3]])
with torch.no_grad():
    greedy = gpt.generate(words[:, :3], attention_mask=torch.ones(2, 3), max_new_tokens=6, do_sample=False, suppress_tokens=[1], pad_token_id=0)
wide = copy.deepcopy(gpt).double()
result = wide(input_ids=words, labels=labels)
save(
    "gpt2-untied-by-depth",
    "gpt2",
    f"transformers {transformers.__version__} GPT2LMHeadModel",
    config,
    published(wide),
    {"input_ids": words, "labels": labels, "prompt_ids": words[:, :3]},
    {"logits": result.logits, "loss": result.loss, "greedy_ids": greedy},
    result.loss,
    "output.loss: mean cross-entropy of logits[:, :-1] against labels[:, 1:] (-100 ignored)",
    {},
    "output.greedy_ids: greedy continuation of input.prompt_ids by 6 tokens, eos suppressed.",
    2e-5,
)

# Padding before a text, as `generate` has it: its keys are blocked, and places are counted from the first word.
config = {"vocab_size": 13, "n_positions": 8, "n_embd": 8, "n_layer": 2, "n_head": 2, "bos_token_id": 1, "eos_token_id": 1}
torch.manual_seed(12)
gpt = GPT2LMHeadModel(GPT2Config(**config, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)).eval()
disturb(gpt, 0.3)
words = torch.tensor([[0, 0, 4, 4, 7], [5, 6, 12, 0, 3]])
seen = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]])
places = (seen.cumsum(-1) - 1).clamp(min=0)
labels = words.masked_fill(seen == 0, -100)
wide = copy.deepcopy(gpt).double()
result = wide(input_ids=words, attention_mask=seen, position_ids=places, labels=labels)
save(
    "gpt2-left-padding",
    "gpt2",
    f"transformers {transformers.__version__} GPT2LMHeadModel",
    config,
    published(wide),
    {"input_ids": words, "attention_mask": seen, "position_ids": places, "labels": labels},
    {"logits": result.logits, "loss": result.loss},
    result.loss,
    "output.loss: mean cross-entropy of logits[:, :-1] against labels[:, 1:] (-100 ignored)",
    {},
    "attention_mask: 0 = padding; attention is torch's scaled_dot_product_attention, whose rows without a key are zeros.",
    2e-5,
)

# Kinds of words, whose vectors come from the table of the words.
kinds = torch.tensor([[11, 11, 12, 12, 12], [12, 11, 11, 12, 11]])
result = copy.deepcopy(gpt).double()
out = result(input_ids=words, token_type_ids=kinds, labels=words)
save(
    "gpt2-token-types",
    "gpt2",
    f"transformers {transformers.__version__} GPT2LMHeadModel",
    config,
    published(result),
    {"input_ids": words, "token_type_ids": kinds, "labels": words},
    {"logits": out.logits, "loss": out.loss},
    out.loss,
    "output.loss: mean cross-entropy of logits[:, :-1] against labels[:, 1:]",
    {},
    "token_type_ids are ids of words.",
    2e-5,
)
