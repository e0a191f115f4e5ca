/**
 * An image → the model's input, as timm's and Hugging Face's evaluation transforms do it.
 *
 * What to do is data (`Preprocessing`); `preprocess-config.ts` reads and writes it in their two file formats.
 */

import { VitrineError } from "../errors.ts";
import type { NdArray } from "../graph/dtype.ts";
import { toGrey, toRgb } from "./convert.ts";
import { crop, type Image, type Region } from "./image.ts";
import { type Filter, resize } from "./resize.ts";

/** The size that an image is resized to, before it is cropped. */
export type ResizeRule =
  /** These sizes, whatever the shape of the image. */
  | { readonly to: "exact"; readonly height: number; readonly width: number }
  /** The shorter edge becomes `size`, the longer floor(size × long / short), but at most `longest` (torchvision's `Resize(size, max_size)`). */
  | { readonly to: "shortest-edge"; readonly size: number; readonly longest?: number | undefined }
  /** Same shape, just large enough to cover these sizes (timm's `ResizeKeepRatio`). */
  | { readonly to: "cover"; readonly height: number; readonly width: number }
  /** Same shape, as large as fits into these sizes (timm's `ResizeKeepRatio(longest=1)`). */
  | { readonly to: "contain"; readonly height: number; readonly width: number };

/** A cut from the middle. Where the image is smaller, the rest is `fill`. */
export interface CropRule {
  readonly height: number;
  readonly width: number;
  /** A byte for each channel. */
  readonly fill: readonly number[];
  /** Where half a pixel is left over: to the even one of the two (torchvision, timm), or to the left and upper one (Hugging Face). */
  readonly rounding: "half-even" | "floor";
}

