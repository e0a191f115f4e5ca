/** Shape rules of operators that work on each element alone, with numpy's broadcasting. */

import { dtypeOfCode, isFloat } from "../dtype.ts";
import type { Value, ValueType } from "../value.ts";
import { combineKnown, knownBinary, selectKnown } from "./known.ts";
import { broadcastShapes, constantNumbers, fitsInto, type InferContext, isNumber } from "./rule.ts";

/** One float input; the output is like it. */
export function floatUnary(c: InferContext): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  c.checkDType(isFloat(dtype), "the input must be floating-point");
  return [{ dtype, shape }];
}

/** One input of numbers; the output is like it. */
export function numberUnary(c: InferContext): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  c.checkDType(isNumber(dtype), "the input must be numbers");
  return [{ dtype, shape }];
}

export function neg(c: InferContext): readonly ValueType[] {
  const { dtype, shape, known } = c.input(0);
  c.checkDType(isNumber(dtype) && !dtype.startsWith("u"), "the input must be signed numbers");
  return [{ dtype, shape, known: known && combineKnown(c.input(0), minusOne, knownBinary.Mul!) }];
}

/** Floor, Ceil, Round: sizes are whole already. */
export function rounding(c: InferContext): readonly ValueType[] {
  const { dtype, shape, known } = c.input(0);
  c.checkDType(isFloat(dtype), "the input must be floating-point");
  return [{ dtype, shape, known }];
}

export function identity(c: InferContext): readonly ValueType[] {
  const { dtype, shape, known } = c.input(0);
  return [{ dtype, shape, known }];
}

export function not(c: InferContext): readonly ValueType[] {
  const { dtype, shape, known } = c.input(0);
  c.checkDType(dtype === "bool", "the input must be bool");
  return [{ dtype, shape, known: known?.map((holds) => (holds === 0 ? 1 : 0)) }];
}

/** IsNaN, IsInf. */
export function floatTest(c: InferContext): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  c.checkDType(isFloat(dtype), "the input must be floating-point");
  return [{ dtype: "bool", shape }];
}

export function cast(c: InferContext<{ readonly to: number }>): readonly ValueType[] {
  const { shape, known } = c.input(0);
  const dtype = dtypeOfCode(c.attributes.to, c.scope);
  return [{ dtype, shape, known: dtype === "bool" ? undefined : known }];
}

export function clip(c: InferContext): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  c.checkDType(isNumber(dtype), "the input must be numbers");
  for (const bound of [c.inputs[1], c.inputs[2]]) {
    if (!bound) continue;
    c.checkDType(bound.dtype === dtype, "element types must be equal");
    c.check(bound.shape.length === 0 || (bound.shape.length === 1 && bound.shape[0] === 1), "bounds must be scalars");
  }
  return [{ dtype, shape }];
}

/** Arithmetic on two broadcast inputs of one type. */
export function arithmetic(c: InferContext): readonly ValueType[] {
  const a = c.input(0);
  const b = c.input(1);
  c.checkDType(isNumber(a.dtype), "the inputs must be numbers");
  return [
    { dtype: a.dtype, shape: broadcast(c, a, b), known: a.known && b.known && combineKnown(a, b, knownBinary[c.op]!) },
  ];
}

/** Base and exponent may differ in type; the result has the base's. */
export function pow(c: InferContext): readonly ValueType[] {
  const a = c.input(0);
  const b = c.input(1);
  c.checkDType(isNumber(a.dtype) && isNumber(b.dtype), "the inputs must be numbers");
  return [{ dtype: a.dtype, shape: broadcastAny(c, a, b), known: knownPower(a, b) }];
}

/** A whole power of two constants, as in the side √256 of a grid of position embeddings. */
function knownPower(a: Value, b: Value): readonly number[] | undefined {
  if (a.shape.length > 0 || b.shape.length > 0) return undefined;
  const [base] = a.known ?? constantNumbers(a) ?? [];
  const [exponent] = b.known ?? constantNumbers(b) ?? [];
  if (typeof base !== "number" || typeof exponent !== "number") return undefined;
  const power = base ** exponent;
  return Number.isInteger(power) ? [power] : undefined;
}

export function prelu(c: InferContext): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  const slope = c.input(1);
  c.checkDType(isNumber(dtype) && dtype === slope.dtype, "element types must be equal numbers");
  c.check(fitsInto(slope.shape, shape), "the slope must broadcast to the input");
  return [{ dtype, shape }];
}

/** Min, Max, Sum of any number of broadcast inputs of one type. */
export function variadic(c: InferContext): readonly ValueType[] {
  let result: Value = c.input(0);
  c.checkDType(isNumber(result.dtype), "the inputs must be numbers");
  const combine = knownBinary[c.op];
  for (let i = 1; i < c.inputs.length; i++) {
    const next = c.input(i);
    const known = combine && result.known && combineKnown(result, next, combine);
    result = { dtype: result.dtype, shape: broadcast(c, result, next), known, source: result.source };
  }
  return [{ dtype: result.dtype, shape: result.shape, known: result.known }];
}

/** And, Or, Xor. */
export function logical(c: InferContext): readonly ValueType[] {
  const a = c.input(0);
  c.checkDType(a.dtype === "bool", "the inputs must be bool");
  const b = c.input(1);
  const known = a.known && b.known && combineKnown(a, b, knownBinary[c.op]!);
  return [{ dtype: "bool", shape: broadcast(c, a, b), known }];
}

export function equal(c: InferContext): readonly ValueType[] {
  const a = c.input(0);
  const b = c.input(1);
  return [
    { dtype: "bool", shape: broadcast(c, a, b), known: a.known && b.known && combineKnown(a, b, knownBinary.Equal!) },
  ];
}

/** Less, LessOrEqual, Greater, GreaterOrEqual. */
export function ordering(c: InferContext): readonly ValueType[] {
  const a = c.input(0);
  c.checkDType(isNumber(a.dtype), "the inputs must be numbers");
  return [{ dtype: "bool", shape: broadcast(c, a, c.input(1)) }];
}

export function where(c: InferContext): readonly ValueType[] {
  const [condition, x, y] = [c.input(0), c.input(1), c.input(2)];
  c.checkDType(condition.dtype === "bool", "the condition must be bool");
  const both = broadcast(c, x, y);
  const shape = broadcastShapes(condition.shape, both) ?? c.fail(mustBroadcast);
  return [{ dtype: x.dtype, shape, known: condition.known && selectKnown(condition, x, y) }];
}

export function dropout(c: InferContext): readonly ValueType[] {
  const { dtype, shape } = c.input(0);
  c.checkDType(isFloat(dtype), "the input must be floating-point");
  const [, ratio, training] = c.inputs;
  c.checkDType(!ratio || isFloat(ratio.dtype), "the ratio must be floating-point");
  c.checkDType(!training || training.dtype === "bool", "training_mode must be bool");
  return [{ dtype, shape }];
}

const mustBroadcast = "sizes must be equal or 1";

const minusOne: Value = { dtype: "int64", shape: [], known: [-1], source: { kind: "sizes" } };

function broadcast(c: InferContext, a: Value, b: Value): Value["shape"] {
  c.checkDType(a.dtype === b.dtype, "element types must be equal");
  return broadcastAny(c, a, b);
}

function broadcastAny(c: InferContext, a: Value, b: Value): Value["shape"] {
  return broadcastShapes(a.shape, b.shape) ?? c.fail(mustBroadcast);
}
