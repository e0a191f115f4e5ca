/** Shape rules of operators that move, repeat, cut or lay out elements anew, and of those that make arrays from shapes. */

import {
  addDims,
  ceilDivDim,
  type Dim,
  divideExactly,
  equalDims,
  equalShapes,
  floorDivDim,
  isSymbolic,
  mulDims,
  type Shape,
  sizeOfShape,
  subDims,
} from "../dim.ts";
import { dtypeOfCode, isFloat } from "../dtype.ts";
import type { Value, ValueType } from "../value.ts";
import { isNegative, longestKnown, pickKnown, stridesOf } from "./known.ts";
import { broadcastShapes, constantNumbers, type InferContext, isIndex, isNumber, withDim } from "./rule.ts";

export function reshape(c: InferContext<{ readonly allowzero: number }>): readonly ValueType[] {
  const { dtype, shape, known } = c.input(0);
  const wanted = c.known(1, "shape");
  const sizes: Dim[] = [];
  let hole = -1;
  for (const [i, dim] of wanted.entries()) {
    if (dim === -1) {
      c.check(hole < 0, "only one size may be -1");
      hole = i;
    } else if (typeof dim === "number" && dim < 0) c.fail("sizes must not be negative");
    sizes.push(
      dim === 0 && !c.attributes.allowzero ? (shape[i] ?? c.fail("a size of 0 must have an axis to copy")) : dim,
    );
  }
  const total = sizeOfShape(shape);
  if (hole >= 0) {
    sizes[hole] = 1;
    sizes[hole] =
      divideExactly(total, sizeOfShape(sizes)) ?? c.fail("the other sizes must divide the number of elements");
  } else c.check(equalDims(sizeOfShape(sizes), total), "the number of elements must stay the same");
  return [{ dtype, shape: sizes, known }];
}

export function flatten(c: InferContext<{ readonly axis: number }>): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  const { axis } = c.attributes;
  const at = axis === shape.length ? axis : c.axis(axis, shape.length || 1);
  return [{ dtype, shape: [sizeOfShape(shape.slice(0, at)), sizeOfShape(shape.slice(at))] }];
}

export function squeeze(c: InferContext): readonly ValueType[] {
  const { dtype, shape, known } = c.input(0);
  const given = c.optionalNumbers(1, "axes");
  const axes = given && c.axes(given, shape.length);
  if (axes) for (const axis of axes) c.check(shape[axis] === 1, `axis ${axis} must have size 1`);
  else c.check(!shape.some(isSymbolic), "axes must be given where sizes have symbols");
  const kept = shape.filter((dim, i) => (axes ? !axes.includes(i) : dim !== 1));
  return [{ dtype, shape: kept, known }];
}

export function unsqueeze(c: InferContext): readonly ValueType[] {
  const { dtype, shape, known } = c.input(0);
  const given = c.numbers(1, "axes");
  const rank = shape.length + given.length;
  const axes = c.axes(given, rank);
  const out: Dim[] = [];
  let next = 0;
  for (let i = 0; i < rank; i++) out.push(axes.includes(i) ? 1 : shape[next++]!);
  return [{ dtype, shape: out, known }];
}

export function transpose(c: InferContext<{ readonly perm: readonly number[] | undefined }>): readonly ValueType[] {
  const { dtype, shape, known } = c.input(0);
  const perm = c.attributes.perm ?? shape.map((_, i) => shape.length - 1 - i);
  let seen = 0;
  const out = perm.map((axis) => {
    seen |= 1 << axis;
    return shape[axis]!;
  });
  if (perm.length !== shape.length || seen !== (1 << shape.length) - 1)
    c.fail(`perm [${perm.join(", ")}] must name every axis once`);
  const strides = known && stridesOf(shape);
  if (!strides) return [{ dtype, shape: out }];
  const permuted = perm.map((axis) => strides[axis]!);
  return [
    {
      dtype,
      shape: out,
      known: pickKnown(
        known,
        permuted,
        out.map((size) => upTo(size as number, 0, 1)),
      ),
    },
  ];
}

