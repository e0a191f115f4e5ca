/** Texts to learn from. */

import { VitrineError } from "../../errors.ts";
import { foldIn, keyOf, permutation } from "../../graph/random.ts";
import { cutText } from "./documents.ts";

/** Sentences and their translations, the same number of both. */
export interface ParallelCorpus {
  readonly source: readonly string[];
  readonly target: readonly string[];
}

/** Pairs to learn from, and a share of them, chosen by the seed, to measure by: at least one of each. */
export function splitPairs(
  { source, target }: ParallelCorpus,
  share: number,
  seed: number,
): { readonly train: ParallelCorpus; readonly validation: ParallelCorpus } {
  if (source.length < 2)
    throw new VitrineError("DATA_PROBLEM", {
      rule: "translations must have at least two pairs, one to measure by",
      evidence: `got ${source.length}`,
    });
  const order = [...permutation(foldIn(keyOf(seed), "held back"), source.length)];
  const held = new Set(order.slice(0, Math.max(1, Math.floor(share * source.length))));
  const part = (wanted: boolean): ParallelCorpus => ({
    source: source.filter((_, i) => held.has(i) === wanted),
    target: target.filter((_, i) => held.has(i) === wanted),
  });
  return { train: part(false), validation: part(true) };
}

/** A long text in two parts: its last share of characters is kept from the training. */
export function heldOut(text: string, share: number): { readonly train: string; readonly validation: string } {
  const [train, validation] = cutText(text, Math.floor(text.length * (1 - share)));
  return { train, validation };
}
