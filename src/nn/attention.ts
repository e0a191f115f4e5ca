/** Attention over tokens. */

import { VitrineError } from "../errors.ts";
import {
  concat,
  dims,
  expand,
  rearrange,
  slice,
  softmax,
  split,
  type Tensor,
  tap,
  unsqueeze,
} from "../tensor/index.ts";
import { type Mask, seeingFactor } from "./attention-masks.ts";
import { type Similarity, scaledDot } from "./attention-similarity.ts";
import { Dropout } from "./drop.ts";
import { Linear, type LinearInit } from "./linear.ts";
import { evaluation, type Mode, Module } from "./module.ts";
import type { TokenNorm, TokenNormMaker } from "./norm.ts";

/** What an attention may be told besides its sizes. */
export interface AttentionOptions {
  /** Width of each head's queries, keys and values; width / heads without it. */
  readonly headWidth?: number | undefined;
  /** Biases of queries, keys and values; true without it. */
  readonly qkvBias?: boolean;
  /** Bias of the last map; true without it. */
  readonly projBias?: boolean;
  /** A normalisation of each head's queries and keys. @source Dehghani et al., arXiv:2302.05442, section 2 */
  readonly qkNorm?: TokenNormMaker | undefined;
  /** A normalisation before the last map. */
  readonly norm?: TokenNormMaker | undefined;
  /** Dropout rates of the attention weights and of the result. */
  readonly attnDropout?: number;
  readonly dropout?: number;
  readonly init?: LinearInit | undefined;
}

/** Keys and values split by head, [b, heads, m, k] each. */
export interface KeysAndValues {
  readonly keys: Tensor;
  readonly values: Tensor;
}

/** How attention compares, masks and forgets. */
export interface Attending {
  /** The first stage; scaled dot product without it. */
  readonly similarity?: Similarity | undefined;
  /** Which keys each query sees; all without it. A query that sees none gets weights and a result of zeros. */
  readonly mask?: Mask | undefined;
  /** Keys [.., c, k] and values [.., c, v] before these: what a decoder keeps. They are read where they lie, not copied side by side. */
  readonly past?: KeysAndValues | undefined;
  /** Keys and values, past ones too, have fewer heads than the queries, each for as many of theirs: [.., g, m, k] (`repeatHeads`). False without it. */
  readonly grouped?: boolean | undefined;
  /** Dropout of the weights. */
  readonly drop?: Dropout | undefined;
  readonly mode?: Mode | undefined;
}

/** The results of the three stages. */
export interface Attended {
  /** [.., n, m], before the mask; with a past, m counts its keys too, first. */
  readonly scores: Tensor;
  /** [.., n, m], of each row the sum is 1, or 0 where no key is seen. */
  readonly weights: Tensor;
  /** [.., n, v]. */
  readonly output: Tensor;
}

/**
 * Attention as its three stages: similarity, normalisation, weighted sum.
 * @param queries [.., n, q]; keys: [.., m, k]; values: [.., m, v]
 * @returns the weights are also tapped as `probs` (rows that see no key are uniform there)
 */
export function attendInStages(queries: Tensor, keys: Tensor, values: Tensor, how: Attending = {}): Attended {
  if (how.grouped) return attendInGroups(queries, { keys, values }, how);
  const { similarity = scaledDot, mask, past, drop, mode = evaluation } = how;
  const near = similarity(queries, keys); //                                           [.., n, m]
  const scores = past ? concat([similarity(queries, past.keys), near], -1) : near;
  const probs = tap("probs", softmax(mask ? scores.add(mask.bias) : scores)); //       [.., n, m]
  const kept = drop ? drop.forward(probs, mode) : probs;
  const mixed = past ? mixInParts(kept, past.values, values) : kept.matmul(values); // [.., n, v]
  // The result is set to zero rather than the weights, so that the parts can still be fused into one operator.
  const sees = seeingFactor(mask);
  return { scores, weights: sees ? probs.mul(sees) : probs, output: sees ? mixed.mul(sees) : mixed };
}

function attendInGroups(queries: Tensor, { keys, values }: KeysAndValues, { past, ...how }: Attending): Attended {
  const wide = (t: Tensor): Tensor => repeatHeads(t, queries.shape[queries.rank - 3] as number);
  const before = past && { keys: wide(past.keys), values: wide(past.values) };
  return attendInStages(queries, wide(keys), wide(values), { ...how, past: before, grouped: false });
}

