/**
 * The ResNet of Big Transfer (BiT) as hybrid Vision Transformers use it: group normalisation, standardised convolutions, no pre-activation.
 *
 * Kolesnikov et al., "Big Transfer (BiT): General Visual Representation Learning", arXiv:1912.11370; Dosovitskiy et al., arXiv:2010.11929, section 3.1.
 * Weight standardisation: Qiao et al., arXiv:1903.10520. Reference code and names: timm/models/resnetv2.py (preact=False), StdConv2dSame.
 *
 * Axes: b batch · c channels · H W pixels or cells high, wide · from, to channels before and after · s how many times smaller a map gets · k side of a kernel
 *
 * Departs from the paper's code: ε of the standardisation inside the root (1e-8) and of the group normalisation 1e-5, both as timm runs the same weights.
 */

import { type Initializer, kaimingNormalFanOut } from "../../nn/init.ts";
import { Module, type Parameter, parameter } from "../../nn/module.ts";
import { GroupNorm } from "../../nn/norm.ts";
import { conv, dims, maxPool, mean, pad, pow, relu, square, type Tensor } from "../../tensor/index.ts";

/** Groups of channels of every normalisation. */
const groups = 32;
/** Channels after each stage. */
const stageWidths = [256, 512, 1024, 2048] as const;

/** Stem and stages of bottlenecks; the first stage keeps the stem's size, each later one halves it. */
export class ResNetV2 extends Module {
  readonly stem: ResNetV2Stem;
  readonly stages: readonly Stage[];
  /** Channels of the result. */
  readonly width: number;

  /** @param depths bottlenecks of each stage, at most four */
  constructor(channels: number, depths: readonly number[], init: Initializer = kaimingNormalFanOut) {
    super();
    this.stem = new ResNetV2Stem(channels, init);
    this.stages = depths.map((depth, i) => {
      const [from, to] = [i === 0 ? this.stem.width : stageWidths[i - 1]!, stageWidths[i]!];
      return new Stage({ from, to, depth, stride: i === 0 ? 1 : 2, init });
    });
    this.width = stageWidths[depths.length - 1]!;
  }

  /** [b, c, H, W] → [b, width, ⌈H/s⌉, ⌈W/s⌉], s = 4 · 2^(stages − 1). */
  forward(x: Tensor): Tensor {
    let y = this.stem.forward(x); //                         [b, 64, ⌈H/4⌉, ⌈W/4⌉]
    for (const stage of this.stages) y = stage.forward(y); // [b, to, ⌈H/s⌉, ⌈W/s⌉]
    return y;
  }
}

/** Convolution 7 × 7, normalisation, ReLU, largest of 3 × 3; both halve the size. */
export class ResNetV2Stem extends Module {
  readonly conv: StandardizedConv;
  readonly norm: GroupNorm;
  readonly width = 64;

  constructor(channels: number, init: Initializer = kaimingNormalFanOut) {
    super();
    this.conv = new StandardizedConv(channels, this.width, 7, { stride: 2, init });
    this.norm = new GroupNorm(groups, this.width);
  }

  /** [b, c, H, W] → [b, 64, ⌈H/4⌉, ⌈W/4⌉]. */
  forward(x: Tensor): Tensor {
    const y = relu(this.norm.forward(this.conv.forward(x))); // [b, 64, ⌈H/2⌉, ⌈W/2⌉]
    const [top, left, bottom, right] = samePadding(y, 3, 2);
    // Zeros do for −∞: nothing is below zero after ReLU.
    const sides = [
      [0, 0],
      [0, 0],
      [top, bottom],
      [left, right],
    ] as const;
    const padded = pad(y, [0, 1, 2, 3], sides);
    return maxPool(padded, 3, { stride: 2 }); //                [b, 64, ⌈H/4⌉, ⌈W/4⌉]
  }
}

interface StageOptions {
  readonly from: number;
  readonly to: number;
  readonly depth: number;
  readonly stride: number;
  readonly init: Initializer;
}

class Stage extends Module {
  readonly blocks: readonly Bottleneck[];

  constructor({ from, to, depth, stride, init }: StageOptions) {
    super();
    this.blocks = Array.from({ length: depth }, (_, i) =>
      i === 0 ? new Bottleneck(from, to, { stride, downsample: true, init }) : new Bottleneck(to, to, { init }),
    );
  }

  /** [b, from, H, W] → [b, to, ⌈H/s⌉, ⌈W/s⌉]. */
  forward(x: Tensor): Tensor {
    return this.blocks.reduce((y, block) => block.forward(y), x);
  }
}

