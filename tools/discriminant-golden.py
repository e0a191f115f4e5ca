"""Regularised linear discriminant analysis in NumPy: covariance within classes, shrunk towards its mean variance."""

import json
import sys

import numpy as np

random = np.random.default_rng(3)
n, d, k = 30, 6, 3
labels = np.arange(n) % k
x = np.round(random.normal(size=(n, d)) + 1.5 * random.normal(size=(k, d))[labels] + 10, 3).astype(np.float32).astype(np.float64)
heads = []
for shrinkage in [0.1, 0.5, 1.0]:
    means = np.stack([x[labels == c].mean(0) for c in range(k)])
    rest = x - means[labels]
    s = rest.T @ rest / n
    s = (1 - shrinkage) * s + shrinkage * np.trace(s) / d * np.eye(d)
    weight = np.linalg.solve(s, means.T).T
    bias = -0.5 * (weight * means).sum(1) + np.log(np.bincount(labels) / n)
    logits = x @ weight.T + bias
    logits -= np.log(np.exp(logits - logits.max(1, keepdims=True)).sum(1, keepdims=True)) + logits.max(1, keepdims=True)
    heads.append({"shrinkage": shrinkage, "logProbabilities": logits.flatten().tolist()})
json.dump({"values": x.flatten().tolist(), "width": d, "labels": labels.tolist(), "classes": k, "heads": heads}, sys.stdout)
print()