function upTo(length: number, from: number, step: number): readonly number[] {
  return Array.from({ length }, (_, i) => from + i * step);
}

export function concat(c: InferContext<{ readonly axis: number | undefined }>): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  const axis = c.axis(c.attributes.axis ?? c.fail("axis must be given"), shape.length);
  let size: Dim = 0;
  let known: Dim[] | undefined = [];
  for (let i = 0; i < c.inputs.length; i++) {
    const next = c.input(i);
    c.checkDType(next.dtype === dtype, "element types must be equal");
    const fits =
      next.shape.length === shape.length && next.shape.every((dim, j) => j === axis || equalDims(dim, shape[j]!));
    if (!fits) c.fail(`sizes must be equal except on axis ${axis}`);
    size = addDims(size, next.shape[axis]!);
    if (known) known = next.known && [...known, ...next.known];
  }
  return [{ dtype, shape: withDim(shape, axis, size), known: known && shape.length === 1 ? known : undefined }];
}

export function split(
  c: InferContext<{ readonly axis: number; readonly num_outputs: number | undefined }>,
): readonly ValueType[] {
  const { dtype, shape, known } = c.input(0);
  const axis = c.axis(c.attributes.axis, shape.length);
  const size = shape[axis]!;
  const sizes = c.inputs[1] ? c.known(1, "split") : equalParts(c, size);
  c.check(equalDims(addDims(...sizes), size), `the parts (${sizes.join(", ")}) must add up to axis ${axis}`);
  if (sizes.some((part) => typeof part === "number" && part < 0)) c.fail("the parts must not be negative");
  let at = 0;
  return sizes.map((part) => {
    const from = at;
    if (typeof part === "number") at += part;
    const slice = known && shape.length === 1 && typeof part === "number" ? known.slice(from, at) : undefined;
    return { dtype, shape: withDim(shape, axis, part), known: slice };
  });
}

/** `num_outputs` parts of the same size, the last one smaller where it does not divide. */
function equalParts(c: InferContext<{ readonly num_outputs: number | undefined }>, size: Dim): readonly Dim[] {
  const count = c.attributes.num_outputs ?? c.fail("split or num_outputs must be given");
  c.check(count > 0 && (isSymbolic(size) || count <= size), "num_outputs must lie in [1, size of the axis]");
  const part = divideExactly(size, count) ?? ceilDivDim(size, count);
  const parts = new Array<Dim>(count - 1).fill(part);
  return [...parts, subDims(size, mulDims(part, count - 1))];
}

export function slice(c: InferContext): readonly ValueType[] {
  const { dtype, shape, known } = c.input(0);
  const starts = c.known(1, "starts");
  const ends = c.known(2, "ends");
  const given = c.optionalNumbers(3, "axes");
  const axes = given ? c.axes(given, shape.length) : starts.map((_, i) => i);
  const steps = c.optionalNumbers(4, "steps") ?? starts.map(() => 1);
  const { length } = starts;
  c.check(
    ends.length === length && axes.length === length && steps.length === length && length <= shape.length,
    "starts, ends, axes and steps must have a number for each axis",
  );
  const out = [...shape];
  const strides = known && stridesOf(shape);
  const indices = strides && shape.map((size) => upTo(size as number, 0, 1));
  let isKnown = strides !== undefined;
  for (const [i, axis] of axes.entries()) {
    const step = steps[i]!;
    c.check(step !== 0, "steps must not be 0");
    const { from, size } = cutAxis(shape[axis]!, starts[i]!, ends[i]!, step);
    out[axis] = size;
    if (indices && typeof from === "number" && typeof size === "number") indices[axis] = upTo(size, from, step);
    else isKnown = false;
  }
  return [
    {
      dtype,
      shape: out,
      known: known && strides && indices && isKnown ? pickKnown(known, strides, indices) : undefined,
    },
  ];
}

/** Where ONNX counts a bound as "to the end": any number at least this large. */
const beyond = 2 ** 31 - 1;

