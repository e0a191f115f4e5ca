/**
 * Position embeddings of image patches, resized to other grids. Five codes resize in five ways, and weights fit only the way they are used with;
 * so each rule has a name and none is the silent default of a loader.
 */

import { VitrineError } from "../errors.ts";
import type { NdArray } from "../graph/dtype.ts";
import { concat, rearrange, slice, type Tensor, tensor } from "../tensor/index.ts";

/**
 * How a grid of position embeddings is resized:
 * - `timm`: bicubic, a = −0.5, kernel widened when shrinking and renormalised at the edge (`resample_abs_pos_embed`);
 * - `huggingface`: bicubic, a = −0.75, edge repeated (`interpolate_pos_encoding`; also the DeiT and MAE repositories);
 * - `torchvision`: the same with aligned corners (`interpolate_embeddings`);
 * - `jax`: bilinear with aligned corners (`scipy.ndimage.zoom`, google-research/vision_transformer and big_vision);
 * - `timm-npz`: bilinear, edge repeated (timm's loader of `.npz` files).
 */
export type PositionRule = "timm" | "huggingface" | "torchvision" | "jax" | "timm-npz";

/** The names of all rules. */
export const positionRules: readonly PositionRule[] = ["timm", "huggingface", "torchvision", "jax", "timm-npz"];

/** [high, wide]. */
export type GridSize = readonly [number, number];

/** What `resizePositions` must know about an embedding. */
export interface PositionLayout {
  /** Grid of the embedding as it is. */
  readonly from: GridSize;
  /** Grid that is wanted. */
  readonly to: GridSize;
  /** Tokens before the grid (class, distillation, registers), which keep their embedding. */
  readonly prefix: number;
  readonly rule: PositionRule;
}

/**
 * Position embeddings for another grid, as part of a computation, so that gradients reach the embedding.
 * @param positions [1, prefix + h·w, d]
 * @returns [1, prefix + h'·w', d]
 */
export function resizePositions(positions: Tensor, { from, to, prefix, rule }: PositionLayout): Tensor {
  if (from[0] === to[0] && from[1] === to[1]) return positions;
  const d = positions.shape[2]!;
  const [down, across] = axisMatrices(from, to, rule);
  const grid = slice(positions, 1, prefix).reshape([...from, d]); //                               [h, w, d]
  const high = constantMatrix(down).matmul(rearrange(grid, "h w d -> h (w d)")); //                [h', w·d]
  const wide = constantMatrix(across).matmul(high.reshape([to[0], from[1], d])); //                [h', w', d]
  const resized = wide.reshape([1, to[0] * to[1], d]); //                                          [1, h'·w', d]
  return prefix === 0 ? resized : concat([slice(positions, 1, 0, prefix), resized], 1);
}

/**
 * The same on loaded weights.
 * @param positions float32 [1, prefix + h·w, d]
 * @throws {VitrineError} SHAPE_MISMATCH when the embedding has not this number of tokens.
 */
export function resizeLoadedPositions(positions: NdArray, { from, to, prefix, rule }: PositionLayout): NdArray {
  const [, tokens, d] = positions.shape;
  if (positions.shape.length !== 3 || positions.dtype !== "float32" || tokens !== prefix + from[0] * from[1])
    throw new VitrineError("SHAPE_MISMATCH", {
      rule: `position embeddings must be float32 [1, ${prefix} + ${from[0]}·${from[1]}, d]`,
      evidence: `got ${positions.dtype} [${positions.shape.join(", ")}]`,
    });
  const source = positions.data as Float32Array;
  const [down, across] = axisMatrices(from, to, rule);
  const data = new Float32Array((prefix + to[0] * to[1]) * d!);
  data.set(source.subarray(0, prefix * d!));
  const resized = applyToGrid(source.subarray(prefix * d!), [...from, d!], down, across);
  data.set(resized, prefix * d!);
  return { dtype: "float32", shape: [1, prefix + to[0] * to[1], d!], data };
}

/** Rows of weights: output i is Σ_j matrix[i][j] · input j. */
export type Matrix = readonly Float64Array[];

/** The products that resize an axis each: [down: h' × h, across: w' × w]. */
export function axisMatrices(from: GridSize, to: GridSize, rule: PositionRule): readonly [Matrix, Matrix] {
  return [axisMatrix(from[0], to[0], rule), axisMatrix(from[1], to[1], rule)];
}

/** down · grid · acrossᵀ for every channel of a grid [h, w, c]. */
export function applyToGrid(
  grid: ArrayLike<number>,
  [, w, c]: readonly [number, number, number],
  down: Matrix,
  across: Matrix,
): Float64Array {
  const out = new Float64Array(down.length * across.length * c);
  for (const [i, row] of down.entries())
    for (const [j, column] of across.entries())
      for (const [y, high] of row.entries()) {
        if (high === 0) continue;
        for (const [x, wide] of column.entries()) {
          if (wide === 0) continue;
          const [source, target] = [(y * w + x) * c, (i * across.length + j) * c];
          for (let k = 0; k < c; k++) out[target + k]! += high * wide * grid[source + k]!;
        }
      }
  return out;
}

function constantMatrix(matrix: Matrix): Tensor {
  return tensor(
    matrix.flatMap((row) => [...row]),
    [matrix.length, matrix[0]!.length],
  );
}

function axisMatrix(from: number, to: number, rule: PositionRule): Matrix {
  const row = rule === "timm" ? antialiasedRow : pointRow(rule);
  return Array.from({ length: to }, (_, i) => row(i, from, to));
}

/** Kernel of width max(from / to, 1), weights renormalised inside the axis. @source torch interpolate(antialias=True) */
function antialiasedRow(i: number, from: number, to: number): Float64Array {
  const scale = from / to;
  const widen = Math.max(scale, 1);
  const centre = (i + 0.5) * scale;
  const low = Math.max(Math.trunc(centre - 2 * widen + 0.5), 0);
  const high = Math.min(Math.trunc(centre + 2 * widen + 0.5), from);
  const row = new Float64Array(from);
  for (let j = low; j < high; j++) row[j] = cubic((j - centre + 0.5) / widen, -0.5);
  const total = row.reduce((sum, weight) => sum + weight, 0);
  return row.map((weight) => weight / total);
}

/** The value at one point between elements; elements beyond the edge repeat it. */
function pointRow(rule: Exclude<PositionRule, "timm">): (i: number, from: number, to: number) => Float64Array {
  const aligned = rule === "torchvision" || rule === "jax";
  const linear = rule === "jax" || rule === "timm-npz";
  return (i, from, to) => {
    const x = aligned ? (to === 1 ? 0 : (i * (from - 1)) / (to - 1)) : ((i + 0.5) * from) / to - 0.5;
    const row = new Float64Array(from);
    const first = Math.floor(x) - (linear ? 0 : 1);
    for (let j = first; j < first + (linear ? 2 : 4); j++) {
      const weight = linear ? 1 - Math.abs(x - j) : cubic(x - j, -0.75);
      row[Math.min(Math.max(j, 0), from - 1)]! += weight;
    }
    return row;
  };
}

/** Keys' cubic kernel. */
function cubic(distance: number, a: number): number {
  const x = Math.abs(distance);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}
