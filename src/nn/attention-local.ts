/** Attention inside a window that the query places itself. */

import {
  abs,
  apply,
  cast,
  exp,
  lessOrEqual,
  scalar,
  sigmoid,
  sizeScalar,
  square,
  squeeze,
  type Tensor,
  tanh,
} from "../tensor/index.ts";
import { type Attended, attendInStages } from "./attention.ts";
import { allowedMask } from "./attention-masks.ts";
import { dot } from "./attention-similarity.ts";
import { Linear } from "./linear.ts";
import { Module } from "./module.ts";

/**
 * Each query foretells a place p among the m keys, m · σ(v · tanh(W_p q)); it attends to the keys within `window` of it, and a bell curve of
 * deviation window / 2 around p weighs them down. The weights are not made to sum to 1 again.
 * @source Luong et al., arXiv:1508.04025, section 3.2, "local-p", equations (9), (10)
 */
export class LocalAttention extends Module {
  readonly linearIn: Linear;
  readonly predict: Linear;
  readonly v: Linear;
  readonly #window: number;

  /** @param window most keys between the place and a key that is seen, D of the paper */
  constructor(width: number, window: number) {
    super();
    this.linearIn = new Linear(width, width, { bias: false });
    this.predict = new Linear(width, width, { bias: false });
    this.v = new Linear(width, 1, { bias: false });
    this.#window = window;
  }

  /** [b, n, d], [b, m, d] → position [b, n], weights [b, n, m], output [b, n, d]. */
  forward(queries: Tensor, keys: Tensor): Attended & { readonly position: Tensor } {
    const m = keys.shape[1]!;
    const share = sigmoid(this.v.forward(tanh(this.predict.forward(queries)))); // [b, n, 1]
    const position = share.mul(sizeScalar(m, "float32")); //                       [b, n, 1]
    const places = cast(apply("Range", [scalar(0, "int64"), sizeScalar(m), scalar(1, "int64")]), "float32");
    const away = places.sub(position); //                                          [b, n, m]
    const { scores, weights } = attendInStages(queries, keys, keys, {
      similarity: (q, k) => dot(this.linearIn.forward(q), k),
      mask: allowedMask(lessOrEqual(abs(away), this.#window)),
    });
    const near = weights.mul(exp(square(away).mul(-2 / this.#window ** 2))); //    [b, n, m]
    return { position: squeeze(position, -1), scores, weights: near, output: near.matmul(keys) };
  }
}
