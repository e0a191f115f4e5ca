"""One repetition of a recurrent network in PyTorch for each line on standard input: the other side of bench/recurrent-subject.ts.

usage: python tools/torch-recurrent-peer.py LSTM|GRU|RNN infer|train BATCH TIME WIDTH HIDDEN LAYERS BIDIRECTIONAL THREADS
"""

import os
import resource
import sys
import time

import torch

kind, task = sys.argv[1:3]
batch, steps, width, hidden, layers, both, threads = map(int, sys.argv[3:])
clock = time.process_time if os.environ.get("CLOCK") == "processor" else time.perf_counter
torch.set_num_threads(threads)
model = getattr(torch.nn, kind)(width, hidden, layers, bidirectional=bool(both), batch_first=True)
x = torch.sin(torch.arange(batch * steps * width, dtype=torch.float32)).reshape(batch, steps, width)


def repetition():
    if task == "infer":
        with torch.no_grad():
            return model(x)
    model.zero_grad(set_to_none=True)
    output, _ = model(x)
    (output * output).mean().backward()


for _ in range(2):
    repetition()
print("ready", flush=True)
for line in sys.stdin:
    if not line.strip():
        break
    start = clock()
    repetition()
    print(clock() - start, flush=True)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, flush=True)