/** The first index and the number of indices; bounds on an axis with symbols are taken to lie on it. */
function cutAxis(size: Dim, start: Dim, end: Dim, step: number): { readonly from: Dim; readonly size: Dim } {
  const last = addDims(size, -1);
  const from = step > 0 ? clampBound(start, size, 0, size) : clampBound(start, size, 0, last);
  const to = step > 0 ? clampBound(end, size, 0, size) : clampBound(end, size, -1, last);
  const length = ceilDivDim(step > 0 ? subDims(to, from) : subDims(from, to), Math.abs(step));
  return { from, size: typeof length === "number" ? Math.max(0, length) : length };
}

function clampBound(bound: Dim, size: Dim, low: number, high: Dim): Dim {
  if (typeof bound === "number" && bound >= beyond) return high;
  if (typeof bound === "number" && bound <= -beyond) return low;
  const at = isNegative(bound) ? addDims(size, bound) : bound;
  if (typeof at === "number") return typeof high === "number" ? Math.min(Math.max(at, low), high) : Math.max(at, low);
  const room = subDims(high, at);
  return typeof room === "number" && room < 0 ? high : at;
}

export function pad(c: InferContext<{ readonly mode: string }>): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  const value = c.inputs[2];
  c.checkDType(!value || value.dtype === dtype, "the value must have the input's element type");
  const pads = c.known(1, "pads");
  const given = c.optionalNumbers(3, "axes");
  const axes = given ? c.axes(given, shape.length) : shape.map((_, i) => i);
  c.check(pads.length === 2 * axes.length, "pads must have a begin and an end for each axis");
  const out = [...shape];
  for (const [i, axis] of axes.entries()) {
    const size = addDims(shape[axis]!, pads[i]!, pads[axes.length + i]!);
    c.check(typeof size !== "number" || size >= 0, "padded sizes must not be negative");
    out[axis] = size;
  }
  return [{ dtype, shape: out }];
}

export function expand(c: InferContext): readonly ValueType[] {
  const { dtype, shape, known } = c.input(0);
  const wanted = checkSizes(c, c.known(1, "shape"));
  const out = broadcastShapes(shape, wanted) ?? c.fail("sizes must be equal or 1");
  const [size] = out;
  const repeats = known?.length === 1 && out.length === 1 && typeof size === "number" && size <= longestKnown;
  return [
    {
      dtype,
      shape: out,
      known: repeats ? new Array<Dim>(size).fill(known[0]!) : equalShapes(shape, out) ? known : undefined,
    },
  ];
}

export function tile(c: InferContext): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  const repeats = checkSizes(c, c.known(1, "repeats"));
  c.check(repeats.length === shape.length, "repeats must have a number for each axis");
  return [{ dtype, shape: shape.map((dim, i) => mulDims(dim, repeats[i]!)) }];
}

export function trilu(c: InferContext): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  const k = c.inputs[1];
  c.check(shape.length >= 2, "the input must be matrices");
  c.checkDType(!k || k.dtype === "int64", "k must be int64");
  return [{ dtype, shape }];
}

export function resize(
  c: InferContext<{ readonly axes: readonly number[] | undefined; readonly keep_aspect_ratio_policy: string }>,
): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  const axes = c.attributes.axes ? c.axes(c.attributes.axes, shape.length) : shape.map((_, i) => i);
  const isGiven = (value: Value | undefined): boolean => value !== undefined && value.shape[0] !== 0;
  const byScales = isGiven(c.inputs[2]);
  c.check(byScales !== isGiven(c.inputs[3]), "either scales or sizes must be given");
  const numbers = byScales ? (constantNumbers(c.input(2)) ?? c.fail("scales must be constant")) : c.known(3, "sizes");
  c.check(numbers.length === axes.length, `${byScales ? "scales" : "sizes"} must have a number for each axis`);
  const out = [...shape];
  const policy = c.attributes.keep_aspect_ratio_policy;
  for (const [i, axis] of axes.entries())
    out[axis] = byScales ? scaled(c, shape[axis]!, numbers[i] as number) : numbers[i]!;
  if (!byScales && policy !== "stretch") {
    const ratios = axes.map((axis, i) => {
      const [size, wanted] = [shape[axis]!, numbers[i]!];
      return isSymbolic(size) || isSymbolic(wanted) ? c.fail(`policy ${policy} needs known sizes`) : wanted / size;
    });
    const ratio = policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
    for (const axis of axes) out[axis] = Math.round(ratio * (shape[axis] as number));
  }
  return [{ dtype, shape: checkSizes(c, out) }];
}

