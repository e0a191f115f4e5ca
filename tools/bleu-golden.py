"""BLEU by sacrebleu of a few odd sentences, for tests/tasks/bleu.test.ts: `python tools/bleu-golden.py`."""

import json
import pathlib

import sacrebleu

pairs = [
    ("A man in a red shirt.", "A man in a red shirt."),
    ("Two dogs, running on grass", "Two brown dogs are running through the grass."),
    ("A 3.5-year-old's \"toy\" costs $1,000.", "The toy of a 3.5-year-old costs $1,000 ."),
    ("&quot;Hi&quot; &amp; bye", '"Hi" & bye'),
    ("Ein Bäumchen 🌳 (klein)!", "Ein kleines Bäumchen 🌳!"),
    ("", "nothing was said"),
    ("well-known e-mail: a/b@c.de, 10-20%.", "a well-known e-mail: a/b@c.de, 10-20 %."),
]


def case(some):
    score = sacrebleu.corpus_bleu([a for a, _ in some], [[b for _, b in some]])
    return {
        "translations": [a for a, _ in some],
        "references": [b for _, b in some],
        "score": score.score,
        "precisions": score.precisions,
        "brevity": score.bp,
        "length": score.sys_len,
        "referenceLength": score.ref_len,
    }


cases = [case(pairs), case(pairs[1:2]), case([("one two", "two one")]), case([("a b c d e", "v w x y z")]), case(pairs[:3])]
path = pathlib.Path(__file__).parent.parent / "tests/tasks/golden/bleu.json"
path.write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n")