/** What is done with an image before a model sees it: resize, crop, scale, normalise. */
export interface Preprocessing {
  /** The model's input: channels (1 grey, 3 RGB), height, width. */
  readonly inputSize: readonly [channels: 1 | 3, height: number, width: number];
  readonly resize: ResizeRule | null;
  readonly filter: Filter;
  readonly crop: CropRule | null;
  /** Factor on bytes, 1/255 as a rule. */
  readonly scale: number;
  /** Subtracted from, and divided into, the scaled values; one for each channel. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Python's `round`: to nearest, ties to the even one. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  return x - floor === 0.5 ? floor + (floor % 2 === 0 ? 0 : 1) : Math.round(x);
}

/** The size that an image of this size is resized to. */
export function resizedSize(
  rule: ResizeRule,
  height: number,
  width: number,
): { readonly height: number; readonly width: number } {
  if (rule.to === "exact") return rule;
  if (rule.to === "shortest-edge") {
    const long = Math.max(height, width);
    let size = rule.size;
    let other = Math.trunc((size * long) / Math.min(height, width));
    if (rule.longest !== undefined && other > rule.longest) {
      size = Math.trunc((rule.longest * size) / other);
      other = rule.longest;
    }
    return width <= height ? { height: other, width: size } : { height: size, width: other };
  }
  const ratios = [height / rule.height, width / rule.width];
  const ratio = rule.to === "cover" ? Math.min(...ratios) : Math.max(...ratios);
  return { height: Math.max(1, roundHalfEven(height / ratio)), width: Math.max(1, roundHalfEven(width / ratio)) };
}

function cropStart(size: number, cropped: number, rounding: CropRule["rounding"]): number {
  const middle = (size - cropped) / 2;
  if (rounding === "floor") return Math.floor(middle);
  return middle >= 0 ? roundHalfEven(middle) : Math.ceil(middle);
}

/** The resized and cropped bytes, [height, width, channels] of the configuration: all that is done before the numbers leave 0 … 255. */
export function fitImage(source: Image, config: Preprocessing): Image {
  const picture = config.inputSize[0] === 1 ? toGrey(source) : toRgb(source);
  const { height, width } = config.resize ? resizedSize(config.resize, picture.height, picture.width) : picture;
  const { filter } = config;
  if (!config.crop) return resize(picture, { width, height, filter });
  const { crop: rule } = config;
  const top = cropStart(height, rule.height, rule.rounding);
  const left = cropStart(width, rule.width, rule.rounding);
  const window = { left, top, width: rule.width, height: rule.height };
  if (top >= 0 && left >= 0) return resize(picture, { width, height, filter, window });
  return crop(resize(picture, { width, height, filter }), window, rule.fill);
}

/**
 * The part of an image that a model sees, in the image's own pixels, fractions included; it reaches over the edge where a crop is filled up.
 */
export function visibleRegion(source: Pick<Image, "width" | "height">, config: Preprocessing): Region {
  const resized = config.resize ? resizedSize(config.resize, source.height, source.width) : source;
  const [down, across] = [source.height / resized.height, source.width / resized.width];
  const { crop: rule } = config;
  if (!rule) return { left: 0, top: 0, width: source.width, height: source.height };
  return {
    left: cropStart(resized.width, rule.width, rule.rounding) * across,
    top: cropStart(resized.height, rule.height, rule.rounding) * down,
    width: rule.width * across,
    height: rule.height * down,
  };
}

/**
 * The model's input for one image.
 * @returns float32 [channels, height, width]: (byte × scale − mean) / std, each step rounded to float32 as torch does.
 * @throws {VitrineError} SHAPE_MISMATCH when the configuration leaves another size than its `inputSize`.
 */
export function preprocess(source: Image, config: Preprocessing): NdArray & { readonly data: Float32Array } {
  const data = new Float32Array(config.inputSize[0] * config.inputSize[1] * config.inputSize[2]);
  normalize(fitImage(source, config), config, data);
  return { dtype: "float32", shape: config.inputSize, data };
}

/**
 * Writes an image of the input's size as normalised planes: [height, width, channels] bytes → [channels, height, width] in `out`.
 * @throws {VitrineError} SHAPE_MISMATCH when the image has not the sizes of `config.inputSize`.
 */
export function normalize(fitted: Image, config: Preprocessing, out: Float32Array): void {
  const [channels, height, width] = config.inputSize;
  if (fitted.channels !== channels || fitted.height !== height || fitted.width !== width)
    throw new VitrineError("SHAPE_MISMATCH", {
      rule: `preprocess: the model takes [${channels}, ${height}, ${width}]`,
      evidence: `resize and crop gave [${fitted.channels}, ${fitted.height}, ${fitted.width}]`,
    });
  const pixels = height * width;
  for (let c = 0; c < channels; c++) {
    const table = valueTable(config.scale, config.mean[c]!, config.std[c]!);
    const plane = out.subarray(c * pixels, (c + 1) * pixels);
    for (let i = 0, from = c; i < pixels; i++, from += channels) plane[i] = table[fitted.data[from]!]!;
  }
}

/** The normalised value of each byte. */
function valueTable(scale: number, mean: number, std: number): Float32Array {
  const table = new Float32Array(256);
  const [mean32, std32] = [Math.fround(mean), Math.fround(std)];
  for (let byte = 0; byte < 256; byte++)
    table[byte] = Math.fround(Math.fround(Math.fround(byte * scale) - mean32) / std32);
  return table;
}

/** The bytes whose normalised values are given, for showing what a model saw; [channels, height, width] → [height, width, channels]. */
export function denormalize(input: Float32Array, config: Preprocessing): Image {
  const [channels, height, width] = config.inputSize;
  const pixels = height * width;
  const data = new Uint8Array(pixels * channels);
  for (let c = 0; c < channels; c++)
    for (let i = 0; i < pixels; i++) {
      const byte = (input[c * pixels + i]! * config.std[c]! + config.mean[c]!) / config.scale;
      data[i * channels + c] = Math.max(0, Math.min(255, Math.round(byte)));
    }
  return { width, height, channels, data };
}