/** ⌊size · scale⌋ in float32, as the runtime computes it; with symbols only for scales that are small fractions. */
function scaled(c: InferContext, size: Dim, scale: number): Dim {
  c.check(scale > 0, "scales must be positive");
  if (typeof size === "number") return Math.floor(Math.fround(size * scale));
  for (let divisor = 1; divisor <= 64; divisor++) {
    const times = Math.round(scale * divisor);
    if (times > 0 && Math.fround(times / divisor) === scale) return floorDivDim(mulDims(size, times), divisor);
  }
  return c.fail(`scale ${scale} of a size with symbols must be a fraction`);
}

export function eyeLike(c: InferContext<{ readonly dtype: number | undefined }>): readonly ValueType[] {
  const x = c.input(0);
  c.check(x.shape.length === 2, "the input must be a matrix");
  const code = c.attributes.dtype;
  return [{ dtype: code === undefined ? x.dtype : dtypeOfCode(code, c.scope), shape: x.shape }];
}

export function range(c: InferContext): readonly ValueType[] {
  const { dtype } = c.input(0);
  const bounds = [0, 1, 2].map((i): Dim => {
    const value = c.input(i);
    c.checkDType(value.dtype === dtype && isNumber(dtype), "element types must be equal numbers");
    const [bound, ...more] = c.known(i, ["start", "limit", "delta"][i]!);
    return bound !== undefined && more.length === 0 ? bound : c.fail("start, limit and delta must be scalars");
  });
  const [start, limit, delta] = bounds as [Dim, Dim, Dim];
  if (typeof delta !== "number" || delta === 0) return c.fail("delta must be a number other than 0");
  const span = delta > 0 ? subDims(limit, start) : subDims(start, limit);
  if (typeof span !== "number" || typeof start !== "number") {
    c.check(!isFloat(dtype) || Number.isInteger(delta), "delta of a range with symbols must be whole");
    return [{ dtype, shape: [ceilDivDim(span, Math.abs(delta))] }];
  }
  const length = Math.max(0, Math.ceil(span / Math.abs(delta)));
  const known =
    isFloat(dtype) || length > longestKnown ? undefined : Array.from({ length }, (_, i) => start + i * delta);
  return [{ dtype, shape: [length], known }];
}

export function shapeOf(
  c: InferContext<{ readonly start: number; readonly end: number | undefined }>,
): readonly ValueType[] {
  const { shape } = c.input(0);
  const known = shape.slice(c.attributes.start, c.attributes.end);
  return [{ dtype: "int64", shape: [known.length], known }];
}

export function size(c: InferContext): readonly ValueType[] {
  return [{ dtype: "int64", shape: [], known: [sizeOfShape(c.input(0).shape)] }];
}

export function constantOfShape(
  c: InferContext<{ readonly value: number; readonly to: number }>,
): readonly ValueType[] {
  const dtype = dtypeOfCode(c.attributes.to, c.scope);
  const shape = checkSizes(c, c.known(0, "shape"));
  const [length] = shape;
  const isKnown =
    isIndex(dtype) &&
    shape.length <= 1 &&
    (length === undefined || (typeof length === "number" && length <= longestKnown));
  return [
    {
      dtype,
      shape,
      known: isKnown ? new Array<Dim>((length as number | undefined) ?? 1).fill(c.attributes.value) : undefined,
    },
  ];
}

function checkSizes(c: InferContext, sizes: Shape): Shape {
  if (sizes.some((dim) => typeof dim === "number" && dim < 0)) c.fail("sizes must not be negative");
  return sizes;
}
