"""A small byte-level vocabulary in its published forms, and what the reference makes of some texts, for tests/data/text/.

    python tools/tokenizer-golden.py tests/data/text/golden
"""

import json
import sys
import tempfile
from pathlib import Path

from tokenizers import ByteLevelBPETokenizer, Tokenizer, pre_tokenizers
from transformers import AutoTokenizer, GPT2TokenizerFast

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

# Python's white space and JavaScript's differ by U+0085 and U+FEFF; here pieces span what only one of them takes for a space.
splits = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
texts = [
    "\ufeffthe \ufeffcat\ufeff sat",
    "the\ufeff\ufeff cat  \ufeff!",
    "!\ufeff?\ufeff1\ufeff",
    "the\u0085cat \u0085sat\u0085 on",
    "on \u0085\u0085 the\u0085",
    "!\u0085? \u0085!",
    "\u0085\ufeff \ufeff\u0085 \u200b\u180e\u001c\u2028x",
]
trained = ByteLevelBPETokenizer()
trained.train_from_iterator(texts * 3, vocab_size=300, min_frequency=2, special_tokens=["<|endoftext|>"], show_progress=False)
with tempfile.TemporaryDirectory() as folder:
    trained.save_model(folder)
    vocab, merges = Path(folder, "vocab.json"), Path(folder, "merges.txt")
    reference = GPT2TokenizerFast(vocab=str(vocab), merges=str(merges))
    cases = [
        {
            "text": text,
            "words": [text[begin:end] for _, (begin, end) in splits.pre_tokenize_str(text)],
            "ids": reference(text)["input_ids"],
        }
        for text in texts
    ]
    golden = {"vocab": json.loads(vocab.read_text()), "merges": merges.read_text(), "cases": cases}
(out / "spaces.json").write_text(json.dumps(golden, ensure_ascii=True) + "\n")

# A space put before each text that has none, and before each part between marks: what the file says, and what GPT-2's class makes of the settings beside it.
file = json.loads(trained.to_str())
byte_level = {**file["pre_tokenizer"], "add_prefix_space": True}
digits = {"type": "Split", "pattern": {"Regex": "\\d"}, "behavior": "Isolated", "invert": False}
texts += ["the cat", " the", "  the", "", "the<|endoftext|>cat<|endoftext|><|endoftext|> sat", "the1 2cat", "\nthe", "\u00a0the"]
cases = []
for cut, config in [
    (byte_level, {"tokenizer_class": "PreTrainedTokenizerFast"}),
    ({"type": "Sequence", "pretokenizers": [digits, byte_level]}, {"tokenizer_class": "PreTrainedTokenizerFast"}),
    ({"type": "Sequence", "pretokenizers": [digits, {**byte_level, "use_regex": False}]}, {"tokenizer_class": "PreTrainedTokenizerFast"}),
    (byte_level, {"tokenizer_class": "GPT2Tokenizer"}),
    (byte_level, {"tokenizer_class": "GPT2TokenizerFast", "add_prefix_space": True}),
    ({**byte_level, "add_prefix_space": False}, {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": True}),
    ({**byte_level, "add_prefix_space": False}, {"tokenizer_class": "PreTrainedTokenizerFast", "add_prefix_space": True}),
]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "tokenizer.json").write_text(json.dumps({**file, "pre_tokenizer": cut}))
        Path(folder, "tokenizer_config.json").write_text(json.dumps(config))
        reference = AutoTokenizer.from_pretrained(folder)
    ids = [reference(text, add_special_tokens=False)["input_ids"] for text in texts]
    decoded = [reference.decode(one, clean_up_tokenization_spaces=False) for one in ids]
    cases.append({"pre_tokenizer": cut, "config": config, "texts": [{"text": t, "ids": i, "decoded": d} for t, i, d in zip(texts, ids, decoded)]})
(out / "prefix.json").write_text(json.dumps(cases, ensure_ascii=True) + "\n")
