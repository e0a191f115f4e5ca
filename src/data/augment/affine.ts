/**
 * Affine maps of images, byte for byte those of Pillow's `Image.transform(size, AFFINE, …)` and `Image.rotate` (libImaging/Geometry.c): nearest in 16.16 fixed point,
 * bilinear and bicubic in float64 with the fraction dropped.
 */

import type { Image } from "../image.ts";

/** Filters of an affine map. */
export type AffineFilter = "nearest" | "bilinear" | "bicubic";

/** The place in the source (a x + b y + c, d x + e y + f) of the place (x, y) in the result; pixel centres are at halves. */
export type Matrix = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/**
 * An image of the same size, read through a matrix. Where the matrix leads outside, `fill` stays.
 * @param fill - a byte for each channel.
 */
export function affine(source: Image, matrix: Matrix, filter: AffineFilter, fill: readonly number[]): Image {
  const data = new Uint8Array(source.data.length);
  for (let c = 0; c < source.channels; c++) {
    const byte = fill[c] ?? 0;
    if (byte !== 0) for (let i = c; i < data.length; i += source.channels) data[i] = byte;
  }
  if (filter === "nearest") nearest(source, matrix, data);
  else if (filter === "bilinear") bilinear(source, matrix, data);
  else bicubic(source, matrix, data);
  return { ...source, data };
}

function nearest(source: Image, matrix: Matrix, out: Uint8Array): void {
  const { width, height } = source;
  const [a, b, c, d, e, f] = matrix;
  const fits = (x: number, y: number): boolean =>
    Math.abs(x * a + y * b + c) < 32768 && Math.abs(x * d + y * e + f) < 32768;
  const turned = b !== 0 || d !== 0;
  if (turned && fits(0, 0) && fits(width, height) && fits(0, height) && fits(width, 0)) {
    nearestFixed(source, matrix, out);
    return;
  }
  let rowX = c + b * 0.5 + a * 0.5;
  let rowY = f + e * 0.5 + d * 0.5;
  // Steps are added up as Pillow adds them, rounding errors included.
  for (let y = 0, to = 0; y < height; y++, rowX += b, rowY += e) {
    let sourceX = rowX;
    let sourceY = rowY;
    for (let x = 0; x < width; x++, to += source.channels, sourceX += a, sourceY += d)
      if (sourceX >= 0 && sourceX < width && sourceY >= 0 && sourceY < height)
        copyPixel(source, Math.trunc(sourceY) * width + Math.trunc(sourceX), out, to);
  }
}

function copyPixel({ channels, data }: Image, pixel: number, out: Uint8Array, to: number): void {
  const from = pixel * channels;
  for (let k = 0; k < channels; k++) out[to + k] = data[from + k]!;
}

/** The same in units of 1/65536 of a pixel, each step of the matrix rounded once. */
function nearestFixed(source: Image, [a, b, c, d, e, f]: Matrix, out: Uint8Array): void {
  const { width, height, channels, data } = source;
  const fixed = (value: number): number => Math.floor(value * 65536 + 0.5) | 0;
  const [stepX, stepY, stepRowX, stepRowY] = [fixed(a), fixed(d), fixed(b), fixed(e)];
  let rowX = fixed(c + a * 0.5 + b * 0.5);
  let rowY = fixed(f + d * 0.5 + e * 0.5);
  let to = 0;
  for (let y = 0; y < height; y++) {
    let sourceX = rowX;
    let sourceY = rowY;
    for (let x = 0; x < width; x++) {
      const column = sourceX >> 16;
      const row = sourceY >> 16;
      if (column >= 0 && column < width && row >= 0 && row < height) {
        const from = (row * width + column) * channels;
        out[to] = data[from]!;
        if (channels > 1) {
          out[to + 1] = data[from + 1]!;
          out[to + 2] = data[from + 2]!;
        }
      }
      to += channels;
      sourceX = (sourceX + stepX) | 0;
      sourceY = (sourceY + stepY) | 0;
    }
    rowX = (rowX + stepRowX) | 0;
    rowY = (rowY + stepRowY) | 0;
  }
}

function bilinear({ width, height, channels, data }: Image, matrix: Matrix, out: Uint8Array): void {
  const [a, b, c, d, e, f] = matrix;
  const stride = width * channels;
  let to = 0;
  for (let y = 0; y < height; y++) {
    const acrossY = b * (y + 0.5);
    const downY = e * (y + 0.5);
    for (let x = 0; x < width; x++, to += channels) {
      const sourceX = a * (x + 0.5) + acrossY + c;
      const sourceY = d * (x + 0.5) + downY + f;
      if (!(sourceX >= 0 && sourceX < width && sourceY >= 0 && sourceY < height)) continue;
      const left = Math.floor(sourceX - 0.5);
      const top = Math.floor(sourceY - 0.5);
      const dx = sourceX - 0.5 - left;
      const dy = sourceY - 0.5 - top;
      const first = Math.max(top, 0) * stride;
      let p = first + Math.max(left, 0) * channels;
      let q = first + (left + 1 < width ? left + 1 : left) * channels;
      // A weight of 0 keeps the first row, which saves half of the work where rows stay rows.
      const below = dy === 0 || top < 0 || top + 1 >= height ? 0 : stride;
      for (let k = 0; k < channels; k++, p++, q++) {
        const v = data[p]! + (data[q]! - data[p]!) * dx;
        if (below === 0) out[to + k] = v;
        else {
          const w = data[p + below]! + (data[q + below]! - data[p + below]!) * dx;
          out[to + k] = v + (w - v) * dy;
        }
      }
    }
  }
}

