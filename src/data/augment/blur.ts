/** Two Gaussian blurs: Pillow's, of three box blurs in integers, and torchvision's, a true Gaussian in floating point. */

import type { Image } from "../image.ts";

/** Pillow's `ImageFilter.GaussianBlur(radius)`, byte for byte: three box blurs along rows, then three along columns (libImaging/BoxBlur.c). */
export function blur(source: Image, radius: number): Image {
  const box = boxRadius(radius);
  if (box === 0) return source;
  const { width, height, channels } = source;
  const data = source.data.slice();
  const line = new Uint8Array(Math.max(width, height));
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) boxBlurLine(data, y * width * channels + c, channels, width, box, line);
    for (let x = 0; x < width; x++) boxBlurLine(data, x * channels + c, width * channels, height, box, line);
  }
  return { ...source, data };
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

/** Three box blurs of `length` bytes of `data` in place, from `start` on, `stride` apart; the first and the last byte go on beyond the ends. */
function boxBlurLine(
  data: Uint8Array,
  start: number,
  stride: number,
  length: number,
  radius: number,
  line: Uint8Array,
): void {
  const { fround } = Math;
  const whole = Math.trunc(radius);
  // Weights in units of 2⁻²⁴: of the bytes within the whole radius, and of the two just outside.
  const inner = Math.trunc(fround(2 ** 24 / fround(fround(radius * 2) + 1)));
  const outer = Math.floor((2 ** 24 - (whole * 2 + 1) * inner) / 2);
  const last = length - 1;
  for (let pass = 0; pass < 3; pass++) {
    for (let i = 0, at = start; i < length; i++, at += stride) line[i] = data[at]!;
    let sum = line[0]! * (whole + 1);
    for (let i = 0; i < whole; i++) sum += line[Math.min(i, last)]!;
    for (let i = 0, at = start; i < length; i++, at += stride) {
      const left = i - whole - 1;
      const right = i + whole;
      const before = line[Math.max(left, 0)]!;
      sum += line[Math.min(right, last)]! - before;
      const total = sum * inner + (before + line[Math.min(right + 1, last)]!) * outer;
      data[at] = (total + 2 ** 23) >>> 24;
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
