"""Texts of a tiny GPT-2 as transformers writes and searches them, and what its samplers leave, for tests/tasks/decode/.

    python tools/generation-golden.py tests/tasks/decode/golden
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

# torchvision without its compiled operators is enough here.
register_fake = torch.library.register_fake
torch.library.register_fake = lambda name, *a, **k: (
    (lambda f: f) if str(name).startswith("torchvision::") else register_fake(name, *a, **k)
)

from transformers import GPT2Config, GPT2LMHeadModel  # noqa: E402
from transformers.generation.logits_process import (  # noqa: E402
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

out = Path(sys.argv[1])
torch.manual_seed(2)
ids = dict(bos_token_id=0, eos_token_id=0, pad_token_id=0)
config = dict(vocab_size=23, n_positions=24, n_embd=16, n_layer=2, n_head=2, n_inner=24, activation_function="gelu")
model = GPT2LMHeadModel(GPT2Config(**config, **ids, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)).eval()
for name, parameter in model.named_parameters():
    spread = 0.05 if parameter.ndim == 1 else 0.6 if ".wpe" in name or ".wte" in name else 0.4
    parameter.data.add_(torch.randn_like(parameter) * spread)

prompts = [[5, 9, 2, 7], [3], [11, 4]]
longest = max(map(len, prompts))
batch = torch.tensor([[0] * (longest - len(p)) + p for p in prompts])
mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts])


def write(**how):
    result = model.generate(batch, attention_mask=mask, return_dict_in_generate=True, output_scores=True, **how)
    return result, [row[longest:].tolist() for row in result.sequences]


cases = {"prompts": prompts}
for name, how in {
    "greedy": dict(max_new_tokens=9, do_sample=False, suppress_tokens=[0]),
    "penalised": dict(max_new_tokens=9, do_sample=False, repetition_penalty=1.4, suppress_tokens=[0]),
    "beam": dict(max_new_tokens=8, num_beams=3, num_return_sequences=2, length_penalty=0.7, do_sample=False),
}.items():
    if "repetition_penalty" in how:  # transformers counts the padding among the words of a text, so texts go alone
        texts = [
            model.generate(torch.tensor([p]), attention_mask=torch.ones(1, len(p), dtype=torch.long), **how)[0][len(p) :].tolist()
            for p in prompts
        ]
        cases[name] = {"texts": texts}
        continue
    result, texts = write(**how)
    cases[name] = {"texts": texts}
    if "num_beams" in how:
        cases[name]["scores"] = result.sequences_scores.tolist()

logits = torch.randn(19, dtype=torch.float32) * 2
text = [3, 8, 3, 15]
cases["samplers"] = {"logits": logits.tolist(), "text": text, "cases": []}
for how in [dict(topK=4), dict(topP=0.7), dict(topK=9, topP=0.8, temperature=1.7), dict(temperature=0.5, repetitionPenalty=1.3), dict(topP=0.01)]:
    steps = LogitsProcessorList()
    if "repetitionPenalty" in how:
        steps.append(RepetitionPenaltyLogitsProcessor(how["repetitionPenalty"]))
    if "temperature" in how:
        steps.append(TemperatureLogitsWarper(how["temperature"]))
    if "topK" in how:
        steps.append(TopKLogitsWarper(how["topK"]))
    if "topP" in how:
        steps.append(TopPLogitsWarper(how["topP"]))
    left = steps(torch.tensor([text]), logits[None].clone())
    cases["samplers"]["cases"].append({"options": how, "probabilities": left.softmax(-1)[0].tolist()})

weights = {name: tensor.clone() for name, tensor in model.state_dict().items() if name != "lm_head.weight"}
save_file(weights, out / "gpt2-generation.safetensors", metadata={"config": json.dumps(config)})
(out / "gpt2-generation.json").write_text(json.dumps(cases) + "\n")
print(json.dumps({name: case for name, case in cases.items() if name != "samplers"}, indent=1))
