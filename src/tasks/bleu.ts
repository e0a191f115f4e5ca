/**
 * BLEU of a whole test set.
 *
 * Papineni et al., "BLEU: a Method for Automatic Evaluation of Machine Translation", ACL 2002.
 * Reference code: sacrebleu 2, as it is without options: tokens of mteval-v13a, exponential smoothing, one reference.
 */

import { VitrineError } from "../errors.ts";

/** BLEU and what it is made of. */
export interface Bleu {
  /** 0 to 100. */
  readonly score: number;
  /** Percent of the 1- to 4-grams that the reference has. */
  readonly precisions: readonly number[];
  /** At most 1: what translations shorter than their references lose. */
  readonly brevity: number;
  /** Tokens of all translations, and of all references. */
  readonly length: number;
  readonly referenceLength: number;
}

const longest = 4;

/**
 * BLEU of translations beside their references, one for each.
 * @throws {VitrineError} INVALID_ARGUMENT where their numbers differ, or there are none.
 */
export function bleu(translations: readonly string[], references: readonly string[]): Bleu {
  if (translations.length !== references.length || translations.length === 0)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "BLEU: there must be a reference for each translation",
      evidence: `got ${translations.length} and ${references.length}`,
    });
  const found = Array<number>(longest).fill(0);
  const total = Array<number>(longest).fill(0);
  let [length, referenceLength] = [0, 0];
  for (const [i, translation] of translations.entries()) {
    const [own, other] = [bleuTokens(translation), bleuTokens(references[i]!)];
    length += own.length;
    referenceLength += other.length;
    for (let n = 1; n <= longest; n++) {
      const there = counts(other, n);
      total[n - 1]! += Math.max(0, own.length - n + 1);
      for (const [gram, count] of counts(own, n)) found[n - 1]! += Math.min(count, there.get(gram) ?? 0);
    }
  }
  const precisions = smoothed(found, total);
  const brevity = length === 0 ? 0 : length < referenceLength ? Math.exp(1 - referenceLength / length) : 1;
  const mean = precisions.reduce((sum, precision) => sum + Math.log(precision), 0) / longest;
  return { score: precisions.includes(0) ? 0 : brevity * Math.exp(mean), precisions, brevity, length, referenceLength };
}

/** Precisions in percent; where nothing is found, 1⁄2, 1⁄4, … of one gram count as found. @source sacrebleu, smooth_method "exp" */
function smoothed(found: readonly number[], total: readonly number[]): readonly number[] {
  let part = 1;
  if (found.every((count) => count === 0)) return found;
  return found.map((count, i) => {
    if (total[i] === 0) return 0;
    if (count === 0) part /= 2;
    return (100 * (count === 0 ? part : count)) / total[i]!;
  });
}

function counts(tokens: readonly string[], n: number): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (let i = 0; i + n <= tokens.length; i++) {
    const gram = tokens.slice(i, i + n).join(" ");
    found.set(gram, (found.get(gram) ?? 0) + 1);
  }
  return found;
}

/** Tokens of a sentence. @source sacrebleu/tokenizers/tokenizer_13a.py, tokenizer_re.py */
export function bleuTokens(sentence: string): readonly string[] {
  const plain = sentence
    .replaceAll("<skipped>", "")
    .replaceAll("-\n", "")
    .replaceAll("\n", " ")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">");
  return ` ${plain} `
    .replace(/([{-~[-` -&(-+:-@/])/g, " $1 ")
    .replace(/([^0-9])([.,])/gu, "$1 $2 ")
    .replace(/([.,])([^0-9])/gu, " $1 $2")
    .replace(/([0-9])(-)/g, "$1 $2 ")
    .split(/\s+/)
    .filter((token) => token !== "");
}
