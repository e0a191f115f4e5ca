/**
 * Masks of attention: which keys each query sees, and what is added to its scores.
 *
 * A mask acts on the scores, before the softmax; never on the values. Queries count n, keys m; every mask broadcasts to [.., n, m].
 */

import type { Dim } from "../graph/dim.ts";
import { isSymbolic, subDims } from "../graph/dim.ts";
import {
  and,
  apply,
  cast,
  concat,
  greater,
  greaterOrEqual,
  less,
  lessOrEqual,
  max,
  maximum,
  or,
  pad,
  scalar,
  sizeScalar,
  type Tensor,
  unsqueeze,
  where,
} from "../tensor/index.ts";

/** What normalising scores must know of a mask. */
export interface Mask {
  /** Added to the scores; at most `blocked` where a query does not see a key. */
  readonly bias: Tensor;
  /** [.., n or 1, 1] true where a query sees a key at all; absent where every query is known to. */
  readonly sees?: Tensor | undefined;
}

/** What stands for −∞ in scores: it swallows every score of use, and unlike −∞ it leaves no NaN in rows where all keys are blocked. */
export const blocked: number = -1e30;

/**
 * A mask from a condition: true where the query sees the key (scaled_dot_product_attention's convention; MultiheadAttention's is the opposite).
 * @param allowed bool, broadcasts to [.., n, m]
 */
export function allowedMask(allowed: Tensor): Mask {
  return addedMask(biasOf(allowed));
}

/** A mask that is added to the scores; −∞ blocks. @param added broadcasts to [.., n, m] */
export function addedMask(added: Tensor): Mask {
  const bias = maximum(added, blocked);
  return { bias, sees: greater(max(bias, { axes: [-1], keepDims: true }), blocked / 2) };
}

/**
 * Keys that are padding are blocked for every query, head and layer.
 * @param valid bool [b, m], true where a key is no padding
 * @returns a mask for scores [b, a, n, m]
 */
export function keyPaddingMask(valid: Tensor): Mask {
  return allowedMask(unsqueeze(valid, 1, 2));
}

/** True at the first `lengths[b]` of m positions. @param lengths int64 [b] @returns bool [b, m] */
export function validPositions(lengths: Tensor, m: Dim): Tensor {
  return less(countTo(m), unsqueeze(lengths, 1));
}

/** Query i sees the keys up to its own position; the last query stands at the last key, whichever are more. [n, m] */
export function causalMask(n: Dim, m: Dim = n): Mask {
  return placeMask(lessOrEqual(distances(n, m), 0), fit(n, m));
}

/**
 * Query i sees the keys up to the i-th, both counted from the first, whichever are more. [n, m]
 * @source torch.nn.functional.scaled_dot_product_attention, `is_causal`
 */
export function causalMaskFromFirst(n: Dim, m: Dim): Mask {
  // Every query sees the first key.
  return { bias: biasOf(lessOrEqual(unsqueeze(countTo(m), 0), unsqueeze(countTo(n), 1))) };
}

/**
 * Query i sees the keys from i − before to i + after: local windows, and with `after` 0 the banded causal attention of GPT-3.
 * The last query stands at the last key, whichever are more. [n, m]
 */
export function bandMask(n: Dim, m: Dim, { before, after }: { readonly before: number; readonly after: number }): Mask {
  const apart = distances(n, m);
  const allowed = and(greaterOrEqual(apart, -before), lessOrEqual(apart, after));
  return placeMask(allowed, before >= 0 && after >= 0 && fit(n, m));
}

/** Where a decoder stands that goes on from what it kept. */
export interface CachePlace {
  /** int64 []: how many of the kept keys are filled; the others are room for later. */
  readonly used: Tensor;
  /** int64 [b]: how many positions at each row's beginning are padding. */
  readonly skip: Tensor;
}

/** Positions of `n` new words in their sentences, padding not counted: int64 [b, n]. */
export function cachePositions(n: Dim, { used, skip }: CachePlace): Tensor {
  return maximum(unsqueeze(countTo(n).add(used), 0).sub(unsqueeze(skip, 1)), scalar(0, "int64"));
}

