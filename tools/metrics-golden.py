"""Figures of a classifier by scikit-learn, for tests/tasks/metrics.test.ts:

    python tools/metrics-golden.py > tests/tasks/golden/metrics.json

The calibration error follows equation (3) of Guo et al. 2017 with bins (low, high]; the temperature is scipy's bounded minimum of scikit-learn's log loss.
"""

import json

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, log_loss, precision_recall_fscore_support

random = np.random.default_rng(3)
n, classes, bins = 80, 5, 10
labels = random.integers(0, classes - 1, n)  # the last class has no picture
logits = random.normal(0, 1.5, (n, classes)).astype(np.float32)
logits[np.arange(n), labels] += 2
logits = (logits * 2.5).astype(np.float32)
wide = logits.astype(np.float64)


def nll(temperature):
    return log_loss(labels, softmax(wide / temperature, 1), labels=range(classes))


def ece(probs):
    best, hit = probs.max(1), probs.argmax(1) == labels
    total = 0
    for b in range(bins):
        here = (best > b / bins) & (best <= (b + 1) / bins)
        if here.any():
            total += here.mean() * abs(hit[here].mean() - best[here].mean())
    return total


given = logits.argmax(1)
precision, recall, f1, support = precision_recall_fscore_support(labels, given, labels=range(classes), zero_division=np.nan)
best = minimize_scalar(nll, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-10})
interval = binomtest(int((given == labels).sum()), n).proportion_ci(0.95, "wilson")
clean = lambda values: [None if np.isnan(x) else float(x) for x in values]
print(
    json.dumps(
        {
            "classes": classes,
            "bins": bins,
            "labels": labels.tolist(),
            "logits": [float(x) for x in logits.ravel()],
            "confusion": confusion_matrix(labels, given, labels=range(classes)).tolist(),
            "precision": clean(precision),
            "recall": clean(recall),
            "f1": clean(f1),
            "support": support.tolist(),
            "interval": [interval.low, interval.high],
            "nll": nll(1),
            "ece": ece(softmax(wide, 1)),
            "temperature": best.x,
            "nllAtTemperature": best.fun,
            "eceAtTemperature": ece(softmax(wide / best.x, 1)),
        }
    )
)
