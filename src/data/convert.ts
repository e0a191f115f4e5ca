/**
 * Between colour modes, by the rules of Pillow's `Image.convert` (libImaging/Convert.c).
 *
 * Alpha is dropped, never composited: what lies under a transparent pixel shows, as it does in Pillow, torchvision and timm.
 */

import type { Image } from "./image.ts";

/** Three channels: grey is repeated, alpha dropped. The image itself where it already is RGB. */
export function toRgb(source: Image): Image {
  const { width, height, channels, data } = source;
  if (channels === 3) return source;
  const pixels = width * height;
  const out = new Uint8Array(pixels * 3);
  const [green, blue] = channels === 1 ? [0, 0] : [1, 2];
  for (let i = 0, from = 0, to = 0; i < pixels; i++, from += channels, to += 3) {
    out[to] = data[from]!;
    out[to + 1] = data[from + green]!;
    out[to + 2] = data[from + blue]!;
  }
  return { width, height, channels: 3, data: out };
}

/** The luma of three bytes, ITU-R 601-2 in 16-bit fixed point: (19595 R + 38470 G + 7471 B + 2¹⁵) / 2¹⁶. */
export function luma(red: number, green: number, blue: number): number {
  return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
}

/** One channel of luma. */
export function toGrey(source: Image): Image {
  const { width, height, channels, data } = source;
  if (channels === 1) return source;
  const out = new Uint8Array(width * height);
  for (let i = 0, from = 0; i < out.length; i++, from += channels)
    out[i] = luma(data[from]!, data[from + 1]!, data[from + 2]!);
  return { width, height, channels: 1, data: out };
}

/** RGB of ink values, four bytes a pixel, 0 = no ink: each channel is (255 − K) less its own share of that. */
export function rgbFromCmyk(width: number, height: number, cmyk: Uint8Array): Image {
  const out = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < out.length; from += 4, to += 3) {
    const light = 255 - cmyk[from + 3]!;
    for (let c = 0; c < 3; c++) {
      const product = cmyk[from + c]! * light + 128;
      out[to + c] = light - (((product >> 8) + product) >> 8);
    }
  }
  return { width, height, channels: 3, data: out };
}

/** RGB of 16-bit grey (mode `I;16`): values above 255 are clipped, not scaled. `stride` counts samples from pixel to pixel. */
export function rgbFromGrey16(width: number, height: number, grey: Uint16Array, stride: number): Image {
  const out = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < out.length; from += stride, to += 3) out.fill(Math.min(grey[from]!, 255), to, to + 3);
  return { width, height, channels: 3, data: out };
}
