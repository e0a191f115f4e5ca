/** Turned hue: RGB → HSV in bytes, hue moved, back to RGB, as torchvision's `adjust_hue` does through Pillow (libImaging/Convert.c), byte for byte. */

import type { Image } from "../image.ts";

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
    const saturation = range === 0 ? 0 : Math.trunc(fround(range / most) * 255);
    if (saturation === 0) {
      out[i] = most;
      out[i + 1] = most;
      out[i + 2] = most;
      continue;
    }
    const [toRed, toGreen, toBlue] = [
      fround((most - r) / range),
      fround((most - g) / range),
      fround((most - b) / range),
    ];
    let h =
      r === most ? fround(toBlue - toGreen) : g === most ? fround(2 + toRed - toBlue) : fround(4 + toGreen - toRed);
    h = fround((h / 6 + 1) % 1);
    const hue = (Math.trunc(h * 255) + shift) & 255;
    const sixths = (hue * 6) / 255;
    const sector = Math.floor(sixths);
    const rest = fround(sixths - sector);
    const s = fround(saturation / 255);
    const low = Math.round(most * (1 - s));
    const falling = Math.round(most * (1 - fround(s * rest)));
    const rising = Math.round(most * (1 - s * (1 - rest)));
    const [red, green, blue] = sectors(sector % 6, most, low, falling, rising);
    out[i] = red;
    out[i + 1] = green;
    out[i + 2] = blue;
  }
  return { ...source, data: out };
}

function sectors(
  sector: number,
  most: number,
  low: number,
  falling: number,
  rising: number,
): readonly [number, number, number] {
  switch (sector) {
    case 0:
      return [most, rising, low];
    case 1:
      return [falling, most, low];
    case 2:
      return [low, most, rising];
    case 3:
      return [low, falling, most];
    case 4:
      return [rising, low, most];
    default:
      return [most, low, falling];
  }
}
