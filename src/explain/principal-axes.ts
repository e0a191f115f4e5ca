/** The largest eigenvalues of a symmetric matrix and their vectors. */

import { fillUniform, foldIn, keyOf } from "../graph/random.ts";

/** An eigenvalue and its vector of length 1. */
export interface Axis {
  readonly value: number;
  readonly vector: Float64Array;
}

/** A symmetric matrix that is zero but on the diagonal and next to it. */
interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** `beside[i]` stands between i and i + 1. */
  readonly beside: Float64Array;
}

/**
 * The `count` largest eigenvalues of a symmetric matrix, largest first.
 *
 * Reflections make the matrix tridiagonal; there, counting how many eigenvalues lie above a number finds each by halving, inverse iteration finds its
 * vector, and the reflections bring the vector back.
 * @param matrix [n, n] in C order; overwritten
 * @source Golub & Van Loan, "Matrix Computations", 4th edition, sections 8.3.1, 8.4.1, 8.2.2
 */
export function principalAxes(matrix: Float64Array, n: number, count: number): readonly Axis[] {
  const { tridiagonal, mirrors } = tridiagonalize(matrix, n);
  const values = largestValues(tridiagonal, Math.min(count, n));
  const found: Float64Array[] = [];
  for (const [i, value] of values.entries()) found.push(inverseIteration(tridiagonal, value, found, i));
  return values.map((value, i) => {
    const vector = found[i]!;
    for (const mirror of mirrors.toReversed()) reflect(vector, mirror);
    return { value, vector };
  });
}

/** A reflection of the elements from `first` on, along a direction of length √2 (so that 1 − v vᵀ reflects). */
interface Mirror {
  readonly first: number;
  readonly direction: Float64Array;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function addScaled(target: Float64Array, factor: number, source: Float64Array): void {
  for (let i = 0; i < target.length; i++) target[i]! += factor * source[i]!;
}

function reflect(vector: Float64Array, { first, direction }: Mirror): void {
  const part = vector.subarray(first);
  addScaled(part, -dot(part, direction), direction);
}

/** Householder's reduction. */
function tridiagonalize(
  a: Float64Array,
  n: number,
): { readonly tridiagonal: Tridiagonal; readonly mirrors: readonly Mirror[] } {
  const mirrors: Mirror[] = [];
  const beside = new Float64Array(Math.max(n - 1, 0));
  for (let k = 0; k < n - 1; k++) {
    const first = k + 1;
    const below = a.slice(k * n + first, (k + 1) * n);
    const length = Math.sqrt(dot(below, below));
    if (length === 0 || k === n - 2) {
      beside[k] = below[0]!;
      continue;
    }
    // The sign that makes the direction long, so that nothing cancels.
    const target = below[0]! > 0 ? -length : length;
    beside[k] = target;
    const direction = below;
    direction[0]! -= target;
    const scale = Math.SQRT2 / Math.sqrt(dot(direction, direction));
    for (let i = 0; i < direction.length; i++) direction[i]! *= scale;
    mirrors.push({ first, direction });
    reflectBothSides(a, n, first, direction);
  }
  const diagonal = Float64Array.from({ length: n }, (_, i) => a[i * n + i]!);
  return { tridiagonal: { diagonal, beside }, mirrors };
}

/** H A H on the rows and columns from `first` on, with H = 1 − v vᵀ. */
function reflectBothSides(a: Float64Array, n: number, first: number, v: Float64Array): void {
  const row = (i: number): Float64Array => a.subarray((first + i) * n + first, (first + i + 1) * n);
  const w = Float64Array.from(v, (_, i) => dot(row(i), v));
  addScaled(w, -dot(w, v) / 2, v);
  for (let i = 0; i < v.length; i++) {
    addScaled(row(i), -v[i]!, w);
    addScaled(row(i), -w[i]!, v);
  }
}

/** Sturm's count: how many eigenvalues are larger than x. */
function countAbove({ diagonal, beside }: Tridiagonal, x: number, tiny: number): number {
  let count = 0;
  let pivot = 1;
  for (let i = 0; i < diagonal.length; i++) {
    pivot = diagonal[i]! - x - (i === 0 ? 0 : beside[i - 1]! ** 2 / pivot);
    if (Math.abs(pivot) < tiny) pivot = -tiny;
    if (pivot > 0) count++;
  }
  return count;
}

function largestValues(matrix: Tridiagonal, count: number): readonly number[] {
  const { diagonal, beside } = matrix;
  const reach = Math.max(
    ...Array.from(diagonal, (x, i) => Math.abs(x) + Math.abs(beside[i] ?? 0) + Math.abs(beside[i - 1] ?? 0)),
  );
  const tiny = Number.EPSILON * (reach || 1) * 1e-3;
  return Array.from({ length: count }, (_, i) => {
    let [low, high] = [-reach - tiny, reach + tiny];
    for (let step = 0; step < 100 && high - low > tiny; step++) {
      const middle = (low + high) / 2;
      if (countAbove(matrix, middle, tiny) > i) low = middle;
      else high = middle;
    }
    return (low + high) / 2;
  });
}

/** The vector of an eigenvalue, at right angles to those already found (which matters where eigenvalues are close). */
function inverseIteration(
  matrix: Tridiagonal,
  value: number,
  found: readonly Float64Array[],
  site: number,
): Float64Array {
  const n = matrix.diagonal.length;
  const start = fillUniform(foldIn(keyOf(0), `vector ${site}`), new Float32Array(n));
  let vector: Float64Array = Float64Array.from(start, (x) => x - 0.5);
  for (let round = 0; round < 4; round++) {
    vector = solveShifted(matrix, value, vector);
    for (let pass = 0; pass < 2; pass++) for (const other of found) addScaled(vector, -dot(vector, other), other);
    const length = Math.sqrt(dot(vector, vector));
    for (let i = 0; i < n; i++) vector[i]! /= length;
  }
  return vector;
}

/** x of (T − shift) x = b, by elimination with row exchanges; a pivot of zero counts as very small. */
function solveShifted({ diagonal, beside }: Tridiagonal, shift: number, b: Float64Array): Float64Array {
  const n = diagonal.length;
  const x = b.slice();
  const tiny = Number.EPSILON * Math.max(1e-300, ...diagonal.map(Math.abs), ...beside.map(Math.abs));
  // Each row of the result: the pivot and the two elements after it.
  const rows: [number, number, number][] = [];
  let current: [number, number, number] = [diagonal[0]! - shift, beside[0] ?? 0, 0];
  for (let i = 0; i < n - 1; i++) {
    let next: [number, number, number] = [beside[i]!, diagonal[i + 1]! - shift, beside[i + 1] ?? 0];
    if (Math.abs(next[0]) > Math.abs(current[0])) {
      [current, next] = [next, current];
      [x[i], x[i + 1]] = [x[i + 1]!, x[i]!];
    }
    if (current[0] === 0) current[0] = tiny;
    const factor = next[0] / current[0];
    x[i + 1]! -= factor * x[i]!;
    rows.push(current);
    current = [next[1] - factor * current[1], next[2] - factor * current[2], 0];
  }
  if (Math.abs(current[0]) < tiny) current[0] = tiny;
  rows.push(current);
  for (let i = n - 1; i >= 0; i--) {
    const [pivot, second, third] = rows[i]!;
    x[i] = (x[i]! - second * (x[i + 1] ?? 0) - third * (x[i + 2] ?? 0)) / pivot;
  }
  return x;
}
