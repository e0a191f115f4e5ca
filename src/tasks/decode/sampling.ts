/** Choosing the next word from its scores. The order is transformers': repetition, temperature, top-k, top-p. */

import { VitrineError } from "../../errors.ts";

/** How to choose. */
export interface SamplingOptions {
  /** Divides the scores; 0 always takes the likeliest word, 1 without it. */
  readonly temperature?: number | undefined;
  /** Only the so many likeliest words; all without it. @source Fan et al., arXiv:1805.04833, section 5.3 */
  readonly topK?: number | undefined;
  /** Only the likeliest words whose probabilities together reach this; all without it. @source Holtzman et al., arXiv:1904.09751, section 3.1 */
  readonly topP?: number | undefined;
  /** Divides positive scores of words that the text has, and multiplies negative ones; 1 without it. @source Keskar et al., arXiv:1909.05858, section 4.1 */
  readonly repetitionPenalty?: number | undefined;
  /** Words that are never taken. */
  readonly banned?: readonly number[] | undefined;
}

/** Words that may follow, likeliest first, and their probabilities, which sum to 1. */
export interface Choice {
  readonly words: readonly number[];
  readonly probabilities: readonly number[];
}

/** @throws {VitrineError} INVALID_ARGUMENT for a number outside its range. */
export function checkSampling({ temperature = 1, topK = 1, topP = 1, repetitionPenalty = 1 }: SamplingOptions): void {
  const must = (holds: boolean, rule: string, got: number): void => {
    if (!holds) throw new VitrineError("INVALID_ARGUMENT", { rule: `sampling: ${rule}`, evidence: `got ${got}` });
  };
  must(temperature >= 0 && Number.isFinite(temperature), "temperature is a number from 0 up", temperature);
  must(Number.isInteger(topK) && topK >= 1, "topK is a whole number from 1 up", topK);
  must(topP > 0 && topP <= 1, "topP is above 0 and at most 1", topP);
  must(repetitionPenalty > 0 && Number.isFinite(repetitionPenalty), "repetitionPenalty is above 0", repetitionPenalty);
}

/**
 * The words that may follow.
 * @param logits [v]
 * @param text words so far, for the repetition penalty
 */
export function choiceOf(logits: Float32Array, text: readonly number[], options: SamplingOptions = {}): Choice {
  const { temperature = 1, topK, topP = 1, repetitionPenalty = 1, banned = [] } = options;
  const scores = new Float64Array(logits);
  if (repetitionPenalty !== 1)
    for (const word of new Set(text)) scores[word]! *= scores[word]! < 0 ? repetitionPenalty : 1 / repetitionPenalty;
  for (const word of banned) scores[word] = Number.NEGATIVE_INFINITY;
  const best = likeliest(scores);
  if (temperature === 0) return { words: [best], probabilities: [1] };
  const top = scores[best]!;
  const weights = scores.map((score) => Math.exp((score - top) / temperature));
  const least = topK === undefined ? 0 : kthLargest(weights, topK);
  let total = 0;
  for (let word = 0; word < weights.length; word++) if (weights[word]! >= least) total += weights[word]!;
  // Words rarer than this together have less than what the nucleus may leave out.
  const rare = Math.max(least, ((1 - topP) * total) / weights.length);
  const words: number[] = [];
  for (let word = 0; word < weights.length; word++) if (weights[word]! > 0 && weights[word]! >= rare) words.push(word);
  words.sort((a, b) => weights[b]! - weights[a]! || a - b);
  let [count, sum] = [0, 0];
  while (count < words.length && (topP === 1 || sum < topP * total)) sum += weights[words[count++]!]!;
  const taken = words.slice(0, Math.max(1, count));
  return { words: taken, probabilities: taken.map((word) => weights[word]! / sum) };
}

/** The word at a share of the probability, and its index. @param share in [0, 1) */
export function wordAt({ words, probabilities }: Choice, share: number): number {
  let sum = 0;
  for (const [i, probability] of probabilities.entries()) {
    sum += probability;
    if (share < sum) return words[i]!;
  }
  return words.at(-1)!;
}

/** The first of the largest. */
function likeliest(scores: Float64Array): number {
  let best = 0;
  for (let word = 1; word < scores.length; word++) if (scores[word]! > scores[best]!) best = word;
  return best;
}

function kthLargest(weights: Float64Array, k: number): number {
  return k >= weights.length ? 0 : new Float64Array(weights).sort()[weights.length - k]!;
}
