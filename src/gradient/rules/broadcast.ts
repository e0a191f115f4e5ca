/** Elementwise operators on several tensors, which broadcast: each gradient is summed back to its operand's shape. */

import {
  and,
  apply,
  cast,
  equal,
  greater,
  greaterOrEqual,
  log,
  pow,
  round,
  type Tensor,
  where,
} from "../../tensor/index.ts";
import { unbroadcast } from "../broadcast.ts";
import type { GradientContext, GradientRule, GradientRules } from "../rule.ts";

type BroadcastOp =
  | ("Add" | "Sub" | "Mul" | "Div" | "Pow" | "Mod" | "PRelu" | "Min" | "Max" | "Sum" | "Where")
  | ("And" | "Or" | "Xor" | "Equal" | "Less" | "LessOrEqual" | "Greater" | "GreaterOrEqual");

type Product = (dy: Tensor, a: Tensor, b: Tensor, y: Tensor) => Tensor;

/** A rule from the cotangent's products with ∂y/∂a and ∂y/∂b. */
function binary<K extends BroadcastOp>(toA: Product, toB: Product): GradientRule<K> {
  return {
    chain: ({ cotangent, input, needs, outputs }) => {
      const [a, b, dy, y] = [input(0), input(1), cotangent(0), outputs[0]!];
      return [
        needs(0) ? unbroadcast(toA(dy, a, b, y), a) : undefined,
        needs(1) ? unbroadcast(toB(dy, a, b, y), b) : undefined,
      ];
    },
  };
}

/** Operands that attain the extreme share its gradient equally, as `torch.maximum` and `torch.amax` do. */
function extreme<K extends "Min" | "Max">({
  cotangent,
  inputs,
  needs,
  outputs,
}: GradientContext<K>): readonly (Tensor | undefined)[] {
  const operands = inputs.filter((t) => t !== undefined);
  const dy = cotangent(0);
  const attains = operands.map((t) => equal(t, outputs[0]!));
  const counts = attains.map((t) => cast(t, dy.dtype));
  const share = operands.length === 1 ? dy : dy.div(counts.reduce((a, b) => a.add(b)));
  return operands.map((t, i) => (needs(i) ? unbroadcast(where(attains[i]!, share, 0), t) : undefined));
}

export const broadcastRules: GradientRules<BroadcastOp> = {
  Add: binary(
    (dy) => dy,
    (dy) => dy,
  ),
  /** The sign changes after the sum: a subtracted mean or row needs no pass over the whole. */
  Sub: {
    chain: ({ cotangent, input, needs }) => [
      needs(0) ? unbroadcast(cotangent(0), input(0)) : undefined,
      needs(1) ? unbroadcast(cotangent(0), input(1)).neg() : undefined,
    ],
  },
  Mul: binary(
    (dy, _, b) => dy.mul(b),
    (dy, a) => dy.mul(a),
  ),
  Div: binary(
    (dy, _, b) => dy.div(b),
    (dy, _, b, y) => dy.mul(y).div(b).neg(),
  ),
  /** Exponents may be of another element type than the base. Where 0^0 and its like would give NaN, PyTorch's 0 stands. */
  Pow: binary(
    (dy, a, b) => powToBase(dy, a, b),
    (dy, a, b, y) => {
      const flat = and(equal(a, 0), greaterOrEqual(b, 0));
      return cast(where(flat, 0, dy.mul(y).mul(log(where(flat, 1, a)))), b.dtype);
    },
  ),
  /** a − trunc(a / b) · b; the quotient is read back from the result, so that it is the one the operator took. */
  Mod: binary(
    (dy) => dy,
    (dy, a, b, y) => dy.mul(round(a.sub(y).div(b))).neg(),
  ),
  PRelu: binary(
    (dy, x, slope) => where(greater(x, 0), dy, dy.mul(slope)),
    (dy, x) => where(greater(x, 0), 0, dy.mul(x)),
  ),
  Min: { chain: extreme },
  Max: { chain: extreme },
  Sum: {
    chain: ({ cotangent, inputs, needs }) =>
      inputs.map((t, i) => (t && needs(i) ? unbroadcast(cotangent(0), t) : undefined)),
  },
  Where: {
    chain: ({ cotangent, input, needs }) => [
      undefined,
      needs(1) ? unbroadcast(where(input(0), cotangent(0), 0), input(1)) : undefined,
      needs(2) ? unbroadcast(where(input(0), 0, cotangent(0)), input(2)) : undefined,
    ],
  },
  And: { zero: "logical" },
  Or: { zero: "logical" },
  Xor: { zero: "logical" },
  Equal: { zero: "logical" },
  Less: { zero: "logical" },
  LessOrEqual: { zero: "logical" },
  Greater: { zero: "logical" },
  GreaterOrEqual: { zero: "logical" },
};

/** dy · b a^(b − 1), in its short forms for the exponents that models write. */
function powToBase(dy: Tensor, a: Tensor, b: Tensor): Tensor {
  const { source } = b.value;
  if (source.kind === "constant" && source.data.data.length === 1 && !source.data.dtype.includes("float16")) {
    const exponent = Number(source.data.data[0]);
    if (exponent === 0) return dy.mul(0);
    if (exponent === 1) return dy;
    if (exponent === 2) return dy.mul(a).mul(2);
    return dy.mul(pow(a, exponent - 1)).mul(exponent);
  }
  const exponent = cast(b, a.dtype);
  const power = apply("Pow", [a, where(equal(exponent, 0), 1, exponent.sub(1))]);
  return dy.mul(exponent).mul(power);
}
