/**
 * What a picture looks like in few bits, so that copies of it are found: the same pixels, and the same picture in another size, format or quality.
 *
 * The perceptual hash is pHash's (Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010, section 3.2.1) as Python's `imagehash.phash`
 * computes it: grey, 32 × 32 by Lanczos, DCT-II, the 8 × 8 lowest frequencies, one bit each for being above their median.
 */

import { toGrey, toRgb } from "../data/convert.ts";
import type { Image } from "../data/image.ts";
import { resize } from "../data/resize.ts";

/** Few bits of a picture. */
export interface Fingerprint {
  /** Perceptual hash: 64 bits, the most significant first. Pictures that look alike differ in few of them. */
  readonly look: readonly [high: number, low: number];
  /** Hash of size, channels and all pixels: 64 bits in hexadecimal. Equal for equal pixels. */
  readonly pixels: string;
  /** The picture as RGB, `thumbnailSide` pixels high and wide. */
  readonly thumbnail: Uint8Array;
  /** Mean of the thumbnail's bytes. */
  readonly brightness: number;
  /** Mean absolute difference of the thumbnail's bytes from their mean, in grey levels: how much there is to see. */
  readonly contrast: number;
  /** Shorter side of the picture, in pixels. */
  readonly shorterSide: number;
}

/** Height and width of thumbnails. */
export const thumbnailSide = 16;

/** The fingerprint of a picture. */
export function fingerprint(image: Image): Fingerprint {
  const small = resize(toRgb(image), { width: thumbnailSide, height: thumbnailSide, filter: "box" });
  return {
    look: perceptualHash(image),
    pixels: pixelHash(image),
    thumbnail: small.data,
    ...lightOf(small.data),
    shorterSide: Math.min(image.width, image.height),
  };
}

function lightOf(data: Uint8Array): Pick<Fingerprint, "brightness" | "contrast"> {
  const brightness = data.reduce((sum, byte) => sum + byte, 0) / data.length;
  return { brightness, contrast: data.reduce((sum, byte) => sum + Math.abs(byte - brightness), 0) / data.length };
}

const side = 32;
const kept = 8;

/** cos(π k (2 i + 1) / 64): row k is a frequency, column i a pixel. */
const cosines: Float64Array = Float64Array.from({ length: kept * side }, (_, at) => {
  const [k, i] = [Math.floor(at / side), at % side];
  return Math.cos((Math.PI * k * (2 * i + 1)) / (2 * side));
});

/** 64 bits of how a picture looks, in two unsigned halves. */
export function perceptualHash(image: Image): readonly [high: number, low: number] {
  const { data } = resize(toGrey(image), { width: side, height: side, filter: "lanczos" });
  const rows = new Float64Array(side * kept); // [y, frequency]
  for (let y = 0; y < side; y++)
    for (let k = 0; k < kept; k++) {
      let sum = 0;
      for (let x = 0; x < side; x++) sum += data[y * side + x]! * cosines[k * side + x]!;
      rows[y * kept + k] = sum;
    }
  const low = new Float64Array(kept * kept); // [frequency down, frequency across]
  for (let v = 0; v < kept; v++)
    for (let u = 0; u < kept; u++) {
      let sum = 0;
      for (let y = 0; y < side; y++) sum += rows[y * kept + u]! * cosines[v * side + y]!;
      low[v * kept + u] = sum;
    }
  const sorted = low.slice().sort();
  const median = (sorted[31]! + sorted[32]!) / 2;
  const half = (from: number): number => {
    let bits = 0;
    for (let i = from; i < from + 32; i++) bits = (bits << 1) | (low[i]! > median ? 1 : 0);
    return bits >>> 0;
  };
  return [half(0), half(32)];
}

/** Number of bits in which two perceptual hashes differ, 0 to 64. */
export function lookDistance(a: Fingerprint["look"], b: Fingerprint["look"]): number {
  return bitCount(a[0] ^ b[0]) + bitCount(a[1] ^ b[1]);
}

function bitCount(bits: number): number {
  let n = bits - ((bits >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Mean absolute difference of two thumbnails once both are brought to the same brightness and contrast, as a share of that contrast. */
export function thumbnailDistance(a: Fingerprint, b: Fingerprint): number {
  // In what is flat there is nothing but noise to stretch.
  const [factorA, factorB] = [1 / Math.max(1, a.contrast), 1 / Math.max(1, b.contrast)];
  let sum = 0;
  for (let i = 0; i < a.thumbnail.length; i++)
    sum += Math.abs((a.thumbnail[i]! - a.brightness) * factorA - (b.thumbnail[i]! - b.brightness) * factorB);
  return sum / a.thumbnail.length;
}

/** Two multiplicative hashes of 32 bits over the same bytes (FNV-1a's offset and prime; an odd constant of our own for the second). */
function pixelHash({ width, height, channels, data }: Image): string {
  let [a, b] = [0x811c9dc5, 0x9e3779b9];
  for (const size of [width, height, channels]) {
    a = Math.imul(a ^ size, 0x01000193);
    b = Math.imul(b ^ size, 0x5bd1e995);
  }
  for (let i = 0; i < data.length; i++) {
    a = Math.imul(a ^ data[i]!, 0x01000193);
    b = Math.imul((b ^ (b >>> 15)) + data[i]!, 0x5bd1e995);
  }
  const hex = (bits: number): string => (bits >>> 0).toString(16).padStart(8, "0");
  return hex(a) + hex(b);
}
