/**
 * The ways in which one person's handwriting, drawn with a mouse or a finger, differs from another's: turned, slanted, large or small, off the middle, thick or thin,
 * dark on light. For light strokes on a black ground, as MNIST has them.
 */

import type { RandomStream } from "../../graph/random.ts";
import type { Image } from "../image.ts";
import { resize } from "../resize.ts";
import { affine, type Matrix } from "./affine.ts";
import { invert } from "./byte-tables.ts";

/** One way of writing. */
export interface Handwriting {
  /** Counter-clockwise, in degrees. */
  readonly degrees: number;
  /** Pixels to the right that the top of the image moves for each pixel of its height. */
  readonly slant: number;
  /** Size beside the original's. */
  readonly scale: number;
  /** Pixels to the right and down. */
  readonly right: number;
  readonly down: number;
  /** Pixels that are added on each side of a stroke; below 0 they are taken away. */
  readonly thickness: number;
  /** Dark strokes on a light ground. */
  readonly inverted: boolean;
}

/** The original. */
export const asWritten: Handwriting = {
  ...{ degrees: 0, slant: 0, scale: 1, right: 0, down: 0, thickness: 0, inverted: false },
};

/** The image written in another way, of the same size. */
export function rewrite(source: Image, way: Handwriting): Image {
  const moved = way.degrees || way.slant || way.scale !== 1 || way.right || way.down;
  const placed = moved ? affine(source, matrixOf(source, way), "bilinear", []) : source;
  const written = way.thickness === 0 ? placed : thicken(placed, way.thickness);
  return way.inverted ? invert(written) : written;
}

/** From places in the result to places in the source, about the middle. */
function matrixOf({ width, height }: Image, { degrees, slant, scale, right, down }: Handwriting): Matrix {
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle) / scale, Math.sin(angle) / scale];
  const [a, b, d, e] = [cos, cos * slant - sin, sin, sin * slant + cos];
  const [x, y] = [width / 2 + right, height / 2 + down];
  return [a, b, width / 2 - a * x - b * y, d, e, height / 2 - d * x - e * y];
}

/** Strokes are thickened at this many times the size, so that fractions of a pixel count. */
const magnification = 2;

/**
 * Grey-scale dilation by a disc (erosion where `radius` is negative), at twice the size.
 * @param source grey
 * @param radius in pixels
 */
export function thicken(source: Image, radius: number): Image {
  const { width, height } = source;
  const size = { width: width * magnification, height: height * magnification };
  const large = resize(source, { ...size, filter: "bilinear" });
  const grow = radius > 0;
  const reach = Math.floor(Math.abs(radius) * magnification);
  // A frame of what never wins, so that the disc may reach over the edge.
  const stride = size.width + 2 * reach;
  const framed = new Uint8Array(stride * (size.height + 2 * reach)).fill(grow ? 0 : 255);
  for (let y = 0; y < size.height; y++)
    framed.set(large.data.subarray(y * size.width, (y + 1) * size.width), (y + reach) * stride + reach);
  const disc = discOffsets(Math.abs(radius) * magnification, stride);
  const data = new Uint8Array(large.data.length);
  let to = 0;
  for (let y = 0; y < size.height; y++)
    for (let x = 0, at = (y + reach) * stride + reach; x < size.width; x++, at++) {
      let best = framed[at]!;
      for (let i = 0; i < disc.length; i++) {
        const byte = framed[at + disc[i]!]!;
        if (grow ? byte > best : byte < best) best = byte;
      }
      data[to++] = best;
    }
  return resize({ ...large, data }, { width, height, filter: "box" });
}

/** Where the pixels of a disc lie beside its middle, in an image of that many bytes a row. */
function discOffsets(radius: number, stride: number): Int32Array {
  const reach = Math.floor(radius);
  const offsets: number[] = [];
  for (let y = -reach; y <= reach; y++)
    for (let x = -reach; x <= reach; x++) if (x * x + y * y <= radius * radius) offsets.push(y * stride + x);
  return Int32Array.from(offsets);
}

/** A way of writing at random: all of them at once, half of the time inverted. */
export function drawHandwriting(random: RandomStream): Handwriting {
  const between = (low: number, high: number): number => low + (high - low) * random.uniform();
  return {
    degrees: between(-20, 20),
    slant: between(-0.25, 0.25),
    scale: between(0.7, 1.15),
    right: between(-4, 4),
    down: between(-4, 4),
    thickness: random.uniform() < 0.5 ? 0 : between(-0.5, 1.5),
    inverted: random.uniform() < 0.5,
  };
}
