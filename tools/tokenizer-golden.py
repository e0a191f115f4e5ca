"""A small byte-level vocabulary in its published forms, and what the reference makes of some texts, for tests/data/text/.

    python tools/tokenizer-golden.py tests/data/text/golden
"""

import json
import sys
from pathlib import Path

from tokenizers import ByteLevelBPETokenizer, Tokenizer

out = Path(sys.argv[1])
lines = ["the cat sat on the mat, and the dog's bowl stood there", "they'll say: naïve cafés, 12 + 34 = 46!", "the thing that thinks"]
trained = ByteLevelBPETokenizer()
trained.train_from_iterator(lines * 3, vocab_size=320, min_frequency=2, special_tokens=["<|endoftext|>"], show_progress=False)
trained.save_model(str(out))
trained.save(str(out / "tokenizer.json"))
(out / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "GPT2Tokenizer", "eos_token": "<|endoftext|>"}) + "\n")

texts = [
    *lines,
    "",
    " ",
    "  two  spaces\n\nlines\t\ttabs ",
    "THEY'LL they'll 'tis",
    "héllo 👋 wörld 🌍\u3000x\u00a0y",
    "end<|endoftext|>begin",
    "__proto__ constructor",
    "１２³",
]
reference = Tokenizer.from_file(str(out / "tokenizer.json"))
cases = [{"text": text, "ids": reference.encode(text, add_special_tokens=False).ids} for text in texts]
(out / "texts.json").write_text(json.dumps(cases, ensure_ascii=True) + "\n")
