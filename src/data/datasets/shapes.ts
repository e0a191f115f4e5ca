/**
 * `shapes`: a built-in data set that is drawn, not loaded. One shape of ten kinds on a busy background, in any size, place, angle and colour.
 *
 * Image i of a split is a pure function of (seed, split, i): the split's name is part of the random key, so training and test images never share one. Edges are
 * smooth because each pixel is covered by as much of the shape as the signed distance to its outline says.
 */

import { VitrineError } from "../../errors.ts";
import { type RandomStream, stream } from "../../graph/random.ts";
import type { Image } from "../image.ts";
import type { Dataset, Split } from "./dataset.ts";
import { outlines } from "./shape-outlines.ts";

/** How much stands in the way: 0 is a plain shape on a plain ground, 0.5 moderate, 1 hard. Scales texture, noise, bystanders and occlusion. */
const clutter = 0.5;

/** Largest angle of a shape from upright, in radians. */
const tilt = 0.35;

/** Class names, in label order. */
export const shapeClasses: readonly string[] = Object.keys(outlines);

/** What the images are functions of; see `ShapesOptions`. */
export interface ShapesSource {
  readonly kind: "shapes";
  readonly name: string;
  readonly classes: readonly string[];
  readonly split: Split;
  readonly seed: number;
  readonly size: number;
  readonly length: number;
}

/** What to draw. */
export interface ShapesOptions {
  readonly split?: Split;
  /** Default 0. */
  readonly seed?: number;
  /** Height and width in pixels, default 32. */
  readonly size?: number;
  /** Number of images; default 20,000 for training, 2,000 otherwise. */
  readonly length?: number;
}

/**
 * The data set of drawn shapes; ten classes in turn, so all are equally frequent.
 * @throws {VitrineError} INVALID_ARGUMENT for a size below 8 or above 1024.
 */
export function shapesDataset(options: ShapesOptions = {}): Dataset {
  const { split = "train", seed = 0, size = 32 } = options;
  const length = options.length ?? (split === "train" ? 20_000 : 2_000);
  if (!Number.isInteger(size) || size < 8 || size > 1024)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "shapes: size must be 8 to 1024 pixels",
      evidence: `got ${size}`,
    });
  return reopenShapes({ kind: "shapes", name: `shapes/${split}`, classes: shapeClasses, split, seed, size, length });
}

/** The same data set from its source, as a worker thread opens it. */
export function reopenShapes(source: ShapesSource): Dataset {
  const { name, classes, split, seed, size, length } = source;
  const canvas = new Canvas(size);
  const labelOf = (index: number): number => index % classes.length;
  return {
    name,
    classes,
    length,
    source,
    labelOf,
    async get(index) {
      const label = labelOf(index);
      return { image: drawScene(canvas, classes[label]!, stream(seed, "shapes", split, index)), label };
    },
  };
}

/** A colour, each part 0 … 255. */
type Colour = readonly [red: number, green: number, blue: number];

/** Signed distance in pixels from a pixel's centre. */
type Distance = (x: number, y: number) => number;

/** RGB in float32, onto which layers are painted one over the other. */
class Canvas {
  readonly size: number;
  readonly pixels: Float32Array;

  constructor(size: number) {
    this.size = size;
    this.pixels = new Float32Array(size * size * 3);
  }

  /** Covers what lies inside `distance` by a colour, within a circle around (cx, cy) that holds all of it. */
  paint(distance: Distance, cx: number, cy: number, radius: number, [red, green, blue]: Colour): void {
    const { size, pixels } = this;
    const bottom = Math.min(size, Math.ceil(cy + radius + 1));
    const right = Math.min(size, Math.ceil(cx + radius + 1));
    const left = Math.max(0, Math.floor(cx - radius - 1));
    for (let y = Math.max(0, Math.floor(cy - radius - 1)); y < bottom; y++)
      for (let x = left; x < right; x++) {
        const outside = distance(x + 0.5, y + 0.5);
        if (outside >= 0.5) continue;
        const cover = outside <= -0.5 ? 1 : 0.5 - outside;
        const at = (y * size + x) * 3;
        pixels[at] = pixels[at]! + (red - pixels[at]!) * cover;
        pixels[at + 1] = pixels[at + 1]! + (green - pixels[at + 1]!) * cover;
        pixels[at + 2] = pixels[at + 2]! + (blue - pixels[at + 2]!) * cover;
      }
  }

