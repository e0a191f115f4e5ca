/**
 * Windows bitmaps, which libvips does not read: 1, 4, 8, 16, 24 and 32 bits, palettes, bit fields and both run-length codings.
 *
 * Follows Pillow's BmpImagePlugin: colours of 5 and 6 bits become floor(255 v / 31) and floor(255 v / 63), the fourth channel is dropped, and a run-length
 * coding may run over a row's end.
 */

import { VitrineError } from "../errors.ts";
import type { Image } from "./image.ts";

interface Header {
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  readonly bits: number;
  readonly compression: number;
  /** Masks of red, green and blue within a pixel of 16, 24 or 32 bits. */
  readonly masks: readonly [number, number, number];
  /** Where the palette starts, bytes of an entry, number of entries. */
  readonly palette: { readonly start: number; readonly stride: number; readonly colors: number };
  readonly pixels: number;
}

/**
 * The image in a BMP file, as RGB.
 * @param maxPixels - more pixels than this are refused before any memory is taken.
 * @throws {VitrineError} INVALID_FILE when the file breaks the format or is cut off; UNSAFE_FILE when it is larger than `maxPixels`.
 */
export function decodeBmp(bytes: Uint8Array, name: string, maxPixels: number): Image {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const header = readHeader(view, name);
    const { width, height } = header;
    if (width * height > maxPixels)
      throw new VitrineError("UNSAFE_FILE", {
        rule: `an image may have at most ${maxPixels} pixels`,
        evidence: `got ${width} × ${height}`,
        place: name,
      });
    const { compression, bits } = header;
    const data =
      compression === 1 || compression === 2
        ? fromIndices(header, view, runLengths(header, bytes, compression === 2, name))
        : bits <= 8
          ? fromIndices(header, view, packedIndices(header, view))
          : fromMasks(header, view);
    return { width, height, channels: 3, data };
  } catch (error) {
    // A DataView reads past the end only where the file is shorter than its header says.
    if (error instanceof RangeError) throw broken("must not end before its pixels do", `${bytes.length} bytes`, name);
    throw error;
  }
}

function broken(rule: string, evidence: string, name: string): VitrineError {
  return new VitrineError("INVALID_FILE", { rule: `a BMP file ${rule}`, evidence: `got ${evidence}`, place: name });
}

function readHeader(view: DataView, name: string): Header {
  const size = view.getUint32(14, true);
  const old = size === 12;
  if (!old && ![40, 52, 56, 64, 108, 124].includes(size))
    throw broken("must have a header of 12, 40, 52, 56, 64, 108 or 124 bytes", `${size}`, name);
  const width = old ? view.getUint16(18, true) : view.getInt32(18, true);
  const signedHeight = old ? view.getUint16(20, true) : view.getInt32(22, true);
  const bits = view.getUint16(old ? 24 : 28, true);
  const compression = old ? 0 : view.getUint32(30, true);
  const height = Math.abs(signedHeight);
  if (width <= 0 || height === 0) throw broken("must have positive sizes", `${width} × ${signedHeight}`, name);
  if (![1, 4, 8, 16, 24, 32].includes(bits))
    throw broken("must have 1, 4, 8, 16, 24 or 32 bits a pixel", `${bits}`, name);
  const coded = compression === 1 ? bits === 8 : compression === 2 ? bits === 4 : true;
  if (compression > 3 || !coded || (compression === 3 && bits <= 8))
    throw broken("must have a known compression for its depth", `compression ${compression} at ${bits} bits`, name);
  const masks: [number, number, number] = bits === 16 ? [0x7c00, 0x3e0, 0x1f] : [0xff0000, 0xff00, 0xff];
  if (compression === 3) for (let i = 0; i < 3; i++) masks[i] = view.getUint32(54 + 4 * i, true);
  // All masks zero is written by some programs and means the usual order.
  if (masks.every((mask) => mask === 0)) masks.splice(0, 3, 0xff0000, 0xff00, 0xff);
  const declared = old ? 0 : view.getUint32(46, true);
  const colors = declared === 0 || declared > 2 ** Math.min(bits, 8) ? 2 ** Math.min(bits, 8) : declared;
  const stride = old ? 3 : 4;
  const start = 14 + size;
  const pixels = view.getUint32(10, true) || start + (bits <= 8 ? colors * stride : 0);
  return {
    width,
    height,
    topDown: signedHeight < 0,
    bits,
    compression,
    masks,
    palette: { start, stride, colors },
    pixels,
  };
}

