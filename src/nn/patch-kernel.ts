/** Patch kernels of another size that see the same in an image scaled with them. */

import { VitrineError } from "../errors.ts";
import type { NdArray } from "../graph/dtype.ts";
import { applyToGrid, axisMatrices, type GridSize, type Matrix } from "./positions.ts";

/**
 * The patch kernel of another size: the one whose products with resized patches come closest to the old products with the old patches.
 * With R the bicubic resize of a patch as a matrix, the new kernel is (Rᵀ)⁺ times the old one; R is separable, and so is its pseudo-inverse.
 * @param weight float32 [d, c, p, q]
 * @returns [d, c, p', q']
 * @throws {VitrineError} SHAPE_MISMATCH for weights that are no kernel.
 * @source Beyer et al., "FlexiViT: One Model for All Patch Sizes", arXiv:2212.08013, section 3.4; timm/layers/patch_embed.py resample_patch_embed
 */
export function resizePatchKernel(weight: NdArray, to: GridSize): NdArray {
  const [d, c, p, q] = weight.shape as [number, number, number, number];
  if (weight.shape.length !== 4 || weight.dtype !== "float32")
    throw new VitrineError("SHAPE_MISMATCH", {
      rule: "a patch kernel must be float32 [d, c, p, q]",
      evidence: `got ${weight.dtype} [${weight.shape.join(", ")}]`,
    });
  if (p === to[0] && q === to[1]) return weight;
  const [down, across] = axisMatrices([p, q], to, "timm").map(pseudoInverseTransposed) as [Matrix, Matrix];
  const source = weight.data as Float32Array;
  const data = new Float32Array(d * c * to[0] * to[1]);
  for (let k = 0; k < d * c; k++) {
    const kernel = source.subarray(k * p * q, (k + 1) * p * q);
    data.set(applyToGrid(kernel, [p, q, 1], down, across), k * to[0] * to[1]);
  }
  return { dtype: "float32", shape: [d, c, ...to], data };
}

/** (R⁺)ᵀ of a matrix of full rank: R (RᵀR)⁻¹ where it is tall, (RRᵀ)⁻¹ R where it is wide. */
function pseudoInverseTransposed(matrix: Matrix): Matrix {
  const tall = matrix.length >= matrix[0]!.length;
  const columns = tall ? transposed(matrix) : matrix;
  const solved = solve(gram(columns), columns); // [rank, the longer side]
  return tall ? transposed(solved) : solved;
}

function transposed(matrix: Matrix): Float64Array[] {
  return Array.from(matrix[0]!, (_, j) => Float64Array.from(matrix, (row) => row[j]!));
}

/** Products of all rows with each other. */
function gram(rows: Matrix): Float64Array[] {
  const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  return rows.map((a) => Float64Array.from(rows, (b) => dot(a, b)));
}

/** X of A X = B by elimination with row exchanges; A is symmetric and regular. */
function solve(a: readonly Float64Array[], b: Matrix): Float64Array[] {
  const rows = a.map((row, i) => Float64Array.from([...row, ...b[i]!]));
  const n = rows.length;
  for (let column = 0; column < n; column++) {
    const size = (i: number): number => Math.abs(rows[i]![column]!);
    let best = column;
    for (let i = column + 1; i < n; i++) if (size(i) > size(best)) best = i;
    [rows[column], rows[best]] = [rows[best]!, rows[column]!];
    const pivot = rows[column]!;
    const scale = pivot[column]!;
    for (let j = column; j < pivot.length; j++) pivot[j]! /= scale;
    for (const [i, row] of rows.entries()) {
      const factor = row[column]!;
      if (i !== column && factor !== 0) for (let j = column; j < row.length; j++) row[j]! -= factor * pivot[j]!;
    }
  }
  return rows.map((row) => row.slice(n));
}
