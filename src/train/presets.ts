/** Models that fit a data set's images, and how each is trained: what is used where nothing else is asked for. */

import type { Preprocessing } from "../data/preprocess.ts";
import { preprocessingFromTimm } from "../data/preprocess-config.ts";
import type { FamilyMember } from "../models/families.ts";
import type { Family } from "../models/family.ts";
import type { ViTOptions } from "../models/vit/config.ts";
import { fromScratch, type Recipe } from "./recipe.ts";

/** A model and its recipe. */
export interface NamedPreset {
  /** timm's name of the architecture that the model is a variant of. */
  readonly architecture: string;
  readonly options: object;
  readonly preprocessing: Preprocessing;
  readonly recipe: Recipe;
}

/** A Vision Transformer and its recipe. */
export interface Preset extends NamedPreset {
  readonly options: Omit<ViTOptions, "labels">;
}

interface Small {
  readonly side: number;
  readonly channels?: 1 | 3;
  /** In pixels; after a stem, in cells of its result. */
  readonly patch: number;
  /** With a ResNet's first convolution and pooling before the patches, a quarter of the image's side (Xiao et al., arXiv:2106.14881, say why). */
  readonly stem?: boolean;
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly recipe: Partial<Recipe>;
}

function preset({ side, channels = 3, patch, stem = false, width, depth, heads, mean, std, recipe }: Small): Preset {
  const input = { input_size: [channels, side, side], interpolation: "bilinear", crop_pct: 1, crop_mode: "center" };
  return {
    architecture: stem ? "vit_tiny_r_s16_p8_224" : "vit_tiny_patch16_224",
    options: { imageSize: side, patchSize: patch, channels, width, depth, heads, mlpWidth: 2 * width },
    preprocessing: preprocessingFromTimm({ ...input, mean, std }, "preset"),
    recipe: { ...fromScratch, ...recipe },
  };
}

/** From the same epochs more than AdamW makes (`bench/README.md`). */
const muon: Partial<Recipe> = { optimizer: "muon", learningRate: 3e-3, batchSize: 128, warmupEpochs: 0.5 };

/** Presets of the data sets that have names; mean and std are of their training pixels. */
export const presets: Readonly<Record<string, Preset>> = {
  shapes: preset({
    ...{ side: 32, patch: 8, width: 96, depth: 4, heads: 3 },
    ...{ mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
    recipe: { ...muon, epochs: 4, batchSize: 64, labelSmoothing: 0.05, pad: 2, flip: 0.5 },
  }),
  mnist: preset({
    ...{ side: 28, channels: 1, patch: 1, stem: true, width: 96, depth: 4, heads: 3, mean: [0.1307], std: [0.3081] },
    recipe: { ...muon, epochs: 10, crop: "none", flip: 0, handwriting: 0.8 },
  }),
  "fashion-mnist": preset({
    ...{ side: 28, channels: 1, patch: 1, stem: true, width: 96, depth: 4, heads: 3, mean: [0.286], std: [0.353] },
    // Garments lie in the middle: no shifts.
    recipe: { ...muon, epochs: 6, crop: "none", flip: 0.5 },
  }),
  cifar10: preset({
    ...{ side: 32, patch: 4, width: 192, depth: 9, heads: 6 },
    ...{ mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] },
    recipe: {
      epochs: 30,
      batchSize: 128,
      learningRate: 1e-3,
      warmupEpochs: 3,
      pad: 4,
      flip: 0.5,
      mixup: 0.2,
      cutmix: 1,
    },
  }),
};

/** By what a model's blocks are made of; what else a recipe says is the data's matter. Where it is from: `bench/README.md`. */
const strengths: Readonly<Record<Family["blocks"], Partial<Recipe>>> = {
  attention: muon,
  // He et al., arXiv:1512.03385, section 4.2, with the look ahead and the cosine that came later.
  convolution: {
    ...{ optimizer: "sgd", momentum: 0.9, learningRate: 0.05, batchSize: 128, warmupEpochs: 0.5 },
    ...{ minLearningRate: 0, weightDecay: 5e-4, clipNorm: null },
  },
};

/**
 * A named model for images far smaller than those that it was published for.
 * @param near what fits the images where no model is named
 * @returns undefined for a model that has no form for small images
 */
export function presetForNamed(
  { family, model: { name, options } }: FamilyMember,
  near: Preset,
): NamedPreset | undefined {
  const [channels, side] = near.preprocessing.inputSize;
  const smaller: { readonly imageSize?: number } = family.smallImages(family.config(options), side);
  if (smaller.imageSize === undefined) return undefined;
  const { imageSize } = smaller;
  return {
    architecture: name,
    options: { ...smaller, channels },
    preprocessing: wholeImages(near.preprocessing, { imageSize }),
    // Shifts are in the model's pixels.
    recipe: {
      ...near.recipe,
      ...strengths[family.blocks],
      pad: Math.round((near.recipe.pad * imageSize) / side),
    },
  };
}

/** What a model reads may be of another size than the images of the data. */
export interface InputShape {
  readonly imageSize?: number | readonly [height: number, width: number] | undefined;
  readonly channels?: number | undefined;
}

/**
 * Images brought whole to another size: what training shifts and mirrors without cutting must be seen whole afterwards, too.
 * @param near whose mean and standard deviation are kept; for another number of channels, their averages
 */
export function wholeImages(
  near: Preprocessing,
  { imageSize, channels = near.inputSize[0] }: InputShape,
): Preprocessing {
  const [height, width] = imageSize === undefined ? near.inputSize.slice(1) : [imageSize].flat();
  const spread = (values: readonly number[]): readonly number[] =>
    values.length === channels
      ? values
      : Array.from({ length: channels }, () => values.reduce((sum, one) => sum + one, 0) / values.length);
  const input = { input_size: [channels, height, width ?? height], mean: spread(near.mean), std: spread(near.std) };
  return preprocessingFromTimm({ ...input, interpolation: "bilinear", crop_pct: 1, crop_mode: "center" }, "preset");
}

/** Sides that pictures of unknown size are brought to. */
const sides: readonly number[] = [32, 48, 64, 96, 128];

/**
 * The preset for pictures of any size.
 * @param shorterSide of a typical picture, in pixels; the model's side is the largest of 32, 48, 64, 96, 128 that is no larger
 */
export function presetForPictures(shorterSide: number): Preset {
  const side = sides.findLast((one) => one <= shorterSide) ?? sides[0]!;
  return preset({
    ...{ side, patch: side / 8, width: 192, depth: 6, heads: 3 },
    ...{ mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
    recipe: { epochs: 30, batchSize: 32, learningRate: 1e-3, warmupEpochs: 3, crop: "resized", cropScale: [0.3, 1] },
  });
}
