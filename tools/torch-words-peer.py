"""One repetition of a model of words in PyTorch for each line on standard input: the other side of bench/words-subject.ts.

usage: python tools/torch-words-peer.py generate DEPTH CONTEXT NEW THREADS
       python tools/torch-words-peer.py train WIDTH LAYERS BATCH LENGTH THREADS

generate: transformers' GPT-2 with use_cache; the prompt is read untimed, then NEW words are written one by one.
train: one AdamW step of torch.nn.Transformer between tied tables of words.
"""

import math
import resource
import sys
import time

import torch

# torchvision without its compiled operators is enough here.
register_fake = torch.library.register_fake
torch.library.register_fake = lambda name, *a, **k: (
    (lambda f: f) if str(name).startswith("torchvision::") else register_fake(name, *a, **k)
)

task, *sizes = sys.argv[1:]
sizes = list(map(int, sizes))
torch.set_num_threads(sizes[-1])
torch.manual_seed(0)


def generation(depth, context, new, _):
    import transformers

    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(n_layer=depth)).eval()
    prompt = torch.randint(model.config.vocab_size, (1, context))

    @torch.inference_mode()
    def repetition():
        result = model(prompt, use_cache=True)
        word = result.logits[:, -1].argmax(-1, keepdim=True)
        start = time.perf_counter()
        for _ in range(new):
            result = model(word, past_key_values=result.past_key_values, use_cache=True)
            word = result.logits[:, -1].argmax(-1, keepdim=True)
            word.item()
        return time.perf_counter() - start

    return repetition


def training(width, layers, batch, length, _):
    words = 10_000
    table = torch.nn.Embedding(words, width)
    torch.nn.init.normal_(table.weight, std=width**-0.5)
    model = torch.nn.Transformer(width, width // 64, layers, layers, 4 * width, 0.1, batch_first=True)
    drop = torch.nn.Dropout(0.1)
    optimizer = torch.optim.AdamW([*table.parameters(), *model.parameters()], lr=1e-4, weight_decay=0)
    place = torch.arange(length)[:, None] / 10000 ** (torch.arange(0, width, 2) / width)
    positions = torch.stack([place.sin(), place.cos()], 2).flatten(1)
    mask = torch.nn.Transformer.generate_square_subsequent_mask(length)
    source, target, following = (torch.randint(3, words, (batch, length)) for _ in range(3))
    loss = torch.nn.CrossEntropyLoss()
    embed = lambda ids: drop(table(ids) * math.sqrt(width) + positions)  # noqa: E731

    def repetition():
        start = time.perf_counter()
        padding = source == 0
        output = model(
            embed(source),
            embed(target),
            tgt_mask=mask,
            src_key_padding_mask=padding,
            memory_key_padding_mask=padding,
            tgt_is_causal=True,
        )
        optimizer.zero_grad(set_to_none=True)
        loss((output @ table.weight.T).flatten(0, 1), following.flatten()).backward()
        optimizer.step()
        return time.perf_counter() - start

    return repetition


repetition = {"generate": generation, "train": training}[task](*sizes)
repetition()
print("ready", flush=True)
for line in sys.stdin:
    if not line.strip():
        break
    print(repetition(), flush=True)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, flush=True)