/** Row of the picture that the i-th stored row is. */
function rowOf(header: Header, i: number): number {
  return header.topDown ? i : header.height - 1 - i;
}

/** Palette indices in stored row order, one byte each. */
function packedIndices(header: Header, view: DataView): Uint8Array {
  const { width, height, bits, pixels } = header;
  const stride = ((width * bits + 31) >> 5) * 4;
  const perByte = 8 / bits;
  view.getUint8(pixels + (height - 1) * stride + Math.ceil(width / perByte) - 1);
  const out = new Uint8Array(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const byte = view.getUint8(pixels + y * stride + Math.floor(x / perByte));
      out[y * width + x] = (byte >> (8 - bits * ((x % perByte) + 1))) & (2 ** bits - 1);
    }
  return out;
}

/** Palette indices in stored row order, decoded from pairs of count and value. */
function runLengths(header: Header, bytes: Uint8Array, fourBits: boolean, name: string): Uint8Array {
  const { width, height } = header;
  const out = new Uint8Array(width * height);
  let at = header.pixels;
  let to = 0;
  let x = 0;
  while (to < out.length && at + 1 < bytes.length) {
    const count = bytes[at]!;
    const value = bytes[at + 1]!;
    at += 2;
    if (count > 0) {
      const kept = Math.max(0, Math.min(count, width - x));
      for (let i = 0; i < kept; i++) out[to++] = fourBits ? (i % 2 === 0 ? value >> 4 : value & 15) : value;
      x += kept;
    } else if (value === 0) {
      to = Math.ceil(to / width) * width;
      x = 0;
    } else if (value === 1) break;
    else if (value === 2) {
      if (at + 1 >= bytes.length) break;
      to += bytes[at]! + bytes[at + 1]! * width;
      at += 2;
      x = to % width;
    } else {
      for (let i = 0; i < value; i++) {
        const byte = bytes[at + (fourBits ? i >> 1 : i)] ?? 0;
        out[to++] = !fourBits ? byte : i % 2 === 0 ? byte >> 4 : byte & 15;
      }
      const literal = fourBits ? (value + 1) >> 1 : value;
      at += literal;
      x += value;
      at += at % 2;
    }
  }
  if (to < out.length) throw broken("must hold all of its pixels", `${to} of ${out.length}`, name);
  return out;
}

function fromIndices(header: Header, view: DataView, indices: Uint8Array): Uint8Array {
  const { width, height } = header;
  const { start, stride, colors } = header.palette;
  const colour = new Uint8Array(256 * 3);
  for (let i = 0; i < colors; i++)
    for (let c = 0; c < 3; c++) colour[i * 3 + c] = view.getUint8(start + i * stride + 2 - c);
  const out = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    let to = rowOf(header, y) * width * 3;
    for (let x = 0; x < width; x++) {
      const index = indices[y * width + x]! * 3;
      out[to++] = colour[index]!;
      out[to++] = colour[index + 1]!;
      out[to++] = colour[index + 2]!;
    }
  }
  return out;
}

function fromMasks(header: Header, view: DataView): Uint8Array {
  const { width, height, bits, pixels } = header;
  const bytesPerPixel = bits / 8;
  const stride = ((width * bits + 31) >> 5) * 4;
  view.getUint8(pixels + (height - 1) * stride + width * bytesPerPixel - 1);
  const fields = header.masks.map((mask) => {
    const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask);
    return { shift, largest: mask >>> shift || 1, mask };
  });
  const out = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    let to = rowOf(header, y) * width * 3;
    for (let x = 0; x < width; x++) {
      const at = pixels + y * stride + x * bytesPerPixel;
      const low = view.getUint16(at, true);
      const pixel = bits === 16 ? low : bits === 24 ? low | (view.getUint8(at + 2) << 16) : view.getUint32(at, true);
      for (const { shift, largest, mask } of fields)
        out[to++] = Math.floor((((pixel & mask) >>> shift) * 255) / largest);
    }
  }
  return out;
}
