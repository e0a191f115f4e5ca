/** Arithmetic on what small integer values hold, so that shapes computed by a graph are known while it is traced. */

import {
  addDims,
  type Dim,
  divideExactly,
  equalDims,
  floorDivDim,
  isSymbolic,
  mulDims,
  type Shape,
  subDims,
} from "../dim.ts";
import { type DType, isFloat } from "../dtype.ts";
import type { Value } from "../value.ts";

/** Most numbers that are kept of one value. */
export const longestKnown = 64;

type Combine = (a: Dim, b: Dim, dtype: DType) => Dim | undefined;

/** The operators with two inputs that computed shapes consist of. */
export const knownBinary: Readonly<Record<string, Combine>> = {
  Add: (a, b) => addDims(a, b),
  Sub: subDims,
  Mul: (a, b) => mulDims(a, b),
  Div: quotient,
  Mod: (a, b) => (isSymbolic(b) || b <= 0 ? undefined : subDims(a, mulDims(b, floorDivDim(a, b)))),
  Min: (a, b) => choose(a, b, (difference) => difference <= 0),
  Max: (a, b) => choose(a, b, (difference) => difference >= 0),
  And: (a, b) => mulDims(a, b),
  Or: (a, b) => (a === 1 || b === 1 ? 1 : 0),
  Xor: (a, b) => (equalDims(a, b) ? 0 : 1),
  Equal: (a, b) => {
    const difference = subDims(a, b);
    if (!isSymbolic(difference)) return difference === 0 ? 1 : 0;
    // A size is never the -1 that stands for "keep this axis".
    return isNegative(a) || isNegative(b) ? 0 : undefined;
  },
};

/** The contents of two scalars or vectors combined with broadcasting; `undefined` as soon as one is not known. */
export function combineKnown(a: Value, b: Value, combine: Combine): readonly Dim[] | undefined {
  const x = a.known;
  const y = b.known;
  if (!x || !y || a.shape.length > 1 || b.shape.length > 1) return undefined;
  const length = x.length === 1 ? y.length : x.length;
  const out: Dim[] = [];
  for (let i = 0; i < length; i++) {
    const dim = combine(x[x.length === 1 ? 0 : i]!, y[y.length === 1 ? 0 : i]!, a.dtype);
    if (dim === undefined) return undefined;
    out.push(dim);
  }
  return out;
}

/** `x` where the condition holds, else `y`. */
export function selectKnown(condition: Value, x: Value, y: Value): readonly Dim[] | undefined {
  const [c, a, b] = [condition.known, x.known, y.known];
  if (!c || !a || !b || [condition, x, y].some((value) => value.shape.length > 1)) return undefined;
  const length = Math.max(c.length, a.length, b.length);
  const at = (list: readonly Dim[], i: number): Dim => list[list.length === 1 ? 0 : i]!;
  return Array.from({ length }, (_, i) => (at(c, i) === 0 ? at(b, i) : at(a, i)));
}

/** The contents at the given indices of each axis; `strides` says how far apart neighbours on an axis lie. */
export function pickKnown(
  known: readonly Dim[],
  strides: readonly number[],
  indices: readonly (readonly number[])[],
): readonly Dim[] {
  let places: readonly number[] = [0];
  for (const [axis, list] of indices.entries())
    places = places.flatMap((place) => list.map((index) => place + index * strides[axis]!));
  return places.map((place) => known[place]!);
}

/** How far apart neighbours on each axis lie, in elements; `undefined` where sizes have symbols. */
export function stridesOf(shape: Shape): readonly number[] | undefined {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis]!;
    if (typeof size !== "number") return undefined;
    strides[axis] = stride;
    stride *= size;
  }
  return strides;
}

/** All contents of a scalar or vector folded into one. */
export function reduceKnown(op: string, value: Value): readonly Dim[] | undefined {
  const { known } = value;
  if (!known || value.shape.length > 1) return undefined;
  if (op === "ReduceSum") return [addDims(...known)];
  if (op === "ReduceProd") return [mulDims(1, ...known)];
  const combine = op === "ReduceMin" ? knownBinary.Min : op === "ReduceMax" ? knownBinary.Max : undefined;
  if (!combine || known.length === 0) return undefined;
  let result: Dim | undefined = known[0];
  for (const dim of known) result = result === undefined ? undefined : combine(result, dim, value.dtype);
  return result === undefined ? undefined : [result];
}

/** True where a size counts from the end of an axis. */
export function isNegative(dim: Dim): boolean {
  return typeof dim === "number" ? dim < 0 : dim.terms.every((term) => term.coefficient < 0);
}

// Sizes are not negative, so truncation and floor are the same.
function quotient(a: Dim, b: Dim, dtype: DType): Dim | undefined {
  const exact = divideExactly(a, b);
  if (exact !== undefined || isFloat(dtype) || isSymbolic(b) || b === 0) return exact;
  if (!isSymbolic(a)) return Math.trunc(a / b);
  return b > 0 ? floorDivDim(a, b) : undefined;
}

function choose(a: Dim, b: Dim, first: (difference: number) => boolean): Dim | undefined {
  if (equalDims(a, b)) return a;
  const difference = subDims(a, b);
  return isSymbolic(difference) ? undefined : first(difference) ? a : b;
}
