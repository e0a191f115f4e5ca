/** PyTorch's multi-head attention: from one sequence to itself or to another. */

import { concat, expand, linear, pad, rearrange, split, type Tensor } from "../tensor/index.ts";
import { type Attended, type Attending, attendInStages, checkHeads, type KeysAndValues } from "./attention.ts";
import { type Mask, withOpenKeys } from "./attention-masks.ts";
import { Dropout } from "./drop.ts";
import { type Initializer, torchWeight, xavierNormal, xavierUniform, zeros } from "./init.ts";
import { Linear } from "./linear.ts";
import { evaluation, type Mode, Module, type Parameter, parameter } from "./module.ts";

/** What `MultiheadAttention` may be told besides its sizes. */
export interface MultiheadAttentionOptions {
  /** Widths of keys and values before their maps; that of the queries without them. */
  readonly keyWidth?: number;
  readonly valueWidth?: number;
  /** Biases of all four maps; true without it. */
  readonly bias?: boolean;
  /** One more learned key and value at the end, which every query sees; false without it. */
  readonly biasKv?: boolean;
  /** One more key and value of zeros at the very end, which every query sees: it may look at nothing. False without it. */
  readonly zeroAttn?: boolean;
  /** Dropout rate of the attention weights. */
  readonly dropout?: number;
  /** How the last map's weight begins; PyTorch's default without it. */
  readonly outInit?: Initializer;
}

/** What is attended to, and how. */
export interface MultiheadInputs {
  /** [b, m, key width]; the queries themselves without it. */
  readonly key?: Tensor | undefined;
  /** [b, m, value width]; the keys without it. */
  readonly value?: Tensor | undefined;
  /** Keys and values that are mapped already, in place of both. */
  readonly mapped?: KeysAndValues | undefined;
  /** Mapped keys and values before these: what a decoder kept of the steps before. */
  readonly past?: KeysAndValues | undefined;
  /** Broadcasts to [b, heads, n, m]. */
  readonly mask?: Mask | undefined;
  readonly mode?: Mode | undefined;
}

/**
 * Multi-head attention with maps for queries, keys and values, and one after the heads.
 * @source Vaswani et al., arXiv:1706.03762, section 3.2.2; names and results as torch.nn.MultiheadAttention (batch first)
 */
export class MultiheadAttention extends Module {
  /** [3 d, d]: rows of queries, keys, values; `undefined` where their widths differ. */
  readonly inProjWeight: Parameter | undefined;
  readonly qProjWeight: Parameter | undefined;
  readonly kProjWeight: Parameter | undefined;
  readonly vProjWeight: Parameter | undefined;
  readonly inProjBias: Parameter | undefined;
  readonly biasK: Parameter | undefined;
  readonly biasV: Parameter | undefined;
  readonly outProj: Linear;
  readonly drop: Dropout;
  readonly #heads: number;
  readonly #width: number;
  readonly #zeroAttn: boolean;

  /**
   * @param heads divides `width`
   * @throws {VitrineError} INVALID_ARGUMENT when it does not, or is no whole number from 1 up.
   */
  constructor(width: number, heads: number, options: MultiheadAttentionOptions = {}) {
    super();
    checkHeads(width, heads);
    const { keyWidth = width, valueWidth = width, bias = true, biasKv = false, zeroAttn = false } = options;
    const alike = keyWidth === width && valueWidth === width;
    this.inProjWeight = alike ? parameter([3 * width, width], xavierUniform) : undefined;
    this.qProjWeight = alike ? undefined : parameter([width, width], xavierUniform);
    this.kProjWeight = alike ? undefined : parameter([width, keyWidth], xavierUniform);
    this.vProjWeight = alike ? undefined : parameter([width, valueWidth], xavierUniform);
    this.inProjBias = bias ? parameter([3 * width], zeros) : undefined;
    this.biasK = biasKv ? parameter([1, 1, width], xavierNormal) : undefined;
    this.biasV = biasKv ? parameter([1, 1, width], xavierNormal) : undefined;
    this.outProj = new Linear(width, width, { bias, init: { weight: options.outInit ?? torchWeight, bias: zeros } });
    this.drop = new Dropout(options.dropout ?? 0);
    this.#heads = heads;
    this.#width = width;
    this.#zeroAttn = zeroAttn;
  }