/**
 * Keys or values of fewer heads for all heads of the queries: each stands `heads` / g times side by side. [.., g, m, k] → [.., heads, m, k]
 * @throws {VitrineError} SHAPE_MISMATCH unless g divides the heads.
 * @source Ainslie et al., arXiv:2305.13245, section 2.2; torch.nn.functional.scaled_dot_product_attention, `enable_gqa`
 */
export function repeatHeads(t: Tensor, heads: number): Tensor {
  const [outer, groups, inner] = [t.shape.slice(0, -3), t.shape.at(-3) as number, t.shape.slice(-2)];
  if (!Number.isInteger(heads / groups))
    throw new VitrineError("SHAPE_MISMATCH", {
      rule: "attention: heads of keys and values divide those of the queries",
      evidence: `got ${groups} for ${heads}`,
    });
  return expand(unsqueeze(t, -3), [...outer, groups, heads / groups, ...inner]).reshape([...outer, heads, ...inner]);
}

/** Weights [.., n, c + m] over values [.., c, v] and [.., m, v]. */
function mixInParts(weights: Tensor, before: Tensor, now: Tensor): Tensor {
  const c = before.shape[before.rank - 2]!;
  return slice(weights, -1, 0, c)
    .matmul(before)
    .add(slice(weights, -1, c).matmul(now));
}

/**
 * softmax(q kᵀ / √k) v for each head.
 * @param q [b, a, n, k]; k, v: [b, a, m, k]
 * @returns [b, a, n, k]; the weights [b, a, n, m] are tapped as `probs`
 * @source Vaswani et al., arXiv:1706.03762, equation (1)
 */
export function attend(q: Tensor, k: Tensor, v: Tensor, drop: Dropout, mode: Mode): Tensor {
  return attendInStages(q, k, v, { drop, mode }).output;
}

/**
 * Multi-head self-attention with queries, keys and values from one map.
 * @source Vaswani et al., section 3.2.2; names as timm/layers/attention.py Attention
 */
export class Attention extends Module {
  readonly qkv: Linear;
  readonly qNorm: TokenNorm | undefined;
  readonly kNorm: TokenNorm | undefined;
  readonly norm: TokenNorm | undefined;
  readonly proj: Linear;
  readonly attnDrop: Dropout;
  readonly projDrop: Dropout;
  readonly #heads: number;

  /**
   * @param heads divides `width`, unless the width of a head is given
   * @throws {VitrineError} INVALID_ARGUMENT when it does not.
   */
  constructor(width: number, heads: number, options: AttentionOptions = {}) {
    super();
    const { headWidth, qkvBias = true, projBias = true, init } = options;
    if (headWidth === undefined) checkHeads(width, heads);
    const k = headWidth ?? width / heads;
    this.qkv = new Linear(width, 3 * heads * k, { bias: qkvBias, init });
    this.qNorm = options.qkNorm?.(k);
    this.kNorm = options.qkNorm?.(k);
    this.norm = options.norm?.(heads * k);
    this.proj = new Linear(heads * k, width, { bias: projBias, init });
    this.attnDrop = new Dropout(options.attnDropout ?? 0);
    this.projDrop = new Dropout(options.dropout ?? 0);
    this.#heads = heads;
  }

  /** [b, n, d] → [b, n, d]. */
  forward(x: Tensor, mode: Mode): Tensor {
    dims(x, "b n d");
    const apart = (t: Tensor): Tensor => rearrange(t, "b n (a k) -> b a n k", { a: this.#heads });
    let [q, k, v] = split(this.qkv.forward(x, mode), 3, -1).map(apart) as [Tensor, Tensor, Tensor]; // [b, a, n, k] each
    if (this.qNorm) q = this.qNorm.forward(q);
    if (this.kNorm) k = this.kNorm.forward(k);
    let y = rearrange(attend(q, k, v, this.attnDrop, mode), "b a n k -> b n (a k)"); //          [b, n, a·k]
    if (this.norm) y = this.norm.forward(y);
    return this.projDrop.forward(this.proj.forward(y, mode), mode); //                            [b, n, d]
  }
}

/** @throws {VitrineError} INVALID_ARGUMENT unless there are heads and they share the width equally. */
export function checkHeads(width: number, heads: number): void {
  if ([width, heads, width / heads].every((size) => Number.isInteger(size) && size > 0)) return;
  throw new VitrineError("INVALID_ARGUMENT", {
    rule: "attention: heads must divide the width",
    evidence: `got width ${width}, ${heads} heads`,
  });
}
