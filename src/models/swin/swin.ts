/**
 * Swin Transformer: attention inside windows that shift from block to block.
 *
 * Liu et al., "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows", arXiv:2103.14030; Figures 2–4, equations (3), (4), Table 7.
 * Reference code and names: timm 1.0.29, timm/models/swin_transformer.py. Others: microsoft/Swin-Transformer, Hugging Face, torchvision, by rules in
 * weights/swin-rules.ts.
 *
 * Departs from the paper: patches are merged where a stage begins (timm's names; microsoft's merge where one ends, the same computation).
 *
 * Axes: b batch · c channels · H W pixels high, wide · h w map of tokens · d width · g windows · n places of a window · a heads · k width per head
 */

import { Dropout, DropPath, dropPathRates } from "../../nn/drop.ts";
import { truncatedNormal, zeros } from "../../nn/init.ts";
import { Linear, type LinearInit } from "../../nn/linear.ts";
import { Mlp } from "../../nn/mlp.ts";
import { evaluation, type Mode, Module, type Parameter, parameter } from "../../nn/module.ts";
import { LayerNorm } from "../../nn/norm.ts";
import { PatchEmbed } from "../../nn/patches.ts";
import type { GridSize } from "../../nn/positions.ts";
import { fromWindows, joinWindowHeads, toWindows, type Windows, windowBias, windowHeads } from "../../nn/windows.ts";
import { dims, mean, pad, softmax, split, type Tensor, tap } from "../../tensor/index.ts";
import type { FeatureMap, ImageClassifier } from "../classifier.ts";
import { type SwinConfig, type SwinOptions, stageWidth, stageWindows, swinConfig } from "./config.ts";
import { windowsAt } from "./windows.ts";

type SwinSize = Pick<SwinConfig, "width" | "depths" | "heads">;

/** Sizes by their published letter: section 3.3. */
export const swinSizes: Readonly<Record<"T" | "S" | "B" | "L", SwinSize>> = {
  T: { width: 96, depths: [2, 2, 6, 2], heads: [3, 6, 12, 24] },
  S: { width: 96, depths: [2, 2, 18, 2], heads: [3, 6, 12, 24] },
  B: { width: 128, depths: [2, 2, 18, 2], heads: [4, 8, 16, 32] },
  L: { width: 192, depths: [2, 2, 18, 2], heads: [6, 12, 24, 48] },
};

/** How linear maps begin. */
const init: LinearInit = { weight: truncatedNormal(0.02), bias: zeros };

/** Image in, logits out. */
export class Swin extends Module implements ImageClassifier {
  readonly config: SwinConfig;
  /** Its tokens change places and numbers from stage to stage. */
  readonly tokens: undefined;
  readonly patchEmbed: PatchEmbed;
  readonly absolutePosEmbed: Parameter | undefined;
  readonly layers: readonly Stage[];
  readonly norm: LayerNorm;
  readonly head: Head;

  /** @param options what differs from Swin-T with windows of 7 at 224 pixels with 1000 classes */
  constructor(options: SwinOptions = {}) {
    super();
    const config = swinConfig(options);
    const { imageSize, patchSize, channels, width, depths, eps, mergeEps, otherSizes } = config;
    const norm = (d: number): LayerNorm => new LayerNorm(d, { eps: mergeEps });
    this.config = config;
    this.patchEmbed = new PatchEmbed({ imageSize, patchSize, channels, width, norm, otherSizes });
    const [h, w] = this.patchEmbed.grid;
    this.absolutePosEmbed = config.absolutePositions ? parameter([1, h * w, width], truncatedNormal(0.02)) : undefined;
    const rates = dropPathRates(
      config.dropPath,
      depths.reduce((sum, depth) => sum + depth, 0),
    );
    let first = 0;
    this.layers = depths.map((depth, i) => {
      const stage = new Stage(config, i, rates.slice(first, first + depth));
      first += depth;
      return stage;
    });
    const features = stageWidth(config, depths.length - 1);
    this.norm = new LayerNorm(features, { eps });
    this.head = new Head(features, config);
  }

  get stages(): readonly FeatureMap[] {
    return this.layers.map((_, i) => ({ tap: `layers.${i}`, order: "channels last" }));
  }

