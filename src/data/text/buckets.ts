/** Sentences of like length together, so that batches hold little padding. */

import { foldIn, keyOf, permutation } from "../../graph/random.ts";

/** Two lists of ids for each example. */
export interface IdPairs {
  readonly source: readonly (readonly number[])[];
  readonly target: readonly (readonly number[])[];
}

/** How batches are made. */
export interface BucketPlan {
  /** Most positions of a batch on either side, padding counted. */
  readonly words: number;
  /**
   * 1: both sides are padded to their own longest. More: both are padded to the same length, the longer side's rounded up to a multiple of it, and a batch
   * has one such length (a recurrent model has an executable for each).
   */
  readonly multiple: number;
  readonly seed: number;
}

/**
 * The examples of each batch of an epoch, in the order in which they are learned from. A pure function of lengths, seed and epoch; every epoch has the same
 * number of batches, of other examples in another order.
 */
export function bucketed({ source, target }: IdPairs, plan: BucketPlan, epoch: number): readonly (readonly number[])[] {
  const { words, multiple, seed } = plan;
  const key = foldIn(keyOf(seed), "buckets", epoch);
  const wide = target.map(({ length }, i) =>
    multiple === 1 ? length : commonLength(source[i]!, target[i]!, multiple),
  );
  // Where target lengths meet, source lengths go on from where they are: they rise and fall in turn.
  const turn = new Map([...new Set(wide)].sort((a, b) => a - b).map((length, i) => [length, i % 2 ? -1 : 1]));
  const order = [...permutation(foldIn(key, "examples"), source.length)].sort(
    (a, b) => wide[a]! - wide[b]! || turn.get(wide[a]!)! * (source[a]!.length - source[b]!.length),
  );
  const batches: number[][] = [];
  let batch: number[] = [];
  let longest = 0;
  for (const example of order) {
    const length = Math.max(longest, wide[example]!, source[example]!.length);
    const other = batch.length > 0 && multiple > 1 && wide[batch[0]!] !== wide[example];
    if (batch.length > 0 && (other || (batch.length + 1) * length > words)) {
      batches.push(batch);
      batch = [];
      longest = 0;
    }
    batch.push(example);
    longest = Math.max(longest, wide[example]!, source[example]!.length);
  }
  if (batch.length > 0) batches.push(batch);
  return [...permutation(foldIn(key, "batches"), batches.length)].map((i) => batches[i]!);
}

/** The length to which both sides of a pair are padded: a multiple. */
export function commonLength(source: readonly number[], target: readonly number[], multiple: number): number {
  return multiple * Math.ceil(Math.max(source.length, target.length) / multiple);
}
