/** The characters of a text as a vocabulary. */

import { VitrineError } from "../../errors.ts";
import { addedTokens } from "./byte-pairs.ts";

/**
 * A piece for each character of a text, in the order of their code points.
 * @param special pieces that no text contains, by id from 0, before the characters
 * @returns parsed `tokenizer.json`: byte-pair encoding without a pair
 * @throws {VitrineError} DATA_PROBLEM for a text without characters.
 */
export function characterVocabulary(text: string, special: readonly string[] = []): object {
  const characters = [...new Set(text)].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!);
  if (characters.length === 0)
    throw new VitrineError("DATA_PROBLEM", { rule: "a vocabulary of characters needs a text" });
  return { ...characterTokenizer([...special, ...characters]), added_tokens: addedTokens(special) };
}

/**
 * The vocabulary of a file with a piece on each line, the first of id 0: three special ones in angle brackets, then characters. Texts have no spaces for
 * it: published lists of this kind come from texts whose characters were parted by them.
 * @param place file name, for messages
 * @returns parsed `tokenizer.json`
 * @throws {VitrineError} INVALID_FILE for a piece of several characters, or one that comes twice.
 * @source CTranslate2, python/ctranslate2/specs/model_spec.py, `save_vocabulary`
 */
export function vocabularyFromLines(text: string, place: string): object {
  const lines = text.replace(/\r?\n$/, "").split(/\r?\n/);
  const strange = lines.find(
    (line, i) => lines.indexOf(line) < i || (!/^<\w+>$|^<\/s>$/.test(line) && [...line].length !== 1),
  );
  if (strange !== undefined)
    throw new VitrineError("INVALID_FILE", {
      rule: "a vocabulary in lines must have one character on each, each once",
      evidence: `got ${JSON.stringify(strange)}`,
      place,
      next: "for pieces of several characters put the tokenizer.json into the folder that cuts texts into them",
    });
  const normalizer = { type: "Replace", pattern: { Regex: "\\s" }, content: "" };
  return { ...characterTokenizer(lines), normalizer };
}

/** A piece for each character, by its place. */
function characterTokenizer(characters: readonly string[]): object {
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