  /**
   * Images [b, c, H, W], normalised as the weights want them → logits [b, labels]; features [b, d] where there is no head.
   * Taps: `patch_embed`, `tokens`, `layers.I` (stages, [b, h, w, d]), `layers.I.downsample`, `layers.I.blocks.J`, `layers.I.blocks.J.attn.probs`, `norm`, `pooled`.
   * @throws {VitrineError} SHAPE_MISMATCH for images of a size the model cannot take.
   */
  forward(images: Tensor, mode: Mode = evaluation): Tensor {
    let z = tap("patch_embed", this.patchEmbed.forward(images)); //          [b, h, w, d]
    if (this.absolutePosEmbed) z = z.add(this.absolutePosEmbed.reshape([1, ...this.patchEmbed.grid, -1]));
    tap("tokens", z);
    for (const stage of this.layers) z = stage.forward(z, mode); //          [b, h, w, d]
    z = tap("norm", this.norm.forward(z)); //                                [b, h, w, d]
    const pooled = tap("pooled", this.head.drop.forward(mean(z, { axes: [1, 2] }), mode)); // [b, d]
    return this.head.forward(pooled); //                                     [b, labels]
  }
}

/** Merged patches, then blocks whose windows shift in every second one: Figure 3. */
class Stage extends Module {
  readonly downsample: PatchMerging | undefined;
  readonly blocks: readonly Block[];

  constructor(config: SwinConfig, stage: number, dropPaths: readonly number[]) {
    super();
    this.downsample = stage > 0 ? new PatchMerging(stageWidth(config, stage - 1), config.mergeEps) : undefined;
    this.blocks = dropPaths.map((rate, j) => new Block(config, { stage, shifted: j % 2 === 1, dropPath: rate }));
  }

  /** [b, h, w, d] → [b, h', w', d']. */
  forward(x: Tensor, mode: Mode): Tensor {
    let z = this.downsample ? this.downsample.forward(x) : x;
    for (const block of this.blocks) z = block.forward(z, mode);
    return tap("", z);
  }
}

/** Four neighbouring tokens become one of twice the width: section 3.1. A map of odd size gets zeros at the right and below. */
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

/** [b, h, w, d] → [b, ⌈h/2⌉, ⌈w/2⌉, 4d], a column of two before the next. */
export function mergeNeighbours(x: Tensor): Tensor {
  const { b, d } = dims(x, "b _ _ d");
  const [h, w] = x.shape.slice(1, 3) as [number, number];
  const even =
    h % 2 === 0 && w % 2 === 0
      ? x
      : pad(
          x,
          [1, 2],
          [
            [0, h % 2],
            [0, w % 2],
          ],
        );
  const [down, across] = [Math.ceil(h / 2), Math.ceil(w / 2)];
  const apart = even.reshape([b, down, 2, across, 2, d]); //              [b, h/2, 2, w/2, 2, d]
  return apart.transpose([0, 1, 3, 4, 2, 5]).reshape([b, down, across, 4 * d]);
}

/** What one block has of its own. */
export interface BlockPlace {
  readonly stage: number;
  readonly shifted: boolean;
  readonly dropPath: number;
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
    const order = windows.regions ? "places" : "windows";
    const apart = (t: Tensor): Tensor => windowHeads(t, this.#heads, order);
    const z = toWindows(x, windows, order); //                                              [b, g, n, d] or [b, n, g, d]
    const [q, k, v] = split(this.qkv.forward(z), 3, -1).map(apart) as [Tensor, Tensor, Tensor]; // [b·g, a, n, k] or [b, g·a, n, k]
    const scale = (q.shape[3] as number) ** -0.5;
    const scores = q.mul(scale).matmul(k.transpose([0, 1, 3, 2])); //                       [b·g, a, n, n] or [b, g·a, n, n]
    const probs = tap("probs", softmax(scores.add(windowBias(this.relativePositionBiasTable, windows))));
    const mixed = this.attnDrop.forward(probs, mode).matmul(v);
    const y = this.proj.forward(joinWindowHeads(mixed, windows, order, b)); //              [b, g, n, d] or [b, n, g, d]
    return fromWindows(this.projDrop.forward(y, mode), windows, order); //                  [b, h, w, d]
  }
}

/** The map to the logits, under timm's name. */
export class Head extends Module {
  readonly drop: Dropout;
  readonly fc: Linear | undefined;

  constructor(features: number, { labels, headDropout }: SwinConfig) {
    super();
    this.drop = new Dropout(headDropout);
    this.fc = labels > 0 ? new Linear(features, labels, { init }) : undefined;
  }

  /** [b, d] → [b, labels]. */
  forward(pooled: Tensor): Tensor {
    return this.fc ? this.fc.forward(pooled) : pooled;
  }
}