  /** The bytes, with uniform noise of ± `noise` grey levels. */
  toImage(noise: number, random: RandomStream): Image {
    const { size, pixels } = this;
    const data = new Uint8Array(pixels.length);
    let bits = random.integer(2 ** 31) | 1;
    for (let i = 0; i < data.length; i++) {
      // Marsaglia's xorshift32: noise needs speed, not quality.
      bits ^= bits << 13;
      bits ^= bits >>> 17;
      bits ^= bits << 5;
      const value = pixels[i]! + (bits / 2 ** 31) * noise + 0.5;
      data[i] = clampByte(value);
    }
    return { width: size, height: size, channels: 3, data };
  }
}

function between(random: RandomStream, low: number, high: number): number {
  return low + (high - low) * random.uniform();
}

function anyColour(random: RandomStream, low = 0, high = 255): Colour {
  return [between(random, low, high), between(random, low, high), between(random, low, high)];
}

function luma([red, green, blue]: Colour): number {
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}

/**
 * A colour at least 60 grey levels brighter than others, or the brightest of twelve. Shapes are always brighter than their ground: with either sign the mean image
 * of all classes would be equal, and a network would see no slope to follow for its first thousands of images.
 */
function brighter(random: RandomStream, others: readonly Colour[]): Colour {
  const ground = Math.max(...others.map(luma));
  let best: Colour = [0, 0, 0];
  for (let attempt = 0; attempt < 12 && luma(best) < ground + 60; attempt++) {
    const candidate = anyColour(random, 50, 255);
    if (luma(candidate) > luma(best)) best = candidate;
  }
  return best;
}

/** One image: ground, bystanders, the shape, an occluder, noise. */
function drawScene(canvas: Canvas, kind: string, random: RandomStream): Image {
  const { size } = canvas;
  const unit = size / 32;
  const grounds = paintGround(canvas, random);
  const bystanders = random.integer(1 + Math.round(4 * clutter));
  for (let i = 0; i < bystanders; i++) paintBystander(canvas, random, unit);
  const radius = between(random, 9, 13.5) * unit;
  const slack = size / 2 - 0.8 * radius;
  const cx = size / 2 + between(random, -slack, slack) * 0.35;
  const cy = size / 2 + between(random, -slack, slack) * 0.35;
  const colour = brighter(random, grounds);
  const distance = shapeDistance(
    outlines[kind]!,
    cx,
    cy,
    radius,
    between(random, -tilt, tilt),
    between(random, 0.85, 1),
  );
  if (random.uniform() < 0.15) {
    const width = between(random, 1.8, 3) * unit;
    canvas.paint((x, y) => Math.abs(distance(x, y) + width / 2) - width / 2, cx, cy, radius, colour);
  } else {
    canvas.paint(distance, cx, cy, radius, colour);
    if (random.uniform() < 0.25) {
      const width = between(random, 1, 2) * unit;
      const edge = brighter(random, grounds);
      canvas.paint((x, y) => Math.abs(distance(x, y) + width / 2) - width / 2, cx, cy, radius, edge);
    }
  }
  if (random.uniform() < 0.25 * clutter) paintOccluder(canvas, random, cx, cy, radius, unit);
  return canvas.toImage(between(random, 0, 14) * clutter, random);
}

/** The outline turned, mirrored by chance through `angle`, squeezed along one axis and scaled to pixels. */
function shapeDistance(
  outline: (x: number, y: number) => number,
  cx: number,
  cy: number,
  radius: number,
  angle: number,
  squeeze: number,
): Distance {
  const cosine = Math.cos(angle) / radius;
  const sine = Math.sin(angle) / radius;
  const scale = radius * squeeze;
  return (x, y) => {
    const dx = x - cx;
    const dy = y - cy;
    return outline((cosine * dx + sine * dy) / squeeze, cosine * dy - sine * dx) * scale;
  };
}

