/**
 * How GPT-2 cuts a text into words before it encodes their bytes.
 *
 * White space is Unicode's, as in the pattern's own language. JavaScript's differs: it lacks U+0085, and has U+FEFF, with which files begin.
 */

/** @source openai/gpt-2, src/encoder.py */
const pattern = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/** The words of a text, each with the space before it: every character belongs to one. */
export const wordPattern: RegExp = new RegExp(
  pattern.replaceAll("\\s", "\\p{White_Space}").replaceAll("\\S", "\\P{White_Space}"),
  "gu",
);

/**
 * The part of a `tokenizer.json` that cuts a text into words and writes their bytes as letters. It spells the pattern out: readers in JavaScript
 * use their own white space where they are told only that words are GPT-2's.
 */
export function wordSplitter(): object {
  return {
    type: "Sequence",
    pretokenizers: [
      { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false },
      { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
    ],
  };
}
