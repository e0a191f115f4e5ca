/** The characters of a text as a vocabulary. */

import { VitrineError } from "../../errors.ts";

/**
 * A piece for each character of a text, in the order of their code points.
 * @returns parsed `tokenizer.json`: byte-pair encoding without a pair
 * @throws {VitrineError} DATA_PROBLEM for a text without characters.
 */
export function characterVocabulary(text: string): object {
  const characters = [...new Set(text)].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!);
  if (characters.length === 0)
    throw new VitrineError("DATA_PROBLEM", { rule: "a vocabulary of characters needs a text" });
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: "Split", pattern: { Regex: "[\\s\\S]" }, behavior: "Isolated", invert: false },
    post_processor: null,
    decoder: { type: "Fuse" },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(characters.map((character, id) => [character, id])),
      merges: [],
    },
  };
}
