/** Noise that training adds: zeros for single numbers, and for whole branches of single images. */

import { random, type Tensor } from "../tensor/index.ts";
import { type Mode, Module } from "./module.ts";

/** In training, sets each number to zero with probability `rate` and divides the others by 1 − rate. @source Srivastava et al., JMLR 15 (2014) */
export class Dropout extends Module {
  readonly rate: number;

  /** @param rate in [0, 1) */
  constructor(rate: number) {
    super();
    this.rate = rate;
  }

  forward(x: Tensor, mode: Mode): Tensor {
    if (!mode.train || this.rate === 0) return x;
    return x.mul(random("dropout", x.shape, { kind: "keep", keep: 1 - this.rate }));
  }
}

/**
 * Stochastic depth: in training, the whole of `x` of an image is zero with probability `rate`, else divided by 1 − rate.
 * @source Huang et al., arXiv:1603.09382; per image and scaled as in timm/layers/drop.py drop_path
 */
export class DropPath extends Module {
  readonly rate: number;

  /** @param rate in [0, 1) */
  constructor(rate: number) {
    super();
    this.rate = rate;
  }

  /** [b, …] → [b, …]. */
  forward(x: Tensor, mode: Mode): Tensor {
    if (!mode.train || this.rate === 0) return x;
    const [b, ...rest] = x.shape;
    return x.mul(random("drop_path", [b!, ...rest.map(() => 1)], { kind: "keep", keep: 1 - this.rate }));
  }
}

/** Rates that grow from 0 at the first block to `rate` at the last. @source timm/layers/drop.py calculate_drop_path_rates */
export function dropPathRates(rate: number, depth: number): readonly number[] {
  return Array.from({ length: depth }, (_, i) => (depth === 1 ? 0 : (rate * i) / (depth - 1)));
}
