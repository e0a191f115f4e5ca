/** Normalisations, and the scale per channel that goes with them. */

import { mulDims } from "../graph/dim.ts";
import { ndarray } from "../graph/dtype.ts";
import { makeVariable } from "../graph/graph.ts";
import {
  applyMany,
  full,
  groupNorm,
  layerNorm,
  mean,
  pow,
  sizeScalar,
  square,
  sumSquare,
  type Tensor,
} from "../tensor/index.ts";
import { constant, type Initializer, ones, zeros } from "./init.ts";
import { Buffer, buffer, type Mode, Module, type Parameter, parameter } from "./module.ts";

/** A normalisation over the last axis. */
export type TokenNorm = LayerNorm | RmsNorm;

/** Makes a normalisation for tokens of a given width. @param scale how its weights begin; ones without it */
export type TokenNormMaker = (width: number, scale?: Initializer) => TokenNorm;

/** What a token normalisation may be told besides its width. */
export interface TokenNormOptions {
  /** ε, added to the variance or mean square. */
  readonly eps?: number;
  /** How its weights begin; ones without it. */
  readonly scale?: Initializer | undefined;
}

/** (x − mean) / √(variance + ε) · weight + bias over the last axis. @source Ba et al., arXiv:1607.06450 */
export class LayerNorm extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;
  readonly #eps: number;

  /** ε is 1e-5, as in PyTorch, where it is not given. @param options `bias`: with one; true without it */
  constructor(
    width: number,
    { eps = 1e-5, scale = ones, bias = true }: TokenNormOptions & { readonly bias?: boolean } = {},
  ) {
    super();
    this.weight = parameter([width], scale);
    this.bias = bias ? parameter([width], zeros) : undefined;
    this.#eps = eps;
  }

  /** [.., d] → [.., d]. */
  forward(x: Tensor): Tensor {
    return layerNorm(x, this.weight, this.bias, this.#eps);
  }
}

/** x / √(mean x² + ε) · weight over the last axis. @source Zhang & Sennrich, arXiv:1910.07467 */
export class RmsNorm extends Module {
  readonly weight: Parameter;
  readonly #eps: number;

  /** ε is 1e-6, as in timm, where it is not given. */
  constructor(width: number, { eps = 1e-6, scale = ones }: TokenNormOptions = {}) {
    super();
    this.weight = parameter([width], scale);
    this.#eps = eps;
  }

  /** [.., d] → [.., d]. */
  forward(x: Tensor): Tensor {
    const power = mean(square(x), { axes: [-1], keepDims: true }); // [.., 1]
    return x.mul(pow(power.add(this.#eps), -0.5)).mul(this.weight);
  }
}

/** Normalises each group of channels over channels and positions. @source Wu & He, arXiv:1803.08494 */
export class GroupNorm extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly #groups: number;
  readonly #eps: number;

  /** @param groups divides `channels` */
  constructor(groups: number, channels: number, { eps = 1e-5 }: { readonly eps?: number } = {}) {
    super();
    this.weight = parameter([channels], ones);
    this.bias = parameter([channels], zeros);
    this.#groups = groups;
    this.#eps = eps;
  }

  /** [b, c, …] → [b, c, …]. */
  forward(x: Tensor): Tensor {
    return groupNorm(x, this.#groups, this.weight, this.bias, this.#eps);
  }
}

/**
 * Normalises each channel: in training over the batch and its positions, keeping running statistics; in use with these statistics.
 * As `torch.nn.BatchNorm2d`: the running variance counts the unbiased one. @source Ioffe & Szegedy, arXiv:1502.03167
 */
export class BatchNorm2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly runningMean: Buffer;
  readonly runningVar: Buffer;
  /** How many training steps the statistics have seen; int64, as PyTorch keeps it. */
  readonly numBatchesTracked: Buffer;
  readonly #eps: number;
  readonly #momentum: number;

  /**
   * @param momentum weight of the newest batch in the running statistics
   * @param scale how its weights begin; ones without it
   */
  constructor(
    channels: number,
    {
      eps = 1e-5,
      momentum = 0.1,
      scale = ones,
    }: { readonly eps?: number; readonly momentum?: number; readonly scale?: Initializer } = {},
  ) {
    super();
    this.weight = parameter([channels], scale);
    this.bias = parameter([channels], zeros);
    this.runningMean = buffer([channels], zeros);
    this.runningVar = buffer([channels], ones);
    this.numBatchesTracked = new Buffer(makeVariable("", "int64", [], () => ndarray("int64", [], [0])));
    this.#eps = eps;
    this.#momentum = momentum;
  }

  /** [b, c, H, W] → [b, c, H, W]. */
  forward(x: Tensor, mode: Mode): Tensor {
    if (!mode.train) return this.#normalised(x, this.runningMean.tensor, this.runningVar.tensor);
    const axes = [0, 2, 3];
    const centre = mean(x, { axes, keepDims: true }); //             [1, c, 1, 1]
    const away = x.sub(centre); //                                   [b, c, H, W]
    const count = sizeScalar(mulDims(x.shape[0]!, ...x.shape.slice(2)), "float32");
    const spread = sumSquare(away, { axes }).div(count); //          [c]
    this.#track(count, centre, spread);
    // One pass with the statistics as inputs; their own gradients are sums per channel.
    return this.#normalised(away, full([x.shape[1]!], 0), spread);
  }

  #normalised(x: Tensor, centre: Tensor, spread: Tensor): Tensor {
    const inputs = [x, this.weight, this.bias, centre, spread];
    return applyMany("BatchNormalization", inputs, { epsilon: this.#eps })[0]!;
  }

  #track(count: Tensor, centre: Tensor, spread: Tensor): void {
    const unbiased = spread.mul(count.div(count.sub(1)));
    const newest = this.#momentum;
    const follow = (kept: Buffer, now: Tensor): void =>
      kept.update(kept.tensor.mul(1 - newest).add(now.reshape(spread.shape).mul(newest)));
    follow(this.runningMean, centre);
    follow(this.runningVar, unbiased);
    this.numBatchesTracked.update(this.numBatchesTracked.tensor.add(1));
  }
}

/** γ · x, one factor per channel, small at first. @source Touvron et al., "Going deeper with Image Transformers", arXiv:2103.17239, equation (4) */
export class LayerScale extends Module {
  readonly gamma: Parameter;

  /** @param initial first value of every factor */
  constructor(width: number, initial: number) {
    super();
    this.gamma = parameter([width], constant(initial));
  }

  /** [.., d] → [.., d]. */
  forward(x: Tensor): Tensor {
    return x.mul(this.gamma);
  }
}
