/** Two Gaussian blurs: Pillow's, of three box blurs in integers, and torchvision's, a true Gaussian in floating point. */

import type { Image } from "../image.ts";

/** Pillow's `ImageFilter.GaussianBlur(radius)`, byte for byte: three box blurs along rows, then three along columns (libImaging/BoxBlur.c). */
export function blur(source: Image, radius: number): Image {
  const box = boxRadius(radius);
  if (box === 0) return source;
  const { width, height, channels } = source;
  let from = source.data.slice();
  let to = new Uint8Array(from.length);
  for (let pass = 0; pass < 6; pass++) {
    const columns = pass >= 3;
    if (columns) boxBlur(from, to, 1, height, width * channels, box);
    else boxBlur(from, to, height, width, channels, box);
    [from, to] = [to, from];
  }
  return { ...source, data: from };
}

/** The radius, fraction included, of three box blurs that together have the standard deviation `sigma`; in float32 as Pillow computes it (Gwosdek et al. 2011). */
function boxRadius(sigma: number): number {
  const { fround } = Math;
  const deviation = fround(sigma);
  const part = fround(fround(deviation * deviation) / 3);
  const whole = Math.floor((fround(Math.sqrt(12 * part + 1)) - 1) / 2);
  const next = (whole + 1) * (whole + 1);
  const above = fround((2 * whole + 1) * fround(whole * (whole + 1) - fround(3 * part)));
  return fround(whole + fround(above / fround(6 * fround(part - next))));
}

/**
 * One box blur of `length` groups of `size` bytes in each of `lines` lines: pixels of rows, or rows of an image. Groups beyond the ends are the first and the last.
 */
function boxBlur(from: Uint8Array, to: Uint8Array, lines: number, length: number, size: number, radius: number): void {
  const { fround, imul } = Math;
  const whole = Math.trunc(radius);
  // Weights in units of 2⁻²⁴: of the groups within the whole radius, and of the two just outside.
  const inner = Math.trunc(fround(2 ** 24 / fround(fround(radius * 2) + 1)));
  const outer = Math.floor((2 ** 24 - (whole * 2 + 1) * inner) / 2);
  const last = (length - 1) * size;
  const near = whole * size;
  const far = near + size;
  const sums = new Int32Array(size);
  for (let line = 0, start = 0; line < lines; line++, start += length * size) {
    for (let k = 0; k < size; k++) {
      let sum = from[start + k]! * (whole + 1);
      for (let i = 0; i < whole; i++) sum += from[start + Math.min(i * size, last) + k]!;
      sums[k] = sum;
    }
    for (let at = 0; at <= last; at += size) {
      const out = start + at;
      const before = start + Math.max(at - far, 0);
      const right = start + Math.min(at + near, last);
      const after = start + Math.min(at + far, last);
      for (let k = 0; k < size; k++) {
        const left = from[before + k]!;
        const sum = (sums[k]! + from[right + k]! - left) | 0;
        sums[k] = sum;
        to[out + k] = (imul(sum, inner) + imul(left + from[after + k]!, outer) + 2 ** 23) >>> 24;
      }
    }
  }
}

/**
 * torchvision's `gaussian_blur` with a kernel of `size` taps in both directions, edges mirrored without repeating; at most one grey level from torch's, which adds in
 * float32 and in its own order.
 * @param size - odd; images must be larger than half of it.
 * @param sigma - standard deviation in pixels.
 */
export function gaussianBlur(source: Image, size: number, sigma: number): Image {
  const { width, height, channels, data } = source;
  const half = (size - 1) / 2;
  const weights = Float64Array.from({ length: size }, (_, i) => Math.exp(-0.5 * ((i - half) / sigma) ** 2));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  // Taps that add less than a thousandth of a grey level are left out.
  const first = weights.findIndex((weight) => (255 * weight) / total > 1e-5);
  const kernel = weights.subarray(first, size - first).map((weight) => weight / total);
  const mirrored = (i: number, length: number): number => {
    const inside = Math.abs(i);
    return inside < length ? inside : 2 * (length - 1) - inside;
  };
  const reach = half - first;
  const columns = Int32Array.from({ length: width + 2 * reach }, (_, i) => mirrored(i - reach, width) * channels);
  const rows = Int32Array.from(
    { length: height + 2 * reach },
    (_, i) => mirrored(i - reach, height) * width * channels,
  );
  const across = new Float32Array(data.length);
  for (let y = 0, to = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++) {
        const at = y * width * channels + c;
        let sum = 0;
        for (let k = 0; k < kernel.length; k++) sum += kernel[k]! * data[at + columns[x + k]!]!;
        across[to++] = sum;
      }
  const out = new Uint8Array(data.length);
  const stride = width * channels;
  const sums = new Float64Array(stride);
  for (let y = 0; y < height; y++) {
    sums.fill(0);
    for (let k = 0; k < kernel.length; k++) {
      const weight = kernel[k]!;
      for (let i = 0, at = rows[y + k]!; i < stride; i++, at++) sums[i]! += weight * across[at]!;
    }
    for (let i = 0; i < stride; i++) out[y * stride + i] = Math.round(sums[i]!);
  }
  return { ...source, data: out };
}