/**
 * New queries see the kept keys that are filled, and the new ones up to their own; no padding, but themselves always.
 * @param n queries and new keys; c: kept keys, which come first
 * @param before most keys between a query and a key that it sees; all without it
 * @returns a mask for scores [b, a, n, c + n]
 */
export function cacheMask(n: Dim, c: Dim, { used, skip }: CachePlace, before?: number): Mask {
  const kept = countTo(c);
  const filled = where(less(kept, used), kept, scalar(never, "int64"));
  const now = countTo(n).add(used);
  const [keys, queries] = [unsqueeze(concat([filled, now], 0), 0, 1), unsqueeze(now, 0, 2)]; // [1, 1, c+n], [1, n, 1]
  const causal = lessOrEqual(keys, queries); //                                        [1, n, c+n]
  const near = before === undefined ? causal : and(causal, greaterOrEqual(keys, queries.sub(before)));
  const own = apply("Equal", [keys, queries]);
  const seen = and(near, or(own, greaterOrEqual(keys, unsqueeze(skip, 1, 2)))); //     [b, n, c+n]
  return { bias: unsqueeze(biasOf(seen), 1) };
}

/** A position that no sentence reaches. */
const never = 2 ** 31;

/** Queries and keys of the same block of `size` positions see each other, both counted from the first. [n, m] */
export function blockMask(n: Dim, m: Dim, size: number): Mask {
  const blockOf = (count: Dim): Tensor => apply("Div", [countTo(count), scalar(size, "int64")]);
  // A query beyond the last key's block would see none.
  return allowedMask(apply("Equal", [unsqueeze(blockOf(n), 1), unsqueeze(blockOf(m), 0)]));
}

/** A query sees a key where all the masks let it; added numbers are summed. */
export function joinMasks(...masks: readonly (Mask | undefined)[]): Mask | undefined {
  const [first, ...rest] = masks.filter((mask) => mask !== undefined);
  if (!first || rest.length === 0) return first;
  // Two masks that each leave every query a key may together leave none.
  return addedMask(rest.reduce((bias, mask) => bias.add(mask.bias), first.bias));
}

/** The mask for `count` more keys at the end that every query sees. */
export function withOpenKeys({ bias, sees }: Mask, count: number): Mask {
  const last = bias.rank - 1;
  const wide = pad(bias, [last], [[0, count]]);
  return { bias: wide, sees: sees && greater(max(wide, { axes: [-1], keepDims: true }), blocked / 2) };
}

/** A mask of places. @param all whether every query is known to see a key, so that nobody need ask while it runs */
function placeMask(allowed: Tensor, all: boolean): Mask {
  return all ? { bias: biasOf(allowed) } : allowedMask(allowed);
}

/** True where n ≤ m is known while tracing, so that every query stands at a key: m − n is no negative number, or a sum of sizes. */
function fit(n: Dim, m: Dim): boolean {
  const more = subDims(m, n);
  return isSymbolic(more) ? more.terms.every(({ coefficient }) => coefficient >= 0) : more >= 0;
}

/** 0 where the condition holds, `blocked` elsewhere. */
function biasOf(allowed: Tensor): Tensor {
  return where(allowed, scalar(0), blocked);
}

/** [n, m]: how far key j lies after query i, the last key and the last query at the same place. */
function distances(n: Dim, m: Dim): Tensor {
  const ahead = sizeScalar(subDims(m, n));
  return unsqueeze(countTo(m), 0).sub(unsqueeze(countTo(n).add(ahead), 1));
}

/** 0 … n − 1. */
export function countTo(n: Dim): Tensor {
  return apply("Range", [scalar(0, "int64"), sizeScalar(n), scalar(1, "int64")]);
}

/** The sizes by which results are multiplied: 1 where a query sees a key, 0 where it sees none. */
export function seeingFactor(mask: Mask | undefined): Tensor | undefined {
  return mask?.sees && cast(mask.sees, "float32");
}