/** The cubic through four values, a distance `t` in [0, 1] after the second; each operation in Pillow's order. */
function cubic(v1: number, v2: number, v3: number, v4: number, t: number): number {
  return v2 + t * (v3 - v1 + t * (2 * (v1 - v2) + v3 - v4 + t * (v2 - v1 - v3 + v4)));
}

function clampByte(value: number): number {
  return value <= 0 ? 0 : Math.min(value, 255);
}

function bicubic({ width, height, channels, data }: Image, matrix: Matrix, out: Uint8Array): void {
  const [a, b, c, d, e, f] = matrix;
  const stride = width * channels;
  const lastColumn = width - 1;
  const lastRow = height - 1;
  let to = 0;
  for (let y = 0; y < height; y++) {
    const acrossY = b * (y + 0.5);
    const downY = e * (y + 0.5);
    for (let x = 0; x < width; x++, to += channels) {
      const sourceX = a * (x + 0.5) + acrossY + c;
      const sourceY = d * (x + 0.5) + downY + f;
      if (!(sourceX >= 0 && sourceX < width && sourceY >= 0 && sourceY < height)) continue;
      const column = Math.floor(sourceX - 0.5);
      const row = Math.floor(sourceY - 0.5);
      const dx = sourceX - 0.5 - column;
      const dy = sourceY - 0.5 - row;
      const x0 = (column < 1 ? 0 : column - 1) * channels;
      const x1 = Math.max(column, 0) * channels;
      const x2 = Math.min(column + 1, lastColumn) * channels;
      const x3 = Math.min(column + 2, lastColumn) * channels;
      const y1 = Math.max(row, 0) * stride;
      // A weight of 0 keeps the second row or column alone, which saves most of the work of shears and shifts.
      if (dy === 0) {
        for (let k = 0; k < channels; k++) {
          const at = y1 + k;
          out[to + k] =
            dx === 0
              ? data[at + x1]!
              : clampByte(cubic(data[at + x0]!, data[at + x1]!, data[at + x2]!, data[at + x3]!, dx));
        }
        continue;
      }
      const y0 = (row < 1 ? 0 : row - 1) * stride;
      const y2 = Math.min(row + 1, lastRow) * stride;
      const y3 = Math.min(row + 2, lastRow) * stride;
      if (dx === 0) {
        for (let k = 0; k < channels; k++) {
          const at = x1 + k;
          out[to + k] = clampByte(cubic(data[at + y0]!, data[at + y1]!, data[at + y2]!, data[at + y3]!, dy));
        }
        continue;
      }
      for (let k = 0; k < channels; k++) {
        const r0 = y0 + k;
        const r1 = y1 + k;
        const r2 = y2 + k;
        const r3 = y3 + k;
        out[to + k] = clampByte(
          cubic(
            cubic(data[r0 + x0]!, data[r0 + x1]!, data[r0 + x2]!, data[r0 + x3]!, dx),
            cubic(data[r1 + x0]!, data[r1 + x1]!, data[r1 + x2]!, data[r1 + x3]!, dx),
            cubic(data[r2 + x0]!, data[r2 + x1]!, data[r2 + x2]!, data[r2 + x3]!, dx),
            cubic(data[r3 + x0]!, data[r3 + x1]!, data[r3 + x2]!, data[r3 + x3]!, dx),
            dy,
          ),
        );
      }
    }
  }
}

/** Rows moved sideways by `factor` of their height, the upper edge fixed (timm's `shear_x`). */
export function shearX(source: Image, factor: number, filter: AffineFilter, fill: readonly number[]): Image {
  return affine(source, [1, factor, 0, 0, 1, 0], filter, fill);
}

/** Columns moved up by `factor` of their distance from the left edge (timm's `shear_y`). */
export function shearY(source: Image, factor: number, filter: AffineFilter, fill: readonly number[]): Image {
  return affine(source, [1, 0, 0, factor, 1, 0], filter, fill);
}

/** Moved left and up by these numbers of pixels, fractions too (timm's `translate_x_abs`, `translate_y_abs`). */
export function translate(
  source: Image,
  left: number,
  up: number,
  filter: AffineFilter,
  fill: readonly number[],
): Image {
  return affine(source, [1, 0, left, 0, 1, up], filter, fill);
}

/** Turned counter-clockwise about the middle by an angle in degrees; what comes in at the corners is `fill` (`Image.rotate`). */
export function rotate(source: Image, degrees: number, filter: AffineFilter, fill: readonly number[]): Image {
  const { width, height } = source;
  const rest = degrees % 360;
  const angle = rest < 0 ? rest + 360 : rest;
  if (angle === 0) return source;
  if (angle === 180) return quarterTurns(source, 2);
  if (width === height && angle === 90) return quarterTurns(source, 1);
  if (width === height && angle === 270) return quarterTurns(source, 3);
  const radians = -(angle * (Math.PI / 180));
  const cos = Number(Math.cos(radians).toFixed(15));
  const sin = Number(Math.sin(radians).toFixed(15));
  const [x, y] = [width / 2, height / 2];
  return affine(source, [cos, sin, cos * -x + sin * -y + x, -sin, cos, -sin * -x + cos * -y + y], filter, fill);
}

/** Counter-clockwise quarter turns; one or three only for squares. */
function quarterTurns(source: Image, turns: 1 | 2 | 3): Image {
  const { width, height, channels, data } = source;
  const out = new Uint8Array(data.length);
  for (let y = 0, to = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [column, row] =
        turns === 2 ? [width - 1 - x, height - 1 - y] : turns === 1 ? [width - 1 - y, x] : [y, height - 1 - x];
      for (let k = 0; k < channels; k++) out[to++] = data[(row * width + column) * channels + k]!;
    }
  return { ...source, data: out };
}
