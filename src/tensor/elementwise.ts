/** Operations on each element; two operands broadcast as in numpy. */

import { codeOfDType, type DType } from "../graph/dtype.ts";
import { apply, like, scalar, Tensor, type TensorLike } from "./tensor.ts";

export const abs = (x: Tensor): Tensor => apply("Abs", [x]);
export const sign = (x: Tensor): Tensor => apply("Sign", [x]);
export const exp = (x: Tensor): Tensor => apply("Exp", [x]);
/** Natural logarithm. */
export const log = (x: Tensor): Tensor => apply("Log", [x]);
export const sqrt = (x: Tensor): Tensor => apply("Sqrt", [x]);
/** 1 / x. */
export const reciprocal = (x: Tensor): Tensor => apply("Reciprocal", [x]);
export const sin = (x: Tensor): Tensor => apply("Sin", [x]);
export const cos = (x: Tensor): Tensor => apply("Cos", [x]);
export const tanh = (x: Tensor): Tensor => apply("Tanh", [x]);
export const erf = (x: Tensor): Tensor => apply("Erf", [x]);
/** 1 / (1 + e^−x). */
export const sigmoid = (x: Tensor): Tensor => apply("Sigmoid", [x]);
/** log(1 + e^x). */
export const softplus = (x: Tensor): Tensor => apply("Softplus", [x]);
/** max(x, 0). */
export const relu = (x: Tensor): Tensor => apply("Relu", [x]);
export const floor = (x: Tensor): Tensor => apply("Floor", [x]);
export const ceil = (x: Tensor): Tensor => apply("Ceil", [x]);
/** Nearest integer, halves to even. */
export const round = (x: Tensor): Tensor => apply("Round", [x]);
export const not = (x: Tensor): Tensor => apply("Not", [x]);

/** x · Φ(x); with `tanh`, GPT-2's approximation. @source Hendrycks & Gimpel, arXiv:1606.08415 */
export const gelu = (x: Tensor, approximate: "none" | "tanh" = "none"): Tensor => apply("Gelu", [x], { approximate });
/** x · σ(1.702 x), the approximation of OpenAI's CLIP. @source arXiv:1606.08415, section 2 */
export const quickGelu = (x: Tensor): Tensor => x.mul(sigmoid(x.mul(1.702)));
/** x · σ(x), also called swish. */
export const silu = (x: Tensor): Tensor => x.mul(sigmoid(x));
/** x for x > 0, α (e^x − 1) below. */
export const elu = (x: Tensor, alpha = 1): Tensor => apply("Elu", [x], { alpha });
/** x for x > 0, α x below. */
export const leakyRelu = (x: Tensor, alpha = 0.01): Tensor => apply("LeakyRelu", [x], { alpha });
/** x · relu6(x + 3) / 6. */
export const hardSwish = (x: Tensor): Tensor => apply("HardSwish", [x]);
/** relu6(x + 3) / 6. */
export const hardSigmoid = (x: Tensor): Tensor => apply("HardSigmoid", [x], { alpha: 1 / 6, beta: 0.5 });

/** base^exponent. */
export const pow = (base: Tensor, exponent: TensorLike): Tensor => apply("Pow", [base, like(base, exponent)]);
/** x². */
export const square = (x: Tensor): Tensor => x.mul(x);
export const minimum = (a: Tensor, b: TensorLike): Tensor => apply("Min", [a, like(a, b)]);
export const maximum = (a: Tensor, b: TensorLike): Tensor => apply("Max", [a, like(a, b)]);
/** x limited to [low, high]; either may be left out. */
export const clip = (x: Tensor, low?: number, high?: number): Tensor =>
  apply("Clip", [
    x,
    low === undefined ? undefined : scalar(low, x.dtype),
    high === undefined ? undefined : scalar(high, x.dtype),
  ]);

export const equal = (a: Tensor, b: TensorLike): Tensor => apply("Equal", [a, like(a, b)]);
export const less = (a: Tensor, b: TensorLike): Tensor => apply("Less", [a, like(a, b)]);
export const lessOrEqual = (a: Tensor, b: TensorLike): Tensor => apply("LessOrEqual", [a, like(a, b)]);
export const greater = (a: Tensor, b: TensorLike): Tensor => apply("Greater", [a, like(a, b)]);
export const greaterOrEqual = (a: Tensor, b: TensorLike): Tensor => apply("GreaterOrEqual", [a, like(a, b)]);
export const and = (a: Tensor, b: Tensor): Tensor => apply("And", [a, b]);
export const or = (a: Tensor, b: Tensor): Tensor => apply("Or", [a, b]);

/** `yes` where the condition holds, else `no`. At least one of the two must be a tensor. */
export function where(condition: Tensor, yes: TensorLike, no: TensorLike): Tensor {
  const model = yes instanceof Tensor ? yes : no instanceof Tensor ? no : scalar(0);
  return apply("Where", [condition, like(model, yes), like(model, no)]);
}

/** The same values as another element type; the tensor itself where it already is. */
export const cast = (x: Tensor, dtype: DType): Tensor =>
  x.dtype === dtype ? x : apply("Cast", [x], { to: codeOfDType(dtype) });
