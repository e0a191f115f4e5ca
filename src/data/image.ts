/** Pixels in memory: what decoders make, transforms change and datasets hold. */

import { VitrineError } from "../errors.ts";

/** Number of channels: grey, RGB, or RGB with alpha. */
export type Channels = 1 | 3 | 4;

/** An 8-bit image; `data` holds `height × width × channels` bytes, row by row, channels innermost. */
export interface Image {
  readonly width: number;
  readonly height: number;
  readonly channels: Channels;
  readonly data: Uint8Array;
}

/** A rectangle of pixels; `left` and `top` count from the image's upper left corner. */
export interface Region {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * An image from its bytes, with their number checked.
 * @throws {VitrineError} SHAPE_MISMATCH when sizes are not positive integers or `data` has another length.
 */
export function image(width: number, height: number, channels: Channels, data: Uint8Array): Image {
  if (!(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0))
    throw new VitrineError("SHAPE_MISMATCH", {
      rule: "image: width and height must be positive integers",
      evidence: `got ${width} × ${height}`,
    });
  if (data.length !== width * height * channels)
    throw new VitrineError("SHAPE_MISMATCH", {
      rule: `image: ${width} × ${height} with ${channels} channels has ${width * height * channels} bytes`,
      evidence: `got ${data.length}`,
    });
  return { width, height, channels, data };
}

/**
 * The pixels of a region; where it reaches over the edge, `fill` (a byte for each channel, default 0).
 * @param region - integer sizes; `left` and `top` may be negative.
 */
export function crop(source: Image, region: Region, fill: readonly number[] = []): Image {
  const { channels } = source;
  const { left, top, width, height } = region;
  const data = new Uint8Array(width * height * channels);
  if (fill.some((byte) => byte !== 0)) for (let i = 0; i < data.length; i++) data[i] = fill[i % channels] ?? 0;
  const first = Math.max(left, 0);
  const last = Math.min(left + width, source.width);
  if (last > first)
    for (let y = Math.max(top, 0); y < Math.min(top + height, source.height); y++) {
      const row = y * source.width;
      data.set(
        source.data.subarray((row + first) * channels, (row + last) * channels),
        ((y - top) * width + first - left) * channels,
      );
    }
  return image(width, height, channels, data);
}

/** The mirror image, left and right exchanged. */
export function flipHorizontal(source: Image): Image {
  const { width, height, channels, data } = source;
  const out = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    let to = y * width * channels;
    for (let x = width - 1; x >= 0; x--) {
      const from = (y * width + x) * channels;
      for (let c = 0; c < channels; c++) out[to++] = data[from + c]!;
    }
  }
  return { width, height, channels, data: out };
}
