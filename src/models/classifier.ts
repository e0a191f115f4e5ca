/** What all image classifiers have in common, whatever paper they come from. */

import type { Mode, Module } from "../nn/module.ts";
import type { GridSize } from "../nn/positions.ts";
import type { Tensor } from "../tensor/index.ts";

/** What every configuration says. */
export interface ImageClassifierConfig {
  /** Images the model is made for, in pixels [high, wide]. */
  readonly imageSize: GridSize;
  readonly channels: number;
  /** Classes; 0: no head, the pooled features are the result. */
  readonly labels: number;
  /** Rate of dropping the last block's branches, in [0, 1). */
  readonly dropPath: number;
}

/** Images in, logits out. */
export interface ImageClassifier extends Module {
  readonly config: ImageClassifierConfig;
  /** How its blocks' tokens lie; undefined where they are no rows of one matrix [b, n, d]. */
  readonly tokens: TokenLayout | undefined;
  /** The maps of features that its stages end with, each coarser than the one before; none where tokens keep one order. */
  readonly stages: readonly FeatureMap[];
  /** Images [b, c, H, W], normalised as the weights want them → logits [b, labels]; features where there are no labels. */
  forward(images: Tensor, mode?: Mode): Tensor;
}

/** A tap that holds a map of features. */
export interface FeatureMap {
  readonly tap: string;
  /** [b, d, h, w], or [b, h, w, d]. */
  readonly order: "channels first" | "channels last";
}

/** The tokens between the blocks of a transformer whose tokens stay in one order. */
export interface TokenLayout {
  /** Patches [high, wide] of an image of the model's size; they come last, row by row. */
  readonly grid: GridSize;
  /** Names of the tokens before those of the patches. */
  readonly prefix: readonly string[];
  readonly readout: Readout;
}

/** How the tokens after the last block become logits. */
export type Readout =
  /** One token, or the mean of a few. */
  | { readonly kind: "tokens"; readonly tokens: readonly number[]; readonly name: string }
  /** The mean of all tokens from `first` on. */
  | { readonly kind: "mean"; readonly first: number; readonly name: string }
  /** A learned query that attends to the tokens from `first` on; its weights are a tap. */
  | { readonly kind: "attention"; readonly tap: string; readonly first: number; readonly name: string }
  /** None that a row of a token matrix could stand for. */
  | { readonly kind: "none"; readonly reason: string };
