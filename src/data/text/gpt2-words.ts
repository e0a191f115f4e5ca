/**
 * How GPT-2 cuts a text into words before it encodes their bytes.
 *
 * White space is Unicode's, as in the pattern's own language. JavaScript's differs: it lacks U+0085, and has U+FEFF, with which files begin.
 */

/** A `tokenizer.json`'s way to cut a text; a sequence has parts. */
export interface PreTokenizer {
  readonly type?: string | undefined;
  readonly behavior?: string | undefined;
  readonly use_regex?: boolean | undefined;
  readonly add_prefix_space?: boolean | undefined;
  readonly pretokenizers?: readonly PreTokenizer[] | undefined;
  readonly [other: string]: unknown;
}

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
export function wordSplitter(): PreTokenizer {
  return {
    type: "Sequence",
    pretokenizers: [
      { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false },
      { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
    ],
  };
}

/** The same way to cut a text, with the pattern spelled out wherever it says only that words are GPT-2's. For @huggingface/tokenizers alone. */
export function spelledOut(cut: PreTokenizer): PreTokenizer {
  if (cut.pretokenizers) return { ...cut, pretokenizers: cut.pretokenizers.map(spelledOut) };
  if (cut.type !== "ByteLevel" || cut.use_regex === false) return cut;
  // A space that is put before a text is part of its first word: it must be there before the text is cut.
  return cut.add_prefix_space === true
    ? { type: "Sequence", pretokenizers: [spaceBefore, wordSplitter()] }
    : wordSplitter();
}

/** Puts a space before what has none. The pattern's language is Oniguruma's, whose `^` is the beginning of each line. */
const spaceBefore: PreTokenizer = { type: "Replace", pattern: { Regex: String.raw`\A(?! )` }, content: " " };

/** Whether words become letters of their bytes. */
export function isByteLevel(cut: PreTokenizer | null | undefined): boolean {
  return cut?.type === "ByteLevel" || (cut?.pretokenizers?.some(isByteLevel) ?? false);
}
