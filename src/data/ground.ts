/** Drawings and cut-out pictures on a light or a dark ground. */

import type { Image } from "./image.ts";

/** Half of what a byte can be. */
const middle = 127.5;

/** The picture, or its negative where its border is light: what has only learned from light figures on a dark ground can read it then. */
export function onDarkGround(image: Image): Image {
  return borderMean(image) > middle ? negative(image) : image;
}

/** Mean of the colours of the outermost pixels. */
function borderMean({ width, height, channels, data }: Image): number {
  const colours = colourChannels(channels);
  let sum = 0;
  let count = 0;
  for (let y = 0; y < height; y++)
    // Rows between the first and the last have two such pixels.
    for (let x = 0; x < width; x += y === 0 || y === height - 1 ? 1 : Math.max(1, width - 1))
      for (let c = 0; c < colours; c++, count++) sum += data[(y * width + x) * channels + c]!;
  return sum / count;
}

function negative(image: Image): Image {
  const { channels, data } = image;
  const colours = colourChannels(channels);
  return { ...image, data: data.map((byte, i) => (i % channels < colours ? 255 - byte : byte)) };
}

/** Without the opacity. */
function colourChannels(channels: number): number {
  return Math.min(channels, 3);
}