/** One period of a sine: a texture needs two for each pixel. */
const wave: Float32Array = Float32Array.from({ length: 1024 }, (_, i) => Math.sin((2 * Math.PI * i) / 1024));
const perRadian: number = 1024 / (2 * Math.PI);

/** Fills the canvas by a gradient between two colours, with stripes, checks or waves on it. Returns the colours. */
function paintGround(canvas: Canvas, random: RandomStream): readonly Colour[] {
  const { size, pixels } = canvas;
  const from = anyColour(random, 0, 140);
  const to: Colour = [0, 1, 2].map((c) => clampByte(from[c]! + between(random, -50, 50))) as unknown as Colour;
  const angle = between(random, 0, 2 * Math.PI);
  const gx = Math.cos(angle) / size;
  const gy = Math.sin(angle) / size;
  const texture = random.integer(4);
  const strength = between(random, 5, 22) * clutter;
  const frequency = between(random, 0.5, 1.6) * (32 / size);
  const turn = between(random, 0, 2 * Math.PI);
  const fx = Math.cos(turn) * frequency;
  const fy = Math.sin(turn) * frequency;
  for (let y = 0, at = 0; y < size; y++)
    for (let x = 0; x < size; x++, at += 3) {
      const share = 0.5 + gx * (x - size / 2) + gy * (y - size / 2);
      const a = wave[((fx * x + fy * y) * perRadian) & 1023]!;
      const b = wave[((fx * y - fy * x) * perRadian) & 1023]!;
      const lift =
        texture === 0
          ? 0
          : strength * (texture === 1 ? (a > 0 ? 1 : -1) : texture === 2 ? (a * b > 0 ? 1 : -1) : (a + b) * 0.8);
      for (let c = 0; c < 3; c++) pixels[at + c] = from[c]! + (to[c]! - from[c]!) * share + lift;
    }
  return [from, to];
}

function clampByte(value: number): number {
  return Math.max(0, Math.min(255, value));
}

/** A dot or a dash: too small to be taken for the shape. */
function paintBystander(canvas: Canvas, random: RandomStream, unit: number): void {
  const cx = between(random, 0, canvas.size);
  const cy = between(random, 0, canvas.size);
  const colour = anyColour(random);
  if (random.uniform() < 0.5) {
    const radius = between(random, 0.8, 2.4) * unit;
    canvas.paint((x, y) => Math.hypot(x - cx, y - cy) - radius, cx, cy, radius, colour);
  } else {
    const length = between(random, 2, 5) * unit;
    const angle = between(random, 0, Math.PI);
    canvas.paint(dash(cx, cy, angle, length, between(random, 0.5, 1) * unit), cx, cy, length + unit, colour);
  }
}

/** A bar across a part of the shape. */
function paintOccluder(
  canvas: Canvas,
  random: RandomStream,
  cx: number,
  cy: number,
  radius: number,
  unit: number,
): void {
  const angle = between(random, 0, Math.PI);
  const away = between(random, 0.2, 0.8) * radius * (random.uniform() < 0.5 ? -1 : 1);
  const x = cx - Math.sin(angle) * away;
  const y = cy + Math.cos(angle) * away;
  const length = radius * 1.5;
  canvas.paint(dash(x, y, angle, length, between(random, 0.7, 1.4) * unit), x, y, length + 2 * unit, anyColour(random));
}

/** A line segment around (cx, cy) with round ends, `halfLength` to each side and `halfWidth` thick. */
function dash(cx: number, cy: number, angle: number, halfLength: number, halfWidth: number): Distance {
  const cosine = Math.cos(angle);
  const sine = Math.sin(angle);
  return (x, y) => {
    const along = cosine * (x - cx) + sine * (y - cy);
    const beyond = Math.max(Math.abs(along) - halfLength, 0);
    return Math.hypot(cosine * (y - cy) - sine * (x - cx), beyond) - halfWidth;
  };
}
