/**
 * Colour, contrast, brightness and sharpness by a factor: Pillow's `ImageEnhance`, byte for byte. 0 gives an image without that quality, 1 the image itself; factors
 * above 1 reach beyond it. Images are grey or RGB.
 */

import { toGrey, toRgb } from "../convert.ts";
import type { Image } from "../image.ts";
import { mapBytes } from "./byte-tables.ts";

/** alpha · difference in float32, for the differences −255 … 255 of two bytes. */
function scaledDifferences(alpha: number): Float32Array {
  const factor = Math.fround(alpha);
  return Float32Array.from({ length: 511 }, (_, i) => factor * (i - 255));
}

/** One blended byte: float32 sum, cut off at 0 and 255, fraction dropped. */
function blendByte(from: number, scaled: number): number {
  const value = Math.fround(from + scaled);
  return value <= 0 ? 0 : value >= 255 ? 255 : Math.trunc(value);
}

/** `from + alpha · (to − from)` for two images of one size, as Pillow's `Image.blend` computes it: in float32, fraction dropped. */
export function blend(from: Image, to: Image, alpha: number): Image {
  if (alpha === 0) return from;
  if (alpha === 1) return to;
  const scaled = scaledDifferences(alpha);
  const out = new Uint8Array(to.data.length);
  for (let i = 0; i < out.length; i++) {
    const byte = from.data[i]!;
    out[i] = blendByte(byte, scaled[to.data[i]! - byte + 255]!);
  }
  return { ...to, data: out };
}

/** The blend of an image of one byte everywhere with `source`: a table. */
function blendFromByte(byte: number, source: Image, factor: number): Image {
  const scaled = scaledDifferences(factor);
  return mapBytes(
    source,
    Uint8Array.from({ length: 256 }, (_, i) =>
      factor === 0 ? byte : factor === 1 ? i : blendByte(byte, scaled[i - byte + 255]!),
    ),
  );
}

/** Grey in all three channels; an image of one channel as it is (torchvision's `rgb_to_grayscale` with as many channels as before). */
export function greyscale(source: Image): Image {
  return source.channels === 1 ? source : toRgb(toGrey(source));
}

/** Away from or towards grey (`ImageEnhance.Color`). */
export function colour(source: Image, factor: number): Image {
  if (source.channels === 1 || factor === 1) return source;
  const grey = toGrey(source).data;
  if (factor === 0) return toRgb({ ...source, channels: 1, data: grey });
  const scaled = scaledDifferences(factor);
  const { data } = source;
  const out = new Uint8Array(data.length);
  for (let pixel = 0, i = 0; pixel < grey.length; pixel++) {
    const luma = grey[pixel]!;
    const at = 255 - luma;
    out[i] = blendByte(luma, scaled[data[i++]! + at]!);
    out[i] = blendByte(luma, scaled[data[i++]! + at]!);
    out[i] = blendByte(luma, scaled[data[i++]! + at]!);
  }
  return { ...source, data: out };
}

/** Away from or towards the mean luma, rounded to a byte (`ImageEnhance.Contrast`). */
export function contrast(source: Image, factor: number): Image {
  const { data } = toGrey(source);
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i]!;
  return blendFromByte(Math.floor(sum / data.length + 0.5), source, factor);
}

/** Away from or towards black (`ImageEnhance.Brightness`). */
export function brightness(source: Image, factor: number): Image {
  return blendFromByte(0, source, factor);
}

/** Away from or towards the smoothed image (`ImageEnhance.Sharpness`). */
export function sharpness(source: Image, factor: number): Image {
  return blend(smooth(source), source, factor);
}

/**
 * Pillow's `ImageFilter.SMOOTH`: the centre five times and its eight neighbours, over 13; the border stays.
 *
 * Pillow adds in float32; sums S/13 + 1/2 of integers S are at least 1/26 from any integer, far more than its rounding errors, so integers give the same bytes.
 */
export function smooth(source: Image): Image {
  const { width, height, channels, data } = source;
  if (width < 3 || height < 3) return source;
  const rounded = Uint8Array.from({ length: 13 * 255 + 1 }, (_, sum) => Math.floor((2 * sum + 13) / 26));
  const out = data.slice();
  const stride = width * channels;
  for (let y = 1; y < height - 1; y++)
    for (let i = y * stride + channels, end = (y + 1) * stride - channels; i < end; i++) {
      const above = i - stride;
      const below = i + stride;
      out[i] =
        rounded[
          data[above - channels]! +
            data[above]! +
            data[above + channels]! +
            data[i - channels]! +
            5 * data[i]! +
            data[i + channels]! +
            data[below - channels]! +
            data[below]! +
            data[below + channels]!
        ]!;
    }
  return { ...source, data: out };
}
