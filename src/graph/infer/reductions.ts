/** Shape rules of reductions, orderings and normalisations. */

import { type Dim, equalDims, type Shape } from "../dim.ts";
import { isFloat } from "../dtype.ts";
import type { Value, ValueType } from "../value.ts";
import { reduceKnown } from "./known.ts";
import { fitsInto, type InferContext, isIndex, isNumber, withDim } from "./rule.ts";

export function reduce(
  c: InferContext<{ readonly keepdims: number; readonly noop_with_empty_axes: number }>,
): readonly ValueType[] {
  const x = c.input(0);
  const { dtype, shape } = x;
  c.checkDType(isNumber(dtype), "the input must be numbers");
  const { keepdims, noop_with_empty_axes } = c.attributes;
  const given = c.optionalNumbers(1, "axes");
  const all = given === undefined || given.length === 0;
  if (all && noop_with_empty_axes) return [{ dtype, shape, known: x.known }];
  if (all) return [{ dtype, shape: keepdims ? shape.map(() => 1) : [], known: x.known && reduceKnown(c.op, x) }];
  const axes = c.axes(given, shape.length);
  const reduced: Dim[] = [];
  for (let i = 0; i < shape.length; i++)
    if (!axes.includes(i)) reduced.push(shape[i]!);
    else if (keepdims) reduced.push(1);
  return [{ dtype, shape: reduced, known: x.known && reduceKnown(c.op, x) }];
}

/** ArgMax, ArgMin. */
export function argExtremum(
  c: InferContext<{ readonly axis: number; readonly keepdims: number }>,
): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  c.checkDType(isNumber(dtype), "the input must be numbers");
  const axis = c.axis(c.attributes.axis, shape.length);
  return [{ dtype: "int64", shape: c.attributes.keepdims ? withDim(shape, axis, 1) : shape.toSpliced(axis, 1) }];
}

export function cumSum(c: InferContext): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  const axis = c.input(1);
  c.checkDType(isNumber(dtype) && isIndex(axis.dtype), "the input must be numbers and the axis int32 or int64");
  c.check(axis.shape.length <= 1, "the axis must be a scalar");
  const [at] = axis.known ?? [];
  if (typeof at === "number") c.axis(at, shape.length);
  return [{ dtype, shape }];
}

export function topK(c: InferContext<{ readonly axis: number }>): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  c.checkDType(isNumber(dtype) && c.input(1).dtype === "int64", "the input must be numbers and K int64");
  const axis = c.axis(c.attributes.axis, shape.length);
  const known = c.known(1, "K");
  const [k] = known;
  if (k === undefined || known.length !== 1) return c.fail("K must be one number");
  const size = shape[axis]!;
  if (typeof k === "number")
    c.check(k >= 0 && (typeof size !== "number" || k <= size), "K must lie in [0, size of the axis]");
  const out = withDim(shape, axis, k);
  return [
    { dtype, shape: out },
    { dtype: "int64", shape: out },
  ];
}

/** Softmax, LogSoftmax. */
export function softmax(c: InferContext<{ readonly axis: number }>): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  c.checkDType(isFloat(dtype), "the input must be floating-point");
  c.axis(c.attributes.axis, shape.length);
  return [{ dtype, shape }];
}

export function layerNormalization(c: InferContext<{ readonly axis: number }>): readonly ValueType[] {
  const x = c.input(0);
  const { dtype, shape } = x;
  const [, scale, bias] = c.inputs;
  c.checkDType(isFloat(dtype), "the input must be floating-point");
  const axis = c.axis(c.attributes.axis, shape.length);
  const normalized = shape.slice(axis);
  for (const parameter of [scale, bias]) {
    if (!parameter) continue;
    c.checkDType(parameter.dtype === dtype, "element types must be equal");
    c.check(fitsInto(parameter.shape, normalized), "scale and bias must broadcast to the normalised axes");
  }
  const statistics: ValueType = { dtype: "float32", shape: shape.map((dim, i) => (i < axis ? dim : 1)) };
  return [{ dtype, shape }, statistics, statistics];
}

/** `[b, c, …]` with one scale and bias per channel. */
export function groupNormalization(c: InferContext<{ readonly num_groups: number | undefined }>): readonly ValueType[] {
  const [channels] = perChannel(c, 3);
  const groups = c.attributes.num_groups ?? c.fail("num_groups must be given");
  if (typeof channels === "number")
    c.check(groups > 0 && channels % groups === 0, `${groups} groups must divide the channels`);
  return [like(c.input(0))];
}

export function instanceNormalization(c: InferContext): readonly ValueType[] {
  perChannel(c, 3);
  return [like(c.input(0))];
}

/** Running mean and variance follow the result in training mode only. */
export function batchNormalization(c: InferContext<{ readonly training_mode: number }>): readonly ValueType[] {
  const statistics = perChannel(c, 5);
  const y = like(c.input(0));
  if (!c.attributes.training_mode) return [y];
  return [y, { dtype: c.input(3).dtype, shape: statistics }, { dtype: c.input(4).dtype, shape: statistics }];
}

/** Checks that inputs 1 to `count - 1` are vectors over the channels; gives their shape. */
function perChannel(c: InferContext, count: number): Shape {
  const { dtype, shape } = c.input(0);
  c.checkDType(isFloat(dtype), "the input must be floating-point");
  c.check(shape.length >= 2, "the input must be [batch, channels, …]");
  for (let i = 1; i < count; i++) {
    const parameter = c.input(i);
    c.checkDType(isFloat(parameter.dtype), "element types must be floating-point");
    c.check(
      parameter.shape.length === 1 && equalDims(parameter.shape[0]!, shape[1]!),
      "parameters must have one value per channel",
    );
  }
  return [shape[1]!];
}

function like({ dtype, shape }: Value): ValueType {
  return { dtype, shape };
}
