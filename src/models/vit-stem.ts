/** Convolutions before the patches of a Vision Transformer. */

import { Conv2d } from "../nn/conv.ts";
import type { LinearInit } from "../nn/linear.ts";
import { type Mode, Module } from "../nn/module.ts";
import type { GridSize } from "../nn/positions.ts";
import { rearrange, type Tensor } from "../tensor/index.ts";
import type { Stem, ViTConfig } from "./vit-config.ts";

/** The result of a stem, cut into patches. */
export class StemEmbed extends Module {
  readonly proj: Conv2d | undefined;
  readonly grid: GridSize;

  constructor(config: ViTConfig, _stem: Stem, init: LinearInit | undefined) {
    super();
    this.proj = new Conv2d(3, config.width, config.patchSize, { init });
    this.grid = [1, 1];
  }

  forward(images: Tensor, _mode: Mode): Tensor {
    return rearrange(this.proj!.forward(images), "b d h w -> b h w d");
  }
}
