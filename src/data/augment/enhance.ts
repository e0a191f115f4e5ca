/**
 * Colour, contrast, brightness and sharpness by a factor: Pillow's `ImageEnhance`, byte for byte. 0 gives an image without that quality, 1 the image itself; factors
 * above 1 reach beyond it. Images are grey or RGB.
 */

import { luma, toGrey, toRgb } from "../convert.ts";
import type { Image } from "../image.ts";
import { mapBytes } from "./byte-tables.ts";

/** alpha · difference in float32, for the differences −255 … 255 of two bytes. */
function scaledDifferences(alpha: number): Float32Array {
  const factor = Math.fround(alpha);
  return Float32Array.from({ length: 511 }, (_, i) => factor * (i - 255));
}

/** One blended value: float32 sum, fraction dropped; a `Uint8ClampedArray` cuts it off at 0 and 255. */
function blended(from: number, scaled: number): number {
  return Math.fround(from + scaled) | 0;
}

/** `from + alpha · (to − from)` for two images of one size, as Pillow's `Image.blend` computes it: in float32, fraction dropped. */
export function blend(from: Image, to: Image, alpha: number): Image {
  if (alpha === 0) return from;
  if (alpha === 1) return to;
  const scaled = scaledDifferences(alpha);
  const out = new Uint8ClampedArray(to.data.length);
  const [a, b] = [from.data, to.data];
  for (let i = 0; i < out.length; i++) {
    const byte = a[i]!;
    out[i] = blended(byte, scaled[b[i]! - byte + 255]!);
  }
  return { ...to, data: new Uint8Array(out.buffer) };
}

/** The blend of an image of one byte everywhere with `source`: a table. */
function blendFromByte(byte: number, source: Image, factor: number): Image {
  const scaled = scaledDifferences(factor);
  const table = Uint8ClampedArray.from({ length: 256 }, (_, i) =>
    factor === 0 ? byte : factor === 1 ? i : blended(byte, scaled[i - byte + 255]!),
  );
  return mapBytes(source, new Uint8Array(table.buffer));
}

/** Grey in all three channels; an image of one channel as it is (torchvision's `rgb_to_grayscale` with as many channels as before). */
export function greyscale(source: Image): Image {
  return source.channels === 1 ? source : toRgb(toGrey(source));
}

/** Away from or towards grey (`ImageEnhance.Color`). */
export function colour(source: Image, factor: number): Image {
  if (source.channels === 1 || factor === 1) return source;
  if (factor === 0) return greyscale(source);
  const scaled = scaledDifferences(factor);
  const { data } = source;
  const out = new Uint8ClampedArray(data.length);
  for (let i = 0; i < data.length; i += 3) {
    const red = data[i]!;
    const green = data[i + 1]!;
    const blue = data[i + 2]!;
    const grey = luma(red, green, blue);
    const zero = 255 - grey;
    out[i] = blended(grey, scaled[red + zero]!);
    out[i + 1] = blended(grey, scaled[green + zero]!);
    out[i + 2] = blended(grey, scaled[blue + zero]!);
  }
  return { ...source, data: new Uint8Array(out.buffer) };
}

/** Away from or towards the mean luma, rounded to a byte (`ImageEnhance.Contrast`). */
export function contrast(source: Image, factor: number): Image {
  const { channels, data } = source;
  let sum = 0;
  if (channels === 1) for (let i = 0; i < data.length; i++) sum += data[i]!;
  else for (let i = 0; i < data.length; i += channels) sum += luma(data[i]!, data[i + 1]!, data[i + 2]!);
  return blendFromByte(Math.floor((sum * channels) / data.length + 0.5), source, factor);
}

/** Away from or towards black (`ImageEnhance.Brightness`). */
export function brightness(source: Image, factor: number): Image {
  return blendFromByte(0, source, factor);
}

/** Away from or towards the smoothed image (`ImageEnhance.Sharpness`). */
export function sharpness(source: Image, factor: number): Image {
  return blend(smooth(source), source, factor);
}

/** sum / 13, rounded, for the sums of 13 bytes. */
const thirteenth = Uint8Array.from({ length: 13 * 255 + 1 }, (_, sum) => Math.floor((2 * sum + 13) / 26));

/**
 * Pillow's `ImageFilter.SMOOTH`: the centre five times and its eight neighbours, over 13; the border stays.
 *
 * Pillow adds in float32; sums S/13 + 1/2 of integers S are at least 1/26 from any integer, far more than its rounding errors, so integers give the same bytes.
 */
export function smooth(source: Image): Image {
  const { width, height, channels, data } = source;
  if (width < 3 || height < 3) return source;
  const out = data.slice();
  const stride = width * channels;
  const columns = new Uint16Array(stride);
  for (let y = 1; y < height - 1; y++) {
    const row = y * stride;
    for (let i = 0, at = row; i < stride; i++, at++) columns[i] = data[at - stride]! + data[at]! + data[at + stride]!;
    for (let i = channels; i < stride - channels; i++)
      out[row + i] = thirteenth[columns[i - channels]! + columns[i]! + columns[i + channels]! + 4 * data[row + i]!]!;
  }
  return { ...source, data: out };
}