  /** Queries [b, n, d] → output [b, n, d], weights and scores [b, heads, n, m]; `kept`: the mapped keys and values, for steps to come. */
  forward(
    query: Tensor,
    { key, value, mapped, past, mask, mode = evaluation }: MultiheadInputs = {},
  ): Attended & { readonly kept: KeysAndValues } {
    const { queries, keys, values } = mapped
      ? { queries: this.queries(query), ...mapped }
      : this.#project(query, key, value);
    const kept = { keys, values };
    return { ...this.attendTo(queries, kept, { mask, past, mode }), kept };
  }

  /** [b, n, d] → [b, heads, n, k]. */
  queries(query: Tensor): Tensor {
    const { weights, biases } = this.#parts([1, 2]);
    return this.#apart(linear(query, weights[0]!, biases[0]));
  }

  /** Keys and values of a sequence [b, m, d], split by head [b, heads, m, k]: a decoder keeps them from step to step. */
  keysAndValues(key: Tensor, value: Tensor = key): KeysAndValues {
    if (key === value && this.inProjWeight) {
      const { weights, biases } = this.#parts([1, 2]);
      const [keys, values] = split(linear(key, weights[1]!, biases[1]), 2, -1) as [Tensor, Tensor];
      return { keys: this.#apart(keys), values: this.#apart(values) };
    }
    const { weights, biases } = this.#parts([1, 1, 1]);
    return {
      keys: this.#apart(linear(key, weights[1]!, biases[1])),
      values: this.#apart(linear(value, weights[2]!, biases[2])),
    };
  }

  /**
   * The heads' results side by side through the last map.
   * @param queries [b, heads, n, k]
   * @param how `past`: what a decoder kept of the steps before
   */
  attendTo(
    queries: Tensor,
    { keys, values }: KeysAndValues,
    { mask, past, mode = evaluation }: Pick<Attending, "mask" | "past" | "mode"> = {},
  ): Attended {
    let [k, v, seen] = [keys, values, mask];
    if (this.biasK && this.biasV) {
      const [b] = queries.shape;
      const row = (t: Tensor): Tensor => this.#apart(expand(t, [b!, 1, this.#width]));
      [k, v] = [concat([k, row(this.biasK)], 2), concat([v, row(this.biasV)], 2)];
      seen = seen && withOpenKeys(seen, 1);
    }
    if (this.#zeroAttn) {
      [k, v] = [pad(k, [2], [[0, 1]]), pad(v, [2], [[0, 1]])];
      seen = seen && withOpenKeys(seen, 1);
    }
    const { scores, weights, output } = attendInStages(queries, k, v, { mask: seen, past, drop: this.drop, mode });
    return { scores, weights, output: this.outProj.forward(rearrange(output, "b a n k -> b n (a k)")) };
  }

  #project(query: Tensor, key: Tensor = query, value: Tensor = key): KeysAndValues & { readonly queries: Tensor } {
    if (query === key && key === value && this.inProjWeight) {
      const parts = split(linear(query, this.inProjWeight, this.inProjBias), 3, -1);
      const [queries, keys, values] = parts.map((t) => this.#apart(t)) as [Tensor, Tensor, Tensor];
      return { queries, keys, values };
    }
    return { queries: this.queries(query), ...this.keysAndValues(key, value) };
  }

  /** Weights and biases of the maps, in groups of that many: [1, 2] is queries, then keys with values. */
  #parts(groups: readonly number[]): {
    readonly weights: readonly Tensor[];
    readonly biases: readonly (Tensor | undefined)[];
  } {
    const apart = [this.qProjWeight, this.kProjWeight, this.vProjWeight].filter((t) => t !== undefined);
    const sizes = groups.map((count) => count * this.#width);
    return {
      weights: this.inProjWeight ? split(this.inProjWeight, sizes, 0) : apart,
      biases: this.inProjBias ? split(this.inProjBias, this.inProjWeight ? sizes : 3, 0) : [],
    };
  }

  /** [b, n, d] → [b, heads, n, k]. */
  #apart(t: Tensor): Tensor {
    return rearrange(t, "b n (a k) -> b a n k", { a: this.#heads });
  }
}
