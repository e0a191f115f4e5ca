/**
 * Random changes of training images, in the order and by the rules of timm's `create_transform`: crop, flip, automatic augmentation or jitter, greyscale, blur,
 * normalise, erase. All randomness comes from the stream that is passed: the same stream, the same image.
 */

import type { RandomStream } from "../graph/random.ts";
import type { AffineFilter } from "./augment/affine.ts";
import { applyDrawing, drawAutoAugment } from "./augment/auto-augment.ts";
import { gaussianBlur } from "./augment/blur.ts";
import { applyChanges } from "./augment/change.ts";
import { greyscale } from "./augment/enhance.ts";
import { drawErasing, type EraseRules, eraseRegion } from "./augment/erase.ts";
import { drawHandwriting, rewrite } from "./augment/handwriting.ts";
import { drawJitter, type JitterRules } from "./augment/jitter.ts";
import { type AutoPolicy, parseAutoAugment } from "./augment/parse-policy.ts";
import { toGrey, toRgb } from "./convert.ts";
import { crop, flipHorizontal, type Image, type Region } from "./image.ts";
import { fitImage, normalize, type Preprocessing, resizedSize, roundHalfEven } from "./preprocess.ts";
import { type Filter, resize } from "./resize.ts";

/** What is done with a training image before it is normalised. Every part is optional; together they replace resize and crop of the evaluation transform. */
export interface Augmentation {
  /** Images whose shorter side has more pixels are made smaller to it first, by the bilinear filter. */
  readonly presize?: number | undefined;
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
    /** The image, by the evaluation transform unless it has the input's size already, moved by up to `padding` pixels; what comes in is black. */
    | { readonly kind: "padded"; readonly padding: number }
    /** The evaluation transform. */
    | { readonly kind: "fit" };
  /** Probability of the mirror image. */
  readonly flip: number;
  /**
   * Probability that light strokes on black are written as another hand would (`drawHandwriting`): turned, slanted, smaller, off the middle, thicker, inverted.
   * For grey images.
   */
  readonly handwriting?: number | undefined;
  /** Automatic augmentation in timm's notation: `rand-m9-mstd0.5-inc1`, `augmix-m3-w3`, `3a`, …; see `parseAutoAugment`. */
  readonly auto?: string | undefined;
  /**
   * Colour jitter: strengths of brightness, contrast and saturation (one number for all three), and perhaps of hue. As in timm, left out where `auto` is given and does
   * not contain `3a`.
   */
  readonly jitter?: number | JitterRules | undefined;
  /** Probability that colours become grey. */
  readonly greyscale?: number | undefined;
  /** Probability of a Gaussian blur of 23 taps, its standard deviation uniform in 0.1 … 2 pixels. */
  readonly blur?: number | undefined;
  /** Random erasing of the normalised input; a number is the probability of one rectangle of noise. */
  readonly erase?: number | EraseRules | undefined;
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

/** What random changes begin with: the image in the model's channels, made smaller where the rules say so. */
export function presized(source: Image, { inputSize }: Preprocessing, { presize: size }: Augmentation): Image {
  const picture = inputSize[0] === 1 ? toGrey(source) : toRgb(source);
  if (size === undefined || Math.min(picture.width, picture.height) <= size) return picture;
  return resize(picture, {
    ...resizedSize({ to: "shortest-edge", size }, picture.height, picture.width),
    filter: "bilinear",
  });
}

/**
 * The augmented bytes, of the size of the model's input.
 * @throws {VitrineError} INVALID_ARGUMENT when `auto` is not a policy.
 */
export function augmentImage(source: Image, config: Preprocessing, rules: Augmentation, random: RandomStream): Image {
  const [, height, width] = config.inputSize;
  let picture = presized(source, config, rules);
  if (rules.crop.kind === "resized") {
    const { scale, ratio, filters } = rules.crop;
    const region = randomRegion(picture.width, picture.height, scale, ratio, random);
    const filter = filters.length === 1 ? filters[0]! : filters[random.integer(filters.length)]!;
    picture = resize(picture, { width, height, filter, region });
  } else if (rules.crop.kind === "fit") picture = fitImage(picture, config);
  else {
    const { padding } = rules.crop;
    if (picture.width !== width || picture.height !== height) picture = fitImage(picture, config);
    const left = random.integer(2 * padding + 1) - padding;
    picture = crop(picture, { left, top: random.integer(2 * padding + 1) - padding, width, height });
  }
  if (rules.flip > 0 && random.uniform() < rules.flip) picture = flipHorizontal(picture);
  if (rules.handwriting && random.uniform() < rules.handwriting) picture = rewrite(picture, drawHandwriting(random));
  const { auto, jitter } = rules;
  const fill = meanBytes(config);
  if (auto !== undefined) {
    const around = {
      width,
      height,
      filters: affineFilters(rules),
      translate: auto.startsWith("augmix") ? 0.3 : 0.45,
    };
    const drawing = drawAutoAugment(policyOf(rules, auto), random, around);
    picture = applyDrawing(picture, drawing, auto.startsWith("ta_") ? [] : fill);
  }
  if (jitter && (auto === undefined || auto.includes("3a")))
    picture = applyChanges(picture, drawJitter(jitter, random), fill);
  if (rules.greyscale && random.uniform() < rules.greyscale) picture = greyscale(picture);
  if (rules.blur && random.uniform() < rules.blur) picture = gaussianBlur(picture, 23, between(random, 0.1, 2));
  return picture;
}

/** Policies by the rules that name them, so that each is parsed once. */
const policies = new WeakMap<Augmentation, AutoPolicy>();

function policyOf(rules: Augmentation, text: string): AutoPolicy {
  const known = policies.get(rules);
  if (known) return known;
  const policy = parseAutoAugment(text);
  policies.set(rules, policy);
  return policy;
}

/** The colour that comes in from outside: the mean colour of the model's training images, as in timm. */
function meanBytes(config: Preprocessing): readonly number[] {
  return config.mean.map((mean) => Math.min(255, roundHalfEven(mean / config.scale)));
}

/** The filters of the crop that an affine map has too; both smooth ones where the crop has none. */
function affineFilters({ crop: rule }: Augmentation): readonly AffineFilter[] {
  const known: readonly AffineFilter[] = ["bilinear", "bicubic"];
  const filters = rule.kind === "resized" ? rule.filters : known;
  const found = filters.filter((filter): filter is AffineFilter => ["nearest", ...known].includes(filter));
  return found.length > 0 ? found : ["bicubic"];
}

/**
 * The model's input for one training image, written to `out` as [channels, height, width].
 * @throws {VitrineError} INVALID_ARGUMENT when `auto` is not a policy.
 */
export function augment(
  source: Image,
  config: Preprocessing,
  rules: Augmentation,
  random: RandomStream,
  out: Float32Array,
): void {
  normalize(augmentImage(source, config, rules, random), config, out);
  if (!rules.erase) return;
  const erase = typeof rules.erase === "number" ? { probability: rules.erase } : rules.erase;
  const [, height, width] = config.inputSize;
  for (const region of drawErasing(width, height, erase, random))
    eraseRegion(out, config.inputSize, region, erase.mode ?? "pixel", random);
}
