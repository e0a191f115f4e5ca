/** Drawings and cut-out pictures on a ground of one colour. */

import { invert } from "./augment/byte-tables.ts";
import { crop, type Image } from "./image.ts";

/** A grey or RGB picture, or its negative where its border is light: what has only learned from light figures on a dark ground can read it then. */
export function onDarkGround(image: Image): Image {
  const means = borderMeans(image);
  return means.reduce((sum, mean) => sum + mean, 0) / means.length > 127.5 ? invert(image) : image;
}

/** Share of the frame that a figure's longer side has in MNIST. */
const usualShare = 20 / 28;
/** Least share, and largest distance of the figure's middle from the frame's, at which a picture is well composed. */
const leastShare = 0.55;
const farthest = 0.16;
/** By so many of 256 steps a figure differs from its ground at least, and parts of the ground from each other at most. */
const contrast = 64;

/**
 * The part of a picture around its figure, as MNIST's digits have it, where the figure is small or lies at the side, as on a canvas; the picture itself where it is
 * well composed, or where its border has several colours, as in photographs.
 */
export function aroundFigure(image: Image): Image {
  const { width, height, channels, data } = image;
  const ground = borderMeans(image);
  const differs = (x: number, y: number): boolean =>
    ground.some((mean, c) => Math.abs(data[(y * width + x) * channels + c]! - mean) > contrast);
  const box = { left: width, top: height, right: -1, bottom: -1 };
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      if (!differs(x, y)) continue;
      if (isBorder(x, y, image)) return image;
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x);
      box.top = Math.min(box.top, y);
      box.bottom = Math.max(box.bottom, y);
    }
  if (box.right < 0) return image;
  const longer = Math.max(box.right - box.left, box.bottom - box.top) + 1;
  const frame = Math.min(width, height);
  const [x, y] = [(box.left + box.right + 1) / 2, (box.top + box.bottom + 1) / 2];
  const distance = Math.max(Math.abs(x - width / 2), Math.abs(y - height / 2)) / frame;
  if (longer / frame >= leastShare && distance <= farthest) return image;
  const side = Math.round(longer / usualShare);
  const region = { left: Math.round(x - side / 2), top: Math.round(y - side / 2), width: side, height: side };
  return crop(image, region, ground.map(Math.round));
}

/** A picture as those have learned who know light figures in the middle of a dark ground alone: the package's own models. */
export function lightFigure(image: Image): Image {
  return aroundFigure(onDarkGround(image));
}

function isBorder(x: number, y: number, { width, height }: Image): boolean {
  return x === 0 || y === 0 || x === width - 1 || y === height - 1;
}

/** For each channel the mean of the bytes of the outermost pixels. */
function borderMeans({ width, height, channels, data }: Image): readonly number[] {
  const sums = Array.from({ length: channels }, () => 0);
  let count = 0;
  for (let y = 0; y < height; y++) {
    // Rows between the first and the last have two such pixels.
    const step = y === 0 || y === height - 1 ? 1 : Math.max(1, width - 1);
    for (let x = 0; x < width; x += step, count++)
      for (let c = 0; c < channels; c++) sums[c]! += data[(y * width + x) * channels + c]!;
  }
  return sums.map((sum) => sum / count);
}
