"""Writes src/pretrained/imagenet-labels.ts: the first name of each of ImageNet-1k's 1000 synsets, as WordNet 3.0 has it.

Source of the order and the names: timm/data/_info (Apache-2.0). Run with timm 1.0.29:  python tools/imagenet-labels.py
"""

import importlib.util
import pathlib
import textwrap

info = pathlib.Path(importlib.util.find_spec("timm").origin).parent / "data" / "_info"
names = dict(line.split("\t") for line in (info / "imagenet_synset_to_lemma.txt").read_text().splitlines())
# Two words name two classes each.
apart = {134: "crane (bird)", 517: "crane (machine)", 639: "maillot, tank suit"}
labels = [
    apart.get(i, names[synset].split(",")[0].strip())
    for i, synset in enumerate((info / "imagenet_synsets.txt").read_text().split())
]
assert len(set(labels)) == 1000 and not any("|" in label or "`" in label for label in labels)

lines = textwrap.wrap(" | ".join(labels), 115, break_on_hyphens=False)
out = pathlib.Path(__file__).parent.parent / "src" / "pretrained" / "imagenet-labels.ts"
out.write_text(
    "/** The 1000 classes of ImageNet-1k, by index: the first name of each synset in WordNet 3.0. Made by tools/imagenet-labels.py. */\n\n"
    "const text = `\n" + "\n".join(lines) + "\n`;\n\n"
    'export const imagenetLabels: readonly string[] = text.split("|").map((name) => name.trim().replace(/\\s+/g, " "));\n'
)
