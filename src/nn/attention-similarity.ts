/**
 * The first stage of attention: how alike a query and a key are.
 *
 * Each takes queries [.., n, q] and keys [.., m, k] and gives scores [.., n, m].
 */

import {
  exp,
  linear,
  maximum,
  minimum,
  slice,
  sqrt,
  square,
  sum,
  type Tensor,
  tanh,
  unsqueeze,
} from "../tensor/index.ts";
import { constant } from "./init.ts";
import { Linear } from "./linear.ts";
import { Module, type Parameter, parameter } from "./module.ts";

/** Scores [.., n, m] of queries [.., n, q] and keys [.., m, k]. */
export type Similarity = (queries: Tensor, keys: Tensor) => Tensor;

/** qᵀk. @source Luong et al., arXiv:1508.04025, section 3.1, "dot" */
export const dot: Similarity = (queries, keys) => queries.matmul(transposed(keys));

/** qᵀk times a scale. */
export const dotTimes =
  (scale: number): Similarity =>
  (queries, keys) =>
    dot(queries.mul(scale), keys);

/** qᵀk / √width. @source Vaswani et al., arXiv:1706.03762, equation (1) */
export const scaledDot: Similarity = (queries, keys) =>
  dotTimes((queries.shape[queries.rank - 1] as number) ** -0.5)(queries, keys);

/** The angle's cosine times a learned temperature, exp(min(logit scale, ln 100)). @source Liu et al., arXiv:2111.09883, section 3.3 */
export class CosineSimilarity extends Module {
  /** Scalar. */
  readonly logitScale: Parameter = parameter([], constant(Math.log(10)));

  /** [.., n, k], [.., m, k] → [.., n, m]. */
  forward(queries: Tensor, keys: Tensor): Tensor {
    const temperature = exp(minimum(this.logitScale, Math.log(100)));
    return unit(queries)
      .matmul(transposed(unit(keys)))
      .mul(temperature);
  }
}

/** qᵀ W k. @source Luong et al., section 3.1, "general"; names as OpenNMT-py's GlobalAttention */
export class GeneralSimilarity extends Module {
  readonly linearIn: Linear;

  constructor(queryWidth: number, keyWidth: number) {
    super();
    this.linearIn = new Linear(queryWidth, keyWidth, { bias: false });
  }

  /** [.., n, q], [.., m, k] → [.., n, m]. */
  forward(queries: Tensor, keys: Tensor): Tensor {
    return dot(this.linearIn.forward(queries), keys);
  }
}

/**
 * vᵀ tanh(W_q q + b + W_k k): a small network looks at both.
 * @source Bahdanau et al., arXiv:1409.0473, section A.1.2; names as OpenNMT-py's GlobalAttention
 */
export class AdditiveSimilarity extends Module {
  readonly linearQuery: Linear;
  readonly linearContext: Linear;
  readonly v: Linear;

  constructor(queryWidth: number, keyWidth: number, hiddenWidth: number) {
    super();
    this.linearQuery = new Linear(queryWidth, hiddenWidth);
    this.linearContext = new Linear(keyWidth, hiddenWidth, { bias: false });
    this.v = new Linear(hiddenWidth, 1, { bias: false });
  }

  /** [.., n, q], [.., m, k] → [.., n, m]. */
  forward(queries: Tensor, keys: Tensor): Tensor {
    return this.compare(queries, this.prepare(keys));
  }

  /** W_k k, which all steps of a decoder share: [.., m, k] → [.., m, e]. */
  prepare(keys: Tensor): Tensor {
    return this.linearContext.forward(keys);
  }

  /** [.., n, q], prepared keys [.., m, e] → [.., n, m]. */
  compare(queries: Tensor, prepared: Tensor): Tensor {
    const hidden = tanh(unsqueeze(this.linearQuery.forward(queries), -2).add(unsqueeze(prepared, -3))); // [.., n, m, e]
    const scores = this.v.forward(hidden); //                                                               [.., n, m, 1]
    return scores.reshape(scores.shape.slice(0, -1)); //                                                    [.., n, m]
  }
}

/** W_a q: the score of a place depends on the query alone. @source Luong et al., equation (8), "location" */
export class LocationSimilarity extends Module {
  readonly linearIn: Linear;

  /** @param places most keys there can be */
  constructor(queryWidth: number, places: number) {
    super();
    this.linearIn = new Linear(queryWidth, places, { bias: false });
  }

  /** [.., n, q], [.., m, k] → [.., n, m], m at most `places`. */
  forward(queries: Tensor, keys: Tensor): Tensor {
    return slice(linear(queries, this.linearIn.weight), -1, 0, keys.shape[keys.rank - 2]!);
  }
}

/** x / max(|x|, 1e-12). @source torch.nn.functional.normalize */
function unit(x: Tensor): Tensor {
  return x.div(maximum(sqrt(sum(square(x), { axes: [-1], keepDims: true })), 1e-12));
}

/** The last two axes exchanged. */
function transposed(x: Tensor): Tensor {
  const order = Array.from({ length: x.rank }, (_, axis) => axis);
  return x.transpose([...order.slice(0, -2), x.rank - 1, x.rank - 2]);
}
