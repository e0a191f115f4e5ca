/** Batch normalisation that no longer learns. */

import { applyMany, type Tensor } from "../tensor/index.ts";
import { ones, zeros } from "./init.ts";
import { type Buffer, buffer, Module } from "./module.ts";

/**
 * (x − running mean) / √(running variance + ε) · weight + bias for each channel, with all four fixed, in training too.
 * @source torchvision/ops/misc.py FrozenBatchNorm2d, whose checkpoints have no `num_batches_tracked`
 */
export class FrozenBatchNorm2d extends Module {
  readonly weight: Buffer;
  readonly bias: Buffer;
  readonly runningMean: Buffer;
  readonly runningVar: Buffer;
  readonly #eps: number;

  constructor(channels: number, { eps = 1e-5 }: { readonly eps?: number } = {}) {
    super();
    this.weight = buffer([channels], ones);
    this.bias = buffer([channels], zeros);
    this.runningMean = buffer([channels], zeros);
    this.runningVar = buffer([channels], ones);
    this.#eps = eps;
  }

  /** [b, c, H, W] → [b, c, H, W]. */
  forward(x: Tensor): Tensor {
    const fixed = [this.weight, this.bias, this.runningMean, this.runningVar].map(({ tensor }) => tensor);
    return applyMany("BatchNormalization", [x, ...fixed], { epsilon: this.#eps })[0]!;
  }
}
