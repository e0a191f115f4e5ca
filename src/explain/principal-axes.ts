/** The largest eigenvalues of a symmetric matrix and their vectors. */

import { fillUniform, keyOf } from "../graph/random.ts";

/** An eigenvalue and its vector of length 1. */
export interface Axis {
  readonly value: number;
  readonly vector: Float64Array;
}

/**
 * The `count` largest eigenvalues of a symmetric matrix without negative ones, largest first.
 *
 * A few more vectors than asked for are multiplied by the matrix and made orthonormal again and again; the small matrix that the large one is between them
 * gives the eigenvectors. The start is fixed, so the result is always the same.
 * @param matrix [n, n] in C order
 * @source Rutishauser, "Computational aspects of F. L. Bauer's simultaneous iteration method", Numerische Mathematik 13, 1969
 */
export function principalAxes(matrix: Float64Array, n: number, count: number): readonly Axis[] {
  const extra = 12;
  const wanted = Math.min(count, n);
  const size = Math.min(wanted + extra, n);
  let basis = startingVectors(n, size);
  let axes: readonly Axis[] = [];
  for (let round = 0; round < 300; round++) {
    orthonormalize(basis);
    const images = basis.map((vector) => timesVector(matrix, vector));
    const before = axes;
    axes = axesBetween(basis, images).slice(0, wanted);
    const moved = axes.reduce((worst, { vector }, i) => Math.max(worst, angle(vector, before[i]?.vector)), 0);
    if (moved < 1e-7) break;
    basis = images;
  }
  return axes;
}

function startingVectors(n: number, size: number): Float64Array[] {
  const numbers = fillUniform(keyOf(0), new Float32Array(n * size));
  return Array.from({ length: size }, (_, i) =>
    Float64Array.from(numbers.subarray(i * n, (i + 1) * n), (x) => x - 0.5),
  );
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function angle(a: Float64Array, b: Float64Array | undefined): number {
  return b ? Math.sqrt(Math.max(0, 1 - dot(a, b) ** 2)) : 1;
}

function timesVector(matrix: Float64Array, vector: Float64Array): Float64Array {
  const n = vector.length;
  return Float64Array.from(vector, (_, i) => dot(matrix.subarray(i * n, (i + 1) * n), vector));
}

/** Gram and Schmidt, twice against rounding. A vector that lies in the span of those before it becomes zero. */
function orthonormalize(vectors: readonly Float64Array[]): void {
  for (const [i, vector] of vectors.entries()) {
    const first = Math.sqrt(dot(vector, vector));
    for (let pass = 0; pass < 2; pass++)
      for (const other of vectors.slice(0, i)) {
        const along = dot(vector, other);
        for (let k = 0; k < vector.length; k++) vector[k]! -= along * other[k]!;
      }
    const length = Math.sqrt(dot(vector, vector));
    const scale = length > 1e-12 * first ? 1 / length : 0;
    for (let k = 0; k < vector.length; k++) vector[k]! *= scale;
  }
}

/** Eigenvectors as far as an orthonormal basis can express them; `images` is the matrix times the basis. */
function axesBetween(basis: readonly Float64Array[], images: readonly Float64Array[]): readonly Axis[] {
  const m = basis.length;
  const small = basis.map((a) => Float64Array.from(images, (b) => dot(a, b)));
  const turned = jacobi(small);
  return Array.from({ length: m }, (_, k) => {
    const vector = new Float64Array(basis[0]!.length);
    for (let i = 0; i < m; i++) for (let j = 0; j < vector.length; j++) vector[j]! += turned[i]![k]! * basis[i]![j]!;
    return { value: small[k]![k]!, vector };
  }).sort((a, b) => b.value - a.value);
}

/** Turns a small symmetric matrix into its diagonal form, in place; the columns of the result are its eigenvectors. */
function jacobi(a: readonly Float64Array[]): readonly Float64Array[] {
  const m = a.length;
  const turned = a.map((_, i) => Float64Array.from(a, (_, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < 30; sweep++) {
    let off = 0;
    for (let p = 0; p < m; p++)
      for (let q = p + 1; q < m; q++) {
        const apq = (a[p]![q]! + a[q]![p]!) / 2;
        off = Math.max(off, apq ** 2 / (Math.abs(a[p]![p]! * a[q]![q]!) || 1));
        if (apq === 0) continue;
        const theta = (a[q]![q]! - a[p]![p]!) / (2 * apq);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta ** 2 + 1));
        const c = 1 / Math.sqrt(t ** 2 + 1);
        rotate(a, turned, [p, q], [c, t * c]);
      }
    if (off < 1e-28) break;
  }
  return turned;
}

function rotate(
  a: readonly Float64Array[],
  turned: readonly Float64Array[],
  [p, q]: readonly [number, number],
  [c, s]: readonly [number, number],
): void {
  const turn = (rows: readonly Float64Array[]): void => {
    for (const row of rows) {
      const [x, y] = [row[p]!, row[q]!];
      row[p] = c * x - s * y;
      row[q] = s * x + c * y;
    }
  };
  turn(a);
  const [rowP, rowQ] = [a[p]!, a[q]!];
  for (let k = 0; k < rowP.length; k++) {
    const [x, y] = [rowP[k]!, rowQ[k]!];
    rowP[k] = c * x - s * y;
    rowQ[k] = s * x + c * y;
  }
  turn(turned);
}
