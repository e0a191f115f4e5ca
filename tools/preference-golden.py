"""Writes tests/losses/golden/preference.json: losses of learning from preferences and their gradients, by torch in float64, written from the papers.

Also a GPT that scores: transformers' GPT2ForSequenceClassification of one label, whose weights both sides make by the same rule (`drawn`).
"""

import importlib.util
import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

here = pathlib.Path(__file__).parent
spec = importlib.util.spec_from_file_location("variants", here / "vit-variants-golden.py")
variants = importlib.util.module_from_spec(spec)
spec.loader.exec_module(variants)

OUT = here.parent / "tests" / "losses" / "golden" / "preference.json"
B, N, V = 5, 6, 7


def drawn(name, shape, scale=1.0):
    return torch.from_numpy(np.array(variants.drawn(name, shape))).double() * scale


def case(inputs, wanted, loss):
    """Inputs by name, which of them gradients are wanted of, and the loss function."""
    leaves = {name: x.clone().requires_grad_(name in wanted) if x.dtype == torch.float64 else x for name, x in inputs.items()}
    value = loss(**leaves)
    value.backward()
    flat = lambda x: [float(f"{v:.12g}") for v in x.detach().reshape(-1).tolist()]
    return dict(
        inputs={name: dict(shape=list(x.shape), data=flat(x) if x.dtype == torch.float64 else x.reshape(-1).tolist()) for name, x in inputs.items()},
        loss=value.item(),
        gradients={name: flat(leaves[name].grad) for name in wanted},
    )


def word_log_p(logits, labels):
    logs = torch.log(torch.softmax(logits, dim=-1))
    picked = torch.gather(logs, 2, labels.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    return picked * (labels != -100)


def dpo(eps):
    def loss(chosen, rejected, referenceChosen, referenceRejected):
        h = 0.3 * ((chosen - referenceChosen) - (rejected - referenceRejected))
        return (-(1 - eps) * torch.log(torch.sigmoid(h)) - eps * torch.log(torch.sigmoid(-h))).mean()

    return loss


def masked_mean(x, counted):
    return x[counted.bool()].mean()


def policy(logits, labels, oldLogP, advantages, counted):
    ratio = torch.exp(word_log_p(logits, labels) - oldLogP)
    one, other = ratio * advantages, torch.clamp(ratio, 0.8, 1.2) * advantages
    return masked_mean(-torch.where(one < other, one, other), counted)


def value(values, oldValues, returns, counted):
    near = oldValues + torch.clamp(values - oldValues, -0.2, 0.2)
    return 0.5 * masked_mean(torch.max((values - returns) ** 2, (near - returns) ** 2), counted)


def advantages(rewards, values, gamma, lam):
    """Equation 16 of arXiv:1506.02438 as the double sum that it is."""
    T = len(rewards)
    after = values[1:] + [0.0]
    delta = [rewards[t] + gamma * after[t] - values[t] for t in range(T)]
    return [sum((gamma * lam) ** l * delta[t + l] for l in range(T - t)) for t in range(T)]


def scorer():
    from transformers import GPT2Config, GPT2ForSequenceClassification

    config = GPT2Config(vocab_size=V, n_positions=8, n_embd=16, n_layer=2, n_head=2, num_labels=1, pad_token_id=0, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)
    model = GPT2ForSequenceClassification(config).double().eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(drawn(name, tuple(parameter.shape)))
    ids = torch.tensor([[1, 4, 2, 6, 3], [5, 5, 1, 2, 4]])
    features = model.transformer(input_ids=ids).last_hidden_state
    scores = model.score(features).squeeze(-1)
    # What the class itself says of the whole text is the score at its last word.
    assert torch.allclose(model(input_ids=ids).logits.squeeze(-1), scores[:, -1])
    return dict(names=[n for n, _ in model.named_parameters()], ids=ids.tolist(), scores=scores.tolist())


def main():
    labels = torch.tensor([[(3 * i + 2 * j) % V if 1 <= j <= 1 + i % 4 else -100 for j in range(N)] for i in range(B)])
    counted = (labels != -100).double()
    logits = drawn("logits", (B, N, V), 2.0)
    old = word_log_p(logits, labels) + drawn("old", (B, N)) * counted
    answers = {name: drawn(name, (B,), 3.0) for name in ["chosen", "rejected", "referenceChosen", "referenceRejected"]}
    values = drawn("values", (B, N))
    steps = dict(rewards=[-0.1, 0.05, -0.2, 1.3], values=[0.2, 0.4, -0.1, 0.7])
    cases = dict(
        words=case(dict(logits=logits, labels=labels, cotangent=drawn("cotangent", (B, N))), ["logits"], lambda logits, labels, cotangent: (word_log_p(logits, labels) * cotangent).sum()),
        comparison=case({k: answers[k] for k in ["chosen", "rejected"]}, ["chosen", "rejected"], lambda chosen, rejected: -torch.log(torch.sigmoid(chosen - rejected)).mean()),
        dpo=case(answers, ["chosen", "rejected"], dpo(0.0)),
        dpoSmoothed=case(answers, ["chosen", "rejected"], dpo(0.15)),
        policy=case(dict(logits=logits, labels=labels, oldLogP=old, advantages=drawn("advantages", (B, N), 1.5), counted=counted), ["logits"], policy),
        value=case(dict(values=values, oldValues=values + drawn("oldValues", (B, N), 0.5), returns=drawn("returns", (B, N), 1.5), counted=counted), ["values"], value),
    )
    result = dict(cases=cases, advantages=dict(**steps, gamma=0.9, **{"lambda": 0.8}, advantages=advantages(**steps, gamma=0.9, lam=0.8)), scorer=scorer())
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in result.items()) + "\n}\n")


main()
