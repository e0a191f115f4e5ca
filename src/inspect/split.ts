/** A data set in two parts, copies of a picture on the same side. */

import type { Dataset } from "../data/datasets/dataset.ts";
import { stratifiedSplit, subset } from "../data/datasets/subset.ts";

/**
 * Parts a data set in two as `stratifiedSplit` does, and takes the copies of each picture along: nothing of the second part is in the first.
 * @param share of each class that goes to the second part, counting copies once
 * @param copies positions of pictures that show the same, for each such picture; what is in no list is alone
 * @returns positions in ascending order
 */
export function splitWithCopies(
  dataset: Dataset,
  share: number,
  seed: number,
  copies: readonly (readonly number[])[],
): readonly [first: Uint32Array, second: Uint32Array] {
  const others = new Map(copies.map(([first, ...rest]) => [first!, rest]));
  const repeated = new Set([...others.values()].flat());
  const alone = Uint32Array.from({ length: dataset.length }, (_, i) => i).filter((i) => !repeated.has(i));
  const parts = stratifiedSplit(subset(dataset, alone), share, seed).map((part) => {
    const chosen = Array.from(part, (i) => alone[i]!);
    return Uint32Array.from(chosen.flatMap((i) => [i, ...(others.get(i) ?? [])])).sort();
  });
  return [parts[0]!, parts[1]!];
}