interface BottleneckOptions {
  readonly stride?: number;
  readonly downsample?: boolean;
  readonly init: Initializer;
}

/** 1 × 1 to a quarter of the channels, 3 × 3, 1 × 1 back; ReLU after the sum with the shortcut. */
class Bottleneck extends Module {
  readonly downsample: Downsample | undefined;
  readonly conv1: StandardizedConv;
  readonly norm1: GroupNorm;
  readonly conv2: StandardizedConv;
  readonly norm2: GroupNorm;
  readonly conv3: StandardizedConv;
  readonly norm3: GroupNorm;

  constructor(from: number, to: number, { stride = 1, downsample = false, init }: BottleneckOptions) {
    super();
    const narrow = to / 4;
    this.downsample = downsample ? new Downsample(from, to, stride, init) : undefined;
    this.conv1 = new StandardizedConv(from, narrow, 1, { init });
    this.norm1 = new GroupNorm(groups, narrow);
    this.conv2 = new StandardizedConv(narrow, narrow, 3, { stride, init });
    this.norm2 = new GroupNorm(groups, narrow);
    this.conv3 = new StandardizedConv(narrow, to, 1, { init });
    this.norm3 = new GroupNorm(groups, to);
  }

  /** [b, from, H, W] → [b, to, ⌈H/s⌉, ⌈W/s⌉]. */
  forward(x: Tensor): Tensor {
    const shortcut = this.downsample ? this.downsample.forward(x) : x; //    [b, to, ⌈H/s⌉, ⌈W/s⌉]
    let y = relu(this.norm1.forward(this.conv1.forward(x))); //              [b, to/4, H, W]
    y = relu(this.norm2.forward(this.conv2.forward(y))); //                  [b, to/4, ⌈H/s⌉, ⌈W/s⌉]
    return relu(this.norm3.forward(this.conv3.forward(y)).add(shortcut)); // [b, to, ⌈H/s⌉, ⌈W/s⌉]
  }
}

/** The map of a shortcut to other sizes, without an activation. */
class Downsample extends Module {
  readonly conv: StandardizedConv;
  readonly norm: GroupNorm;

  constructor(from: number, to: number, stride: number, init: Initializer) {
    super();
    this.conv = new StandardizedConv(from, to, 1, { stride, init });
    this.norm = new GroupNorm(groups, to);
  }

  /** [b, from, H, W] → [b, to, ⌈H/s⌉, ⌈W/s⌉]. */
  forward(x: Tensor): Tensor {
    return this.norm.forward(this.conv.forward(x));
  }
}

/** Convolution with weights of mean 0 and variance 1 for each output, and TensorFlow's SAME padding. No bias. */
class StandardizedConv extends Module {
  readonly weight: Parameter;
  readonly #stride: number;

  constructor(
    channels: number,
    out: number,
    kernel: number,
    { stride = 1, init }: { readonly stride?: number; readonly init: Initializer },
  ) {
    super();
    this.weight = parameter([out, channels, kernel, kernel], init);
    this.#stride = stride;
  }

  /** [b, c, H, W] → [b, out, ⌈H/stride⌉, ⌈W/stride⌉]. */
  forward(x: Tensor): Tensor {
    const axes = [1, 2, 3];
    const away = this.weight.sub(mean(this.weight, { axes, keepDims: true })); // [out, c, k, k]
    const spread = mean(square(away), { axes, keepDims: true }); //               [out, 1, 1, 1]
    const weight = away.mul(pow(spread.add(1e-8), -0.5)); //                      [out, c, k, k]
    const padding = samePadding(x, this.weight.shape[2] as number, this.#stride);
    return conv(x, weight, undefined, { stride: this.#stride, padding }); //      [b, out, ⌈H/stride⌉, ⌈W/stride⌉]
  }
}

/** [top, left, bottom, right] so that the result has ⌈size / stride⌉; what is odd goes below and to the right. */
function samePadding(x: Tensor, kernel: number, stride: number): readonly [number, number, number, number] {
  const { H, W } = dims(x, "b _ H W") as { readonly H: number; readonly W: number };
  const total = (size: number): number => Math.max((Math.ceil(size / stride) - 1) * stride + kernel - size, 0);
  const [high, wide] = [total(H), total(W)];
  return [Math.floor(high / 2), Math.floor(wide / 2), Math.ceil(high / 2), Math.ceil(wide / 2)];
}
