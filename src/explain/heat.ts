/** Maps of numbers as pixels. */

import type { Image } from "../data/image.ts";
import type { ColourMap } from "./colours.ts";
import type { ExplanationMap } from "./explanation.ts";

/** Which numbers the two ends of the colours stand for. */
export interface Scale {
  readonly low: number;
  readonly high: number;
  /** Whether colours follow the square root of what lies above `low`, so that small numbers can be told apart beside large ones. */
  readonly root?: boolean;
}

/** From the smallest to the largest number; where some are negative and `signed` is set, as far on both sides of zero. */
export function scaleOf(maps: readonly Pick<ExplanationMap, "values">[], signed = false): Scale {
  let [low, high] = [Infinity, -Infinity];
  for (const { values } of maps)
    for (const value of values) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  if (!signed) return { low, high };
  const most = Math.max(Math.abs(low), Math.abs(high));
  return { low: -most, high: most };
}

/** Where a number stands on a scale, 0 to 1; 0 where all are the same. */
export function placeOn({ low, high, root = false }: Scale, value: number): number {
  if (high <= low) return 0;
  const place = (value - low) / (high - low);
  return root ? Math.sqrt(Math.max(place, 0)) : place;
}

/** How numbers between the middles of two patches are found: `nearest` keeps the patches visible. */
export type Smoothing = "nearest" | "bilinear";

/** A map's numbers at the pixels of a picture, row by row. */
export function spread(map: ExplanationMap, width: number, height: number, smoothing: Smoothing): Float64Array {
  const { rows, cols, values } = map;
  const out = new Float64Array(width * height);
  const clamp = (i: number, size: number): number => Math.min(Math.max(i, 0), size - 1);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [v, u] = [((y + 0.5) * rows) / height, ((x + 0.5) * cols) / width];
      if (smoothing === "nearest") {
        out[y * width + x] = values[Math.floor(v) * cols + Math.floor(u)]!;
        continue;
      }
      const [top, left] = [Math.floor(v - 0.5), Math.floor(u - 0.5)];
      const [down, across] = [v - 0.5 - top, u - 0.5 - left];
      const at = (i: number, j: number): number => values[clamp(i, rows) * cols + clamp(j, cols)]!;
      const above = at(top, left) * (1 - across) + at(top, left + 1) * across;
      const below = at(top + 1, left) * (1 - across) + at(top + 1, left + 1) * across;
      out[y * width + x] = above * (1 - down) + below * down;
    }
  return out;
}

/** A map alone, as an image of the given size. */
export function heatImage(map: ExplanationMap, scale: Scale, colours: ColourMap, width: number, height: number): Image {
  const data = new Uint8Array(width * height * 3);
  for (const [i, value] of spread(map, width, height, "nearest").entries())
    data.set(colours(placeOn(scale, value)), 3 * i);
  return { width, height, channels: 3, data };
}

/** A map over a photograph, which keeps its light and shade in grey. @param strength of the colours, 0 to 1 */
export function heatOver(
  photo: Image,
  map: ExplanationMap,
  { scale, colours, smoothing, strength }: { scale: Scale; colours: ColourMap; smoothing: Smoothing; strength: number },
): Image {
  const { width, height, channels } = photo;
  const data = new Uint8Array(width * height * 3);
  for (const [i, value] of spread(map, width, height, smoothing).entries()) {
    const [r, g, b] = [0, 1, 2].map((c) => photo.data[i * channels + (channels === 1 ? 0 : c)]!) as [
      number,
      number,
      number,
    ];
    const grey = 0.299 * r + 0.587 * g + 0.114 * b;
    const colour = colours(placeOn(scale, value));
    for (let c = 0; c < 3; c++) data[3 * i + c] = Math.round(grey + strength * (colour[c]! - grey));
  }
  return { width, height, channels: 3, data };
}
