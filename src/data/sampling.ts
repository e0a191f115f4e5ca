/** Which images an epoch shows, and in which order: pure functions of keys and labels. */

import { foldIn, type Key, permutation } from "../graph/random.ts";

/**
 * An order of `length` images in which every class that has any is equally often (up to one), and every image of a class as often as the
 * others of it (up to one).
 * @param labels of all images
 */
export function balancedOrder(labels: ArrayLike<number>, length: number, key: Key): Uint32Array {
  const classes = new Map<number, number[]>();
  for (let i = 0; i < labels.length; i++) {
    const members = classes.get(labels[i]!) ?? [];
    members.push(i);
    classes.set(labels[i]!, members);
  }
  const groups = [...classes].map(([label, members]) => ({ label, members }));
  // Which classes get one more than the others changes with the key.
  const turn = permutation(foldIn(key, "classes"), groups.length);
  const chosen = new Uint32Array(length);
  for (let place = 0; place < groups.length; place++) {
    const { label, members } = groups[turn[place]!]!;
    let order: Uint32Array = new Uint32Array();
    for (let count = 0, i = place; i < length; count++, i += groups.length) {
      const within = count % members.length;
      if (within === 0) order = permutation(foldIn(key, "members", label, count), members.length);
      chosen[i] = members[order[within]!]!;
    }
  }
  return permutation(foldIn(key, "places"), length).map((i) => chosen[i]!);
}

/** An epoch of repeated images has whole rounds of so many. @source timm/data/distributed_sampler.py `selected_round` */
const round = 256;

/** How many images an epoch shows that repeats them: the data set's number rounded down to whole rounds; all where that would be none, and timm's epoch empty. */
export const repeatedLength = (length: number): number => (length < round ? length : length - (length % round));

/** The first images of an order, each `repeats` times in a row, `repeatedLength` in all. @source timm/data/distributed_sampler.py RepeatAugSampler, for one process */
export function repeatedOrder(order: Uint32Array, repeats: number): Uint32Array {
  return Uint32Array.from({ length: repeatedLength(order.length) }, (_, i) => order[Math.floor(i / repeats)]!);
}
