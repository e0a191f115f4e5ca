/**
 * Random changes of training images, by timm's rules. All randomness comes from the stream that is passed: the same stream, the same image.
 */

import type { RandomStream } from "../graph/random.ts";
import { toGrey, toRgb } from "./convert.ts";
import { crop, flipHorizontal, type Image, type Region } from "./image.ts";
import { normalize, type Preprocessing, roundHalfEven } from "./preprocess.ts";
import { type Filter, resize } from "./resize.ts";

/** What is done with a training image before it is normalised. Every part is optional; together they replace resize and crop of the evaluation transform. */
export interface Augmentation {
  /** How a piece of the image becomes the model's input. */
  readonly crop:
    | {
        /** A random piece, resized to the input (Szegedy et al. 2015): share of the area and aspect ratio (width / height) drawn from these ranges. */
        readonly kind: "resized";
        readonly scale: readonly [low: number, high: number];
        readonly ratio: readonly [low: number, high: number];
        /** Filters to draw from. */
        readonly filters: readonly Filter[];
      }
    /** The image at its own size, which must be the input's, moved by up to `padding` pixels; what comes in is black. */
    | { readonly kind: "padded"; readonly padding: number };
  /** Probability of the mirror image. */
  readonly flip: number;
  /** Brightness, contrast and saturation change by factors from 1 − jitter to 1 + jitter, in random order. */
  readonly jitter?: number | undefined;
  /** Probability that a rectangle of the normalised input becomes noise (Zhong et al. 2017, timm's mode `pixel`). */
  readonly erase?: number | undefined;
}

/** timm's defaults for training from scratch on photographs. */
export const photoAugmentation: Augmentation = {
  crop: { kind: "resized", scale: [0.08, 1], ratio: [3 / 4, 4 / 3], filters: ["bilinear", "bicubic"] },
  flip: 0.5,
};

/** The usual for images of about 32 pixels: shifts of up to 4 pixels and flips. */
export const smallAugmentation: Augmentation = { crop: { kind: "padded", padding: 4 }, flip: 0.5 };

function between(random: RandomStream, low: number, high: number): number {
  return low + (high - low) * random.uniform();
}

/**
 * The piece of a random resized crop, by torchvision's and timm's `RandomResizedCrop.get_params`: ten attempts at a random area and shape, then the largest
 * middle piece whose shape is allowed.
 */
export function randomRegion(
  width: number,
  height: number,
  scale: readonly [low: number, high: number],
  ratio: readonly [low: number, high: number],
  random: RandomStream,
): Region {
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = between(random, scale[0], scale[1]) * width * height;
    const aspect = Math.exp(between(random, Math.log(ratio[0]), Math.log(ratio[1])));
    const w = roundHalfEven(Math.sqrt(area * aspect));
    const h = roundHalfEven(Math.sqrt(area / aspect));
    if (w > 0 && h > 0 && w <= width && h <= height) {
      const top = random.integer(height - h + 1);
      return { left: random.integer(width - w + 1), top, width: w, height: h };
    }
  }
  const aspect = width / height;
  const w = aspect > ratio[1] ? Math.max(1, roundHalfEven(height * ratio[1])) : width;
  const h = aspect < ratio[0] ? Math.max(1, roundHalfEven(width / ratio[0])) : height;
  return { left: Math.floor((width - w) / 2), top: Math.floor((height - h) / 2), width: w, height: h };
}

/** The augmented bytes, of the size of the model's input. */
export function augmentImage(source: Image, config: Preprocessing, rules: Augmentation, random: RandomStream): Image {
  const [channels, height, width] = config.inputSize;
  let picture = channels === 1 ? toGrey(source) : toRgb(source);
  if (rules.crop.kind === "resized") {
    const { scale, ratio, filters } = rules.crop;
    const region = randomRegion(picture.width, picture.height, scale, ratio, random);
    const filter = filters.length === 1 ? filters[0]! : filters[random.integer(filters.length)]!;
    picture = resize(picture, { width, height, filter, region });
  } else {
    const { padding } = rules.crop;
    const left = random.integer(2 * padding + 1) - padding;
    picture = crop(picture, { left, top: random.integer(2 * padding + 1) - padding, width, height });
  }
  if (rules.flip > 0 && random.uniform() < rules.flip) picture = flipHorizontal(picture);
  if (rules.jitter) picture = jitterColour(picture, rules.jitter, random);
  return picture;
}

/** The model's input for one training image, written to `out` as [channels, height, width]. */
export function augment(
  source: Image,
  config: Preprocessing,
  rules: Augmentation,
  random: RandomStream,
  out: Float32Array,
): void {
  normalize(augmentImage(source, config, rules, random), config, out);
  if (rules.erase && random.uniform() < rules.erase) eraseRectangle(out, config.inputSize, random);
}

/**
 * Brightness, contrast and saturation changed by random factors in random order: each blends with black, with the mean luma, or with the pixel's own luma, as
 * Pillow's `ImageEnhance` does. In place of bytes between the steps as there, the result is rounded once.
 */
export function jitterColour(source: Image, strength: number, random: RandomStream): Image {
  const { channels } = source;
  const values = Float32Array.from(source.data);
  const order = [0, 1, 2];
  for (let i = 2; i > 0; i--) {
    const j = random.integer(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  const luma = (at: number): number =>
    channels === 1 ? values[at]! : 0.299 * values[at]! + 0.587 * values[at + 1]! + 0.114 * values[at + 2]!;
  for (const step of order) {
    const factor = between(random, Math.max(0, 1 - strength), 1 + strength);
    let mean = 0;
    if (step === 1) {
      for (let at = 0; at < values.length; at += channels) mean += luma(at);
      mean /= values.length / channels;
    }
    for (let at = 0; at < values.length; at += channels) {
      const towards = step === 2 ? luma(at) : mean;
      for (let c = 0; c < Math.min(channels, 3); c++)
        values[at + c] = Math.max(0, Math.min(255, towards + (values[at + c]! - towards) * factor));
    }
  }
  return { ...source, data: Uint8Array.from(values, Math.round) };
}

/**
 * Fills a random rectangle of a normalised input [channels, height, width] by standard normal noise: 2 to 33 % of the area, aspect ratio 0.3 to 3.3, ten attempts
 * to make it fit (timm's `RandomErasing`).
 */
export function eraseRectangle(
  input: Float32Array,
  [channels, height, width]: readonly [number, number, number],
  random: RandomStream,
): void {
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = between(random, 0.02, 1 / 3) * height * width;
    const aspect = Math.exp(between(random, Math.log(0.3), Math.log(1 / 0.3)));
    const h = roundHalfEven(Math.sqrt(area * aspect));
    const w = roundHalfEven(Math.sqrt(area / aspect));
    if (w >= width || h >= height) continue;
    const top = random.integer(height - h + 1);
    const left = random.integer(width - w + 1);
    for (let c = 0; c < channels; c++)
      for (let y = top; y < top + h; y++) {
        const row = (c * height + y) * width;
        for (let x = left; x < left + w; x++) input[row + x] = random.normal();
      }
    return;
  }
}
