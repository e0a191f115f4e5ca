/**
 * Swin Transformer: attention inside windows that shift from block to block.
 *
 * Liu et al., "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows", arXiv:2103.14030; Figures 2–4, equations (3), (4), Table 7.
 * Reference code and names: timm 1.0.29, timm/models/swin_transformer.py. Others: microsoft/Swin-Transformer, Hugging Face, torchvision, by rules in
 * weights/swin-rules.ts. Stages, and the way through them: pyramid.ts.
 *
 * Departs from the paper: what the authors' code adds, a normalisation of embedded patches and one of what is merged.
 *
 * Axes: b batch · h w map of tokens · d width · g windows · n places of a window · a heads · k width per head. Where windows are shifted, nn/windows.ts lays
 * them along heads, not images, for speed: [b, n, g, d] and [b, g·a, n, k]. Nothing here depends on it.
 */

import { Dropout, DropPath } from "../../nn/drop.ts";
import { truncatedNormal } from "../../nn/init.ts";
import { Linear } from "../../nn/linear.ts";
import { Mlp } from "../../nn/mlp.ts";
import { type Mode, Module, type Parameter, parameter } from "../../nn/module.ts";
import { LayerNorm } from "../../nn/norm.ts";
import type { GridSize } from "../../nn/positions.ts";
import { fromWindows, joinWindowHeads, toWindows, type Windows, windowBias, windowHeads } from "../../nn/windows.ts";
import { dims, softmax, split, type Tensor, tap } from "../../tensor/index.ts";
import { type SwinConfig, type SwinOptions, stageWidth, stageWindows, swinConfig } from "./config.ts";
import { type BlockPlace, init, mergeNeighbours, SwinPyramid } from "./pyramid.ts";
import { windowsAt } from "./windows.ts";

type SwinSize = Pick<SwinConfig, "width" | "depths" | "heads">;

/** Sizes by their published letter: section 3.3. */
export const swinSizes: Readonly<Record<"T" | "S" | "B" | "L", SwinSize>> = {
  T: { width: 96, depths: [2, 2, 6, 2], heads: [3, 6, 12, 24] },
  S: { width: 96, depths: [2, 2, 18, 2], heads: [3, 6, 12, 24] },
  B: { width: 128, depths: [2, 2, 18, 2], heads: [4, 8, 16, 32] },
  L: { width: 192, depths: [2, 2, 18, 2], heads: [6, 12, 24, 48] },
};

/** The paper's pyramid: Figure 3 (a). */
export class Swin extends SwinPyramid {
  /** @param options what differs from Swin-T with windows of 7 at 224 pixels with 1000 classes */
  constructor(options: SwinOptions = {}) {
    super(swinConfig(options), {
      block: (config, place) => new Block(config, place),
      merging: (width, eps) => new PatchMerging(width, eps),
    });
  }
}

/** Four neighbouring tokens become one of twice the width: section 3.1. */
class PatchMerging extends Module {
  readonly norm: LayerNorm;
  readonly reduction: Linear;

  constructor(width: number, eps: number) {
    super();
    this.norm = new LayerNorm(4 * width, { eps });
    this.reduction = new Linear(4 * width, 2 * width, { bias: false, init });
  }

  /** [b, h, w, d] → [b, ⌈h/2⌉, ⌈w/2⌉, 2d]. */
  forward(x: Tensor): Tensor {
    return tap("", this.reduction.forward(this.norm.forward(mergeNeighbours(x))));
  }
}

/** The paper's block: equations (3). */
class Block extends Module {
  readonly norm1: LayerNorm;
  readonly attn: WindowAttention;
  readonly dropPath1: DropPath;
  readonly norm2: LayerNorm;
  readonly mlp: Mlp;
  readonly dropPath2: DropPath;

  constructor(config: SwinConfig, { stage, shifted, dropPath }: BlockPlace) {
    super();
    const { eps, activation, dropout } = config;
    const width = stageWidth(config, stage);
    this.norm1 = new LayerNorm(width, { eps });
    this.attn = new WindowAttention(config, stage, shifted);
    this.dropPath1 = new DropPath(dropPath);
    this.norm2 = new LayerNorm(width, { eps });
    this.mlp = new Mlp(width, Math.trunc(width * config.mlpRatios[stage]!), { activation, dropout, init });
    this.dropPath2 = new DropPath(dropPath);
  }

  /** [b, h, w, d] → [b, h, w, d]. */
  forward(z: Tensor, mode: Mode): Tensor {
    const attended = this.attn.forward(this.norm1.forward(z), mode);
    const between = z.add(this.dropPath1.forward(attended, mode)); //     ẑ = (S)W-MSA(LN(z)) + z   (3)
    const made = this.mlp.forward(this.norm2.forward(between), mode);
    return tap("", between.add(this.dropPath2.forward(made, mode))); //   z = MLP(LN(ẑ)) + ẑ        (3)
  }
}

/** softmax(q kᵀ / √k + B) v inside each window: equation (4). */
class WindowAttention extends Module {
  readonly relativePositionBiasTable: Parameter;
  readonly qkv: Linear;
  readonly proj: Linear;
  readonly attnDrop: Dropout;
  readonly projDrop: Dropout;
  readonly #heads: number;
  readonly #windowsOf: (map: GridSize) => Windows;

  constructor(config: SwinConfig, stage: number, shifted: boolean) {
    super();
    const { qkvBias, headWidth, attnDropout, dropout } = config;
    const [width, heads] = [stageWidth(config, stage), config.heads[stage]!];
    const [h, w] = stageWindows(config, stage).window;
    const inner = headWidth === undefined ? width : headWidth * heads;
    this.relativePositionBiasTable = parameter([(2 * h - 1) * (2 * w - 1), heads], truncatedNormal(0.02));
    this.qkv = new Linear(width, 3 * inner, { bias: qkvBias, init });
    this.proj = new Linear(inner, width, { init });
    this.attnDrop = new Dropout(attnDropout);
    this.projDrop = new Dropout(dropout);
    this.#heads = heads;
    this.#windowsOf = (map) => windowsAt(config, stage, shifted, map);
  }

  /** [b, h, w, d] → [b, h, w, d]. The weights are tapped as `probs`: [b·g, a, n, n], or [b, g·a, n, n] where windows are shifted. */
  forward(x: Tensor, mode: Mode): Tensor {
    const { b, h, w } = dims(x, "b h w _");
    const windows = this.#windowsOf([h as number, w as number]);
    const apart = (t: Tensor): Tensor => windowHeads(t, windows, this.#heads);
    const z = toWindows(x, windows); //                                                 [b, g, n, d]
    const [q, k, v] = split(this.qkv.forward(z), 3, -1).map(apart) as [Tensor, Tensor, Tensor]; // [b·g, a, n, k] each
    const scores = q.mul((q.shape[3] as number) ** -0.5).matmul(k.transpose([0, 1, 3, 2])); // [b·g, a, n, n]
    const bias = windowBias(this.relativePositionBiasTable, windows); //                B, and −150 between what the shift brought together
    const probs = tap("probs", softmax(scores.add(bias))); //                           [b·g, a, n, n]
    const mixed = this.attnDrop.forward(probs, mode).matmul(v); //                      [b·g, a, n, k]
    const y = this.proj.forward(joinWindowHeads(mixed, windows, b)); //                 [b, g, n, d]
    return fromWindows(this.projDrop.forward(y, mode), windows); //                     [b, h, w, d]
  }
}
