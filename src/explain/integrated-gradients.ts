/** Integrated gradients: how much each pixel adds to one class' logit on the way from an image that shows nothing. */

import { grad } from "../gradient/index.ts";
import { type NdArray, sizeOf } from "../graph/dtype.ts";
import type { GridSize } from "../nn/positions.ts";
import { at } from "../tensor/index.ts";
import type { ExplanationMap } from "./explanation.ts";
import { type LookOptions, openLooker, type Question } from "./look.ts";
import type { Subject } from "./subject.ts";

/** Places on the way at which the gradient is taken, and their weights. */
export interface Quadrature {
  /** In (0, 1). */
  readonly places: readonly number[];
  /** Sum 1. */
  readonly weights: readonly number[];
}

/** What the way from the baseline to the image gave. */
export interface IntegratedGradients {
  readonly map: ExplanationMap;
  /** y(x) − y(x'), what all pixels together should add up to. */
  readonly difference: number;
  /** What they add up to. */
  readonly sum: number;
}

/** Places on the way: fewer left a sixth of the logit unexplained on a photograph. With both ends they fill whole batches. */
const placeCount = 62;
const batch = 8;

/**
 * Integrates the gradient of a class' logit from a black image to the given one.
 * @param images float32 [1, c, H, W]
 * @param baseline float32 [1, c, H, W]
 * @param options with the class
 * @source Sundararajan, Taly & Yan, "Axiomatic Attribution for Deep Networks", arXiv:1703.01365, equation (1)
 */
export async function integrateGradients(
  subject: Subject,
  images: NdArray,
  baseline: NdArray,
  options: Required<LookOptions>,
): Promise<IntegratedGradients> {
  const quadrature = gaussLegendre(placeCount);
  const places = [0, ...quadrature.places, 1];
  const weights = [0, ...quadrature.weights, 0];
  const shape = images.shape.slice(1);
  const size = sizeOf(shape);
  const slopes = new Float64Array(size);
  const logits: number[] = [];
  const question: Question = ({ logit, logits: all, images: input }) => ({
    gradient: grad(logit, [input])[0]!,
    scores: at(all, 1, options.classIndex!),
  });
  await using looker = await openLooker(subject, [batch, ...shape], question, options);
  let grid: GridSize = [1, 1];
  for (let first = 0; first < places.length; first += batch) {
    const seen = await looker.run(imagesBetween(baseline, images, places.slice(first, first + batch)));
    grid = seen.grid;
    logits.push(...(seen.answers.scores!.data as Float32Array));
    const gradient = seen.answers.gradient!.data as Float32Array;
    for (let i = 0; i < gradient.length; i++)
      slopes[i % size]! += weights[first + Math.floor(i / size)]! * gradient[i]!;
  }
  const [from, to] = [baseline.data as Float32Array, images.data as Float32Array];
  const added = slopes.map((slope, i) => slope * (to[i]! - from[i]!));
  return {
    map: sumByPatch(added, shape as [number, number, number], grid),
    difference: logits.at(-1)! - logits[0]!,
    sum: added.reduce((sum, x) => sum + x, 0),
  };
}

/** Gauss and Legendre's places and weights on [0, 1], exact for polynomials of degree 2 · count − 1. */
export function gaussLegendre(count: number): Quadrature {
  const roots = Array.from({ length: count }, (_, i) => {
    let x = Math.cos((Math.PI * (i + 0.75)) / (count + 0.5));
    let slope = 1;
    for (let step = 0; step < 100; step++) {
      const [value, before] = legendre(count, x);
      slope = (count * (x * value - before)) / (x * x - 1);
      const change = value / slope;
      x -= change;
      if (Math.abs(change) < 1e-15) break;
    }
    return { place: (1 - x) / 2, weight: 1 / ((1 - x * x) * slope * slope) };
  });
  return { places: roots.map((root) => root.place), weights: roots.map((root) => root.weight) };
}

/** Legendre's polynomials of degree n and n − 1 at x. */
function legendre(n: number, x: number): readonly [number, number] {
  let [before, value] = [0, 1];
  for (let k = 1; k <= n; k++) [before, value] = [value, ((2 * k - 1) * x * value - (k - 1) * before) / k];
  return [value, before];
}

/** The images at some places of the straight way between two, float32 [b, c, H, W]. */
function imagesBetween(baseline: NdArray, input: NdArray, places: readonly number[]): NdArray {
  const [from, to] = [baseline.data as Float32Array, input.data as Float32Array];
  const data = new Float32Array(places.length * to.length);
  for (const [k, place] of places.entries())
    for (let i = 0; i < to.length; i++) data[k * to.length + i] = from[i]! + place * (to[i]! - from[i]!);
  return { dtype: "float32", shape: [places.length, ...input.shape.slice(1)], data };
}

/** What each patch's pixels add up to, over all channels [c, H, W]. */
function sumByPatch(
  added: Float64Array,
  [, H, W]: readonly [number, number, number],
  [rows, cols]: GridSize,
): ExplanationMap {
  const sums = new Float64Array(rows * cols);
  for (const [i, x] of added.entries()) {
    const pixel = i % (H * W);
    const row = Math.floor((Math.floor(pixel / W) * rows) / H);
    const col = Math.floor(((pixel % W) * cols) / W);
    sums[row * cols + col]! += x;
  }
  return { name: "integrated gradients", rows, cols, values: Float32Array.from(sums), outside: 0 };
}
