/** Convolutions over images. */

import { conv, type Tensor } from "../tensor/index.ts";
import { torchBias, torchWeight } from "./init.ts";
import type { LinearInit } from "./linear.ts";
import { Module, type Parameter, parameter } from "./module.ts";

/** What a `Conv2d` may be told besides its sizes. */
export interface Conv2dOptions {
  /** Pixels from one window to the next; 1 without it. */
  readonly stride?: number | readonly [number, number];
  /** Zeros on all sides, or [top, left, bottom, right]. */
  readonly padding?: number | readonly number[];
  readonly dilation?: number;
  /** Groups of channels that do not mix; divides both channel counts. */
  readonly groups?: number;
  /** With a bias; true without it. */
  readonly bias?: boolean;
  /** PyTorch's default without it: both U(±1/√fan-in). */
  readonly init?: LinearInit | undefined;
}

/** Cross-correlation of an image with learned windows, as `torch.nn.Conv2d`. */
export class Conv2d extends Module {
  /** [out, in / groups, window high, window wide]. */
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;
  readonly #options: Conv2dOptions;

  /**
   * @param channels channels of the input
   * @param out channels of the result
   * @param kernel side of the window in pixels, or [high, wide]
   */
  constructor(channels: number, out: number, kernel: number | readonly [number, number], options: Conv2dOptions = {}) {
    super();
    const { groups = 1, bias = true, init } = options;
    const shape = [out, channels / groups, ...(typeof kernel === "number" ? [kernel, kernel] : kernel)];
    this.weight = parameter(shape, init?.weight ?? torchWeight);
    this.bias = bias ? parameter([out], init?.bias ?? torchBias(shape)) : undefined;
    this.#options = options;
  }

  /** [b, c, H, W] → [b, out, h, w]. */
  forward(x: Tensor): Tensor {
    const { stride = 1, padding = 0, dilation = 1, groups = 1 } = this.#options;
    return conv(x, this.weight, this.bias, { stride, padding, dilation, groups });
  }
}
