/** Convolutions before the patches of a Vision Transformer: the hybrids of the paper, and convolutional stems. */

import { VitrineError } from "../../errors.ts";
import { shapeText } from "../../graph/dim.ts";
import { type Activation, activate } from "../../nn/activations.ts";
import { Conv2d } from "../../nn/conv.ts";
import type { LinearInit } from "../../nn/linear.ts";
import { type Mode, Module } from "../../nn/module.ts";
import { BatchNorm2d } from "../../nn/norm.ts";
import type { GridSize } from "../../nn/positions.ts";
import { currentPath, dims, rearrange, type Tensor } from "../../tensor/index.ts";
import { ResNet } from "../resnet/resnet.ts";
import { ResNetV2, ResNetV2Stem } from "../resnet/resnet-v2.ts";
import type { Stem, ViTConfig } from "./config.ts";

/** A stem, and the patches of its result. @source timm/layers/hybrid_embed.py HybridEmbed */
export class StemEmbed extends Module {
  readonly backbone: ResNetV2 | ResNetV2Stem | ResNet | readonly ConvUnit[];
  readonly proj: Conv2d | undefined;
  /** Tokens [high, wide] of an image of the size the model is made for. */
  readonly grid: GridSize;
  readonly #anySize: boolean;
  readonly #imageSize: GridSize;

  constructor(config: ViTConfig, stem: Stem, init: LinearInit | undefined) {
    super();
    const { imageSize, patchSize, channels, width, preNorm } = config;
    this.backbone = backboneOf(stem, channels, init);
    const from = stem.kind === "conv" ? stem.widths.at(-1)! : (this.backbone as ResNetV2 | ResNet).width;
    const options = { stride: patchSize, bias: !preNorm, init };
    this.proj = stem.kind === "conv" && !stem.proj ? undefined : new Conv2d(from, width, patchSize, options);
    if (!this.proj && from !== width)
      throw new VitrineError("INVALID_ARGUMENT", {
        rule: "ViT: without a map after the stem its last width must be the token width",
        evidence: `got ${from} and ${width}`,
      });
    const side = (i: 0 | 1): number => Math.floor(stemSize(stem, imageSize[i]) / (this.proj ? patchSize[i] : 1));
    this.grid = [side(0), side(1)];
    this.#anySize = config.resizePositions !== undefined;
    this.#imageSize = imageSize;
  }

  /**
   * [b, c, H, W] → [b, h, w, d].
   * @throws {VitrineError} SHAPE_MISMATCH for an image of another size than the model's, unless it resizes its positions.
   */
  forward(images: Tensor, mode: Mode): Tensor {
    const { H, W } = dims(images, "b c H W");
    const [high, wide] = this.#imageSize;
    const known = typeof H === "number" && typeof W === "number";
    if (!known || (!this.#anySize && (H !== high || W !== wide)))
      throw new VitrineError("SHAPE_MISMATCH", {
        rule: `patches: images must be ${high} × ${wide} pixels`,
        evidence: `got ${shapeText(images.shape)}`,
        place: currentPath(),
        next: known ? "resize them, or let the model resize its positions" : undefined,
      });
    const features = this.#features(images, mode);
    return rearrange(this.proj ? this.proj.forward(features) : features, "b d h w -> b h w d");
  }

  #features(images: Tensor, mode: Mode): Tensor {
    const { backbone } = this;
    if (backbone instanceof ResNet) return backbone.features(images, mode).at(-1)!;
    return backbone instanceof Module ? backbone.forward(images) : through(backbone, images, mode);
  }
}

/** Convolution, and unless it is the bare last one, batch normalisation and activation. @source timm/layers/conv_bn_act.py ConvNormAct */
class ConvUnit extends Module {
  readonly conv: Conv2d;
  readonly bn: BatchNorm2d | undefined;
  readonly #activation: Activation;

  constructor(conv: Conv2d, bn: BatchNorm2d | undefined, activation: Activation) {
    super();
    this.conv = conv;
    this.bn = bn;
    this.#activation = activation;
  }

  forward(x: Tensor, mode: Mode): Tensor {
    const y = this.conv.forward(x);
    return this.bn ? activate(this.bn.forward(y, mode), this.#activation) : y;
  }
}

function through(units: readonly ConvUnit[], images: Tensor, mode: Mode): Tensor {
  return units.reduce((x, unit) => unit.forward(x, mode), images);
}

function backboneOf(stem: Stem, channels: number, init: LinearInit | undefined): StemEmbed["backbone"] {
  if (stem.kind === "resnet")
    return stem.depths.length > 0
      ? new ResNetV2(channels, stem.depths, init?.weight)
      : new ResNetV2Stem(channels, init?.weight);
  if (stem.kind === "resnet_d") {
    const letterD = { stem: "deep", stemWidth: 32, averageDown: true } as const;
    return new ResNet({ ...letterD, channels, depths: stem.depths, labels: 0, zeroLast: true });
  }
  return stem.widths.map((out, i) => {
    const bare = !stem.proj && i === stem.widths.length - 1;
    const options = { stride: stem.strides[i]!, padding: stem.padding, bias: bare, init };
    const conv = new Conv2d(stem.widths[i - 1] ?? channels, out, stem.kernels[i]!, options);
    return new ConvUnit(conv, bare ? undefined : new BatchNorm2d(out), stem.activation);
  });
}

/** Size of the stem's result along an axis. */
function stemSize(stem: Stem, size: number): number {
  if (stem.kind !== "conv") {
    const halvings = 2 + Math.max(stem.depths.length - 1, 0);
    return Array.from({ length: halvings }).reduce((s: number) => Math.ceil(s / 2), size);
  }
  return stem.strides.reduce(
    (s, stride, i) => Math.floor((s + 2 * stem.padding - stem.kernels[i]!) / stride) + 1,
    size,
  );
}
