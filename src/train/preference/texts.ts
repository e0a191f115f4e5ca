/** Instructions with answers, as the arrays that a GPT is trained on. */

import { VitrineError } from "../../errors.ts";
import { type NdArray, ndarray } from "../../graph/dtype.ts";

/** An instruction and what was answered, as ids. */
export interface AnsweredText {
  /** At least one word. */
  readonly prompt: readonly number[];
  /** At least one word; the word that ends it is one, where it has ended. */
  readonly answer: readonly number[];
}

/** Texts side by side, filled up with zeros behind. */
export interface TextArrays {
  /** int64 [b, n] */
  readonly ids: NdArray;
  /** int64 [b, n]: the word of the answer that comes after each word, −100 where none does. */
  readonly labels: NdArray;
  /** int64 [b, 1]: place of the last word. */
  readonly last: NdArray;
}

/** Their shapes, for `compile`. @param b texts, or a name where any number comes */
export function textSpecs<B extends number | string>(
  b: B,
  length: number,
): { readonly [K in keyof TextArrays]: { readonly dtype: "int64"; readonly shape: readonly (number | string)[] } } {
  const words = { dtype: "int64", shape: [b, length] } as const;
  return { ids: words, labels: words, last: { dtype: "int64", shape: [b, 1] } };
}

/**
 * The arrays of some texts.
 * @param length n: words of the longest text that there can be
 * @throws {VitrineError} INVALID_ARGUMENT for a text that is longer, or has an empty prompt or answer.
 */
export function textArrays(texts: readonly AnsweredText[], length: number): TextArrays {
  const ids = new BigInt64Array(texts.length * length);
  const labels = new BigInt64Array(texts.length * length).fill(-100n);
  const last = new BigInt64Array(texts.length);
  for (const [row, { prompt, answer }] of texts.entries()) {
    const words = [...prompt, ...answer];
    if (prompt.length === 0 || answer.length === 0 || words.length > length)
      throw new VitrineError("INVALID_ARGUMENT", {
        rule: `texts: prompt and answer have at least one word each, and at most ${length} together`,
        evidence: `got ${prompt.length} and ${answer.length}`,
        place: `text ${row}`,
      });
    for (const [i, word] of words.entries()) {
      ids[row * length + i] = BigInt(word);
      if (i >= prompt.length) labels[row * length + i - 1] = BigInt(word);
    }
    last[row] = BigInt(words.length - 1);
  }
  return {
    ids: ndarray("int64", [texts.length, length], ids),
    labels: ndarray("int64", [texts.length, length], labels),
    last: ndarray("int64", [texts.length, 1], last),
  };
}
