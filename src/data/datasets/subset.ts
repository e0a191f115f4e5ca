/** Some images of a data set, and ways to choose them. */

import { stream } from "../../graph/random.ts";
import type { Dataset, DatasetSource } from "./dataset.ts";

/** Images of another data set, by their positions there. */
export interface SubsetSource {
  readonly kind: "subset";
  readonly name: string;
  readonly of: DatasetSource;
  readonly indices: Uint32Array;
}

/** The images of `whole` at `indices`, in this order; the classes stay. */
export function subset(whole: Dataset, indices: Uint32Array, name: string = whole.name): Dataset {
  return {
    name,
    classes: whole.classes,
    length: indices.length,
    source: { kind: "subset", name, of: whole.source, indices },
    labelOf: (index) => whole.labelOf(indices[index]!),
    get: (index) => whole.get(indices[index]!),
    ...(whole.originOf ? { originOf: (index: number) => whole.originOf!(indices[index]!) } : {}),
  };
}

/**
 * Parts a data set in two, each class in the same proportion, at random but the same for the same seed.
 * @param share of each class that goes to the second part, rounded; at least one image where a class has two or more, and never all
 * @returns positions in ascending order
 */
export function stratifiedSplit(
  dataset: Dataset,
  share: number,
  seed: number,
): readonly [first: Uint32Array, second: Uint32Array] {
  const byClass = dataset.classes.map((): number[] => []);
  for (let i = 0; i < dataset.length; i++) byClass[dataset.labelOf(i)]!.push(i);
  const chosen = new Set<number>();
  for (const [label, members] of byClass.entries()) {
    const count = Math.min(members.length - 1, Math.max(1, Math.round(share * members.length)));
    const random = stream(seed, "split", label);
    for (let taken = 0; taken < count; taken++) {
      const at = taken + random.integer(members.length - taken);
      [members[taken], members[at]] = [members[at]!, members[taken]!];
      chosen.add(members[taken]!);
    }
  }
  const all = Array.from({ length: dataset.length }, (_, i) => i);
  return [Uint32Array.from(all.filter((i) => !chosen.has(i))), Uint32Array.from(all.filter((i) => chosen.has(i)))];
}

/** About `count` images of a larger data set, each class in its proportion and with at least one image. */
export function sampled(dataset: Dataset, count: number, seed: number): Dataset {
  if (dataset.length <= count) return dataset;
  return subset(dataset, stratifiedSplit(dataset, count / dataset.length, seed)[1]);
}
