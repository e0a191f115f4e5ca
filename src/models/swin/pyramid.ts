/**
 * The pyramid that a Swin Transformer of either version is: patches, stages of blocks with half the map and twice the width of the stage before, their
 * mean, a head. A version says what a block is, and how patches are merged.
 *
 * Liu et al., arXiv:2103.14030, section 3.1, Figure 3 (a); version 2, arXiv:2111.09883, keeps it.
 *
 * Patches are merged where stages 2 to 4 begin, as in the figure and in timm's names; in microsoft's names where stages 1 to 3 end.
 *
 * Axes: b batch · c channels · H W pixels high, wide · h w map of tokens · d width
 */

import { Dropout, dropPathRates } from "../../nn/drop.ts";
import { truncatedNormal, zeros } from "../../nn/init.ts";
import { Linear, type LinearInit } from "../../nn/linear.ts";
import { evaluation, type Mode, Module, type Parameter, parameter } from "../../nn/module.ts";
import { LayerNorm } from "../../nn/norm.ts";
import { PatchEmbed } from "../../nn/patches.ts";
import { dims, mean, pad, type Tensor, tap } from "../../tensor/index.ts";
import type { FeatureMap, ImageClassifier } from "../classifier.ts";
import { type SwinConfig, stageWidth } from "./config.ts";

/** How linear maps begin. */
export const init: LinearInit = { weight: truncatedNormal(0.02), bias: zeros };

/** What one block has of its own. */
export interface BlockPlace {
  readonly stage: number;
  /** Whether its windows are shifted: those of every second block are. */
  readonly shifted: boolean;
  readonly dropPath: number;
}

/** A part that takes a map of tokens [b, h, w, d] to another. */
interface MapLayer extends Module {
  forward(x: Tensor, mode: Mode): Tensor;
}

/** What a version makes its stages of. */
export interface StageParts {
  /** [b, h, w, d] → [b, h, w, d]. */
  readonly block: (config: SwinConfig, place: BlockPlace) => MapLayer;
  /** [b, h, w, d] → [b, ⌈h/2⌉, ⌈w/2⌉, 2d]. */
  readonly merging: (width: number, eps: number) => MapLayer;
}

/** Image in, logits out. */
export abstract class SwinPyramid extends Module implements ImageClassifier {
  readonly config: SwinConfig;
  /** Its tokens change places and numbers from stage to stage. */
  readonly tokens: undefined;
  readonly patchEmbed: PatchEmbed;
  readonly absolutePosEmbed: Parameter | undefined;
  readonly layers: readonly Stage[];
  readonly norm: LayerNorm;
  readonly head: Head;

  constructor(config: SwinConfig, parts: StageParts) {
    super();
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
      const stage = new Stage(config, parts, i, rates.slice(first, first + depth));
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

/** Merged patches, then blocks whose windows shift in every second one. */
class Stage extends Module {
  readonly downsample: MapLayer | undefined;
  readonly blocks: readonly MapLayer[];

  constructor(config: SwinConfig, parts: StageParts, stage: number, dropPaths: readonly number[]) {
    super();
    this.downsample = stage > 0 ? parts.merging(stageWidth(config, stage - 1), config.mergeEps) : undefined;
    this.blocks = dropPaths.map((dropPath, j) => parts.block(config, { stage, shifted: j % 2 === 1, dropPath }));
  }

  /** [b, h, w, d] → [b, h', w', d']. */
  forward(x: Tensor, mode: Mode): Tensor {
    let z = this.downsample ? this.downsample.forward(x, mode) : x;
    for (const block of this.blocks) z = block.forward(z, mode);
    return tap("", z);
  }
}

/** What is merged, side by side: [b, h, w, d] → [b, ⌈h/2⌉, ⌈w/2⌉, 4d], a column of two before the next. A map of odd size gets zeros at the right and below. */
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

/** The map to the logits, under timm's name. */
class Head extends Module {
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
