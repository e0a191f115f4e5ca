/** Turned hue: RGB → HSV in bytes, hue moved, back to RGB, as torchvision's `adjust_hue` does through Pillow (libImaging/Convert.c), byte for byte. */

import type { Image } from "../image.ts";

/** For each byte of hue, its place on the circle: the sixth that it lies in, and how far. */
const sixths = Float64Array.from({ length: 256 }, (_, hue) => (hue * 6) / 255);
const sectors = Uint8Array.from(sixths, (place) => Math.floor(place) % 6);
const rests = Float32Array.from(sixths, (place) => place - Math.floor(place));
/** byte / 255 in float32. */
const shares = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

/**
 * The image with every hue turned; grey images have none.
 * @param turn - share of the circle, −0.5 … 0.5.
 */
export function turnHue(source: Image, turn: number): Image {
  if (source.channels === 1) return source;
  const { fround } = Math;
  const { data } = source;
  const shift = Math.trunc(turn * 255) & 255;
  const out = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i += 3) {
    const r = data[i]!;
    const g = data[i + 1]!;
    const b = data[i + 2]!;
    const most = Math.max(r, g, b);
    const range = most - Math.min(r, g, b);
    // Without hue the saturation is 0 whatever the turn.
    const saturation = range === 0 ? 0 : (fround(range / most) * 255) | 0;
    if (saturation === 0) {
      out[i] = most;
      out[i + 1] = most;
      out[i + 2] = most;
      continue;
    }
    const toRed = fround((most - r) / range);
    const toGreen = fround((most - g) / range);
    const toBlue = fround((most - b) / range);
    const angle = r === most ? toBlue - toGreen : g === most ? 2 + toRed - toBlue : 4 + toGreen - toRed;
    const circle = fround(angle) / 6 + 1;
    const hue = (((fround(circle >= 1 ? circle - 1 : circle) * 255) | 0) + shift) & 255;
    const rest = rests[hue]!;
    const s = shares[saturation]!;
    const low = (most * (1 - s) + 0.5) | 0;
    const falling = (most * (1 - fround(s * rest)) + 0.5) | 0;
    const rising = (most * (1 - s * (1 - rest)) + 0.5) | 0;
    const sector = sectors[hue]!;
    out[i] = sector === 0 || sector === 5 ? most : sector === 1 ? falling : sector === 4 ? rising : low;
    out[i + 1] = sector === 1 || sector === 2 ? most : sector === 0 ? rising : sector === 3 ? falling : low;
    out[i + 2] = sector === 3 || sector === 4 ? most : sector === 2 ? rising : sector === 5 ? falling : low;
  }
  return { ...source, data: out };
}
