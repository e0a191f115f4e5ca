/** A long text in windows of equal length. */

import { foldIn, keyOf, permutation, stream } from "../../graph/random.ts";

/** How a text is cut. */
export interface WindowPlan {
  /** Ids of a window. */
  readonly window: number;
  /** Windows of a batch. */
  readonly batchSize: number;
  readonly seed: number;
}

/** Batches of an epoch: as many as fit in the text wherever the first window begins. */
export function windowBatches(length: number, { window, batchSize }: WindowPlan): number {
  return Math.floor(Math.floor((length - window) / window) / batchSize);
}

/**
 * Where the windows of each batch of an epoch begin. They lie side by side from a begin that differs from epoch to epoch, and come in another order each
 * time; a pure function of length, seed and epoch. After each window at least one id follows.
 */
export function windowStarts(length: number, plan: WindowPlan, epoch: number): readonly (readonly number[])[] {
  const { window, batchSize, seed } = plan;
  const key = foldIn(keyOf(seed), "windows", epoch);
  const begin = stream(key, "begin").integer(window);
  const order = permutation(foldIn(key, "order"), Math.floor((length - window) / window));
  return Array.from({ length: windowBatches(length, plan) }, (_, batch) =>
    [...order.subarray(batch * batchSize, (batch + 1) * batchSize)].map((i) => begin + i * window),
  );
}
