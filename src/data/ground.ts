/** Drawings and cut-out pictures on a light or a dark ground. */

import { invert } from "./augment/byte-tables.ts";
import type { Image } from "./image.ts";

/** A grey or RGB picture, or its negative where its border is light: what has only learned from light figures on a dark ground can read it then. */
export function onDarkGround(image: Image): Image {
  return borderMean(image) > 127.5 ? invert(image) : image;
}

/** Mean of the bytes of the outermost pixels. */
function borderMean({ width, height, channels, data }: Image): number {
  let sum = 0;
  let count = 0;
  for (let y = 0; y < height; y++) {
    // Rows between the first and the last have two such pixels.
    const step = y === 0 || y === height - 1 ? 1 : Math.max(1, width - 1);
    for (let x = 0; x < width; x += step, count += channels)
      for (let c = 0; c < channels; c++) sum += data[(y * width + x) * channels + c]!;
  }
  return sum / count;
}
