"""The confident joint of Northcutt et al. 2021, equations (1) and (2), written as its formula reads, on random probabilities with flipped labels."""

import json
import sys

import numpy as np

random = np.random.default_rng(7)
cases = []
for n, k in [(40, 2), (60, 4)]:
    truth = random.integers(k, size=n)
    logits = random.normal(size=(n, k)) + 2.5 * np.eye(k)[truth]
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    p = np.round(p, 4)
    labels = truth.copy()
    flipped = random.choice(n, n // 8, replace=False)
    labels[flipped] = (labels[flipped] + 1) % k
    t = [p[labels == j, j].mean() for j in range(k)]
    suspects = []
    for x in range(n):
        confident = [j for j in range(k) if p[x, j] >= t[j]]
        if confident:
            j = max(confident, key=lambda c: p[x, c])
            if j != labels[x] and p[x, j] > p[x, labels[x]]:
                suspects.append((p[x, labels[x]] - p[x, j], x, j))
    suspects.sort()
    cases.append({
        "labels": labels.tolist(), "classes": k, "probabilities": p.flatten().tolist(), "thresholds": t,
        "suspects": [[int(x), int(j)] for _, x, j in suspects],
    })
json.dump(cases, sys.stdout)
print()
