/**
 * Operators on each element of one tensor.
 *
 * Where the derivative can be read off the output, the rule reads the output: it is alive anyway, as the input of whatever follows.
 */

import { isFloat } from "../../graph/dtype.ts";
import {
  abs,
  and,
  apply,
  cast,
  cos,
  erf,
  exp,
  greater,
  greaterOrEqual,
  less,
  lessOrEqual,
  scalar,
  sigmoid,
  sign,
  sin,
  square,
  sum,
  type Tensor,
  tanh,
  where,
} from "../../tensor/index.ts";
import type { GradientRule, GradientRules } from "../rule.ts";
import { isFiniteByForm } from "./finite.ts";

type UnaryOp =
  | ("Abs" | "Neg" | "Sign" | "Exp" | "Log" | "Sqrt" | "Reciprocal" | "Sin" | "Cos" | "Tan" | "Asin" | "Acos" | "Atan")
  | ("Sinh" | "Cosh" | "Tanh" | "Erf" | "Sigmoid" | "Softplus" | "Softsign" | "Relu" | "LeakyRelu" | "Elu")
  | ("HardSigmoid" | "HardSwish" | "Gelu" | "QuickGelu" | "Floor" | "Ceil" | "Round" | "Not" | "IsNaN" | "IsInf")
  | ("Identity" | "Cast" | "Clip");

/** A rule from the product of the cotangent with the derivative. */
function elementwise<K extends UnaryOp>(product: (dy: Tensor, x: Tensor, y: Tensor) => Tensor): GradientRule<K> {
  return { chain: ({ cotangent, input, outputs }) => [product(cotangent(0), input(0), outputs[0]!)] };
}

export const elementwiseRules: GradientRules<UnaryOp> = {
  Abs: elementwise((dy, x) => dy.mul(sign(x))),
  Neg: elementwise((dy) => dy.neg()),
  Sign: { zero: "piecewise constant" },
  Exp: elementwise((dy, _, y) => dy.mul(y)),
  Log: elementwise((dy, x) => dy.div(x)),
  Sqrt: elementwise((dy, _, y) => dy.div(y).mul(0.5)),
  Reciprocal: elementwise((dy, _, y) => dy.mul(square(y)).neg()),
  Sin: elementwise((dy, x) => dy.mul(cos(x))),
  Cos: elementwise((dy, x) => dy.mul(sin(x)).neg()),
  Tan: elementwise((dy, _, y) => dy.mul(square(y).add(1))),
  Asin: elementwise((dy, x) => dy.div(oneMinusSquare(x, "Sqrt"))),
  Acos: elementwise((dy, x) => dy.div(oneMinusSquare(x, "Sqrt")).neg()),
  Atan: elementwise((dy, x) => dy.div(square(x).add(1))),
  Sinh: elementwise((dy, x) => dy.mul(apply("Cosh", [x]))),
  Cosh: elementwise((dy, x) => dy.mul(apply("Sinh", [x]))),
  Tanh: elementwise((dy, _, y) => dy.mul(oneMinusSquare(y))),
  Erf: elementwise((dy, x) => dy.mul(exp(square(x).neg()).mul(2 / Math.sqrt(Math.PI)))),
  Sigmoid: elementwise((dy, _, y) => dy.mul(y).mul(oneMinus(y))),
  Softplus: elementwise((dy, x) => dy.mul(sigmoid(x))),
  Softsign: elementwise((dy, x) => dy.div(square(abs(x).add(1)))),
  Relu: elementwise((dy, _, y) =>
    y.dtype === "float32" && isFiniteByForm(dy) ? dy.mul(step(y)) : where(greater(y, 0), dy, 0),
  ),
  LeakyRelu: {
    chain: ({ attributes, cotangent, input }) => {
      const dy = cotangent(0);
      return [where(greater(input(0), 0), dy, dy.mul(attributes.alpha))];
    },
  },
  /** Below 0 the derivative α e^x is y + α. */
  Elu: {
    chain: ({ attributes, cotangent, input, outputs }) => {
      const dy = cotangent(0);
      return [where(greater(input(0), 0), dy, dy.mul(outputs[0]!.add(attributes.alpha)))];
    },
  },
  HardSigmoid: {
    chain: ({ attributes, cotangent, outputs }) => {
      const y = outputs[0]!;
      return [where(and(greater(y, 0), less(y, 1)), cotangent(0).mul(attributes.alpha), 0)];
    },
  },
  /** y = x · h(x) with h = relu6(x + 3) / 6, so y′ = h + x/6 between −3 and 3, 0 below and 1 above. */
  HardSwish: elementwise((dy, x) => {
    const inside = where(less(x, 3), dy.mul(x.mul(1 / 3).add(0.5)), dy);
    return where(lessOrEqual(x, -3), 0, inside);
  }),
  Gelu: {
    chain: ({ attributes, cotangent, input }) => {
      const slope = attributes.approximate === "tanh" ? tanhGeluSlope(input(0)) : geluSlope(input(0));
      return [cotangent(0).mul(slope)];
    },
  },
  /** y = x σ(αx), so y′ = σ + αx σ (1 − σ). */
  QuickGelu: {
    chain: ({ attributes, cotangent, input }) => {
      const scaled = input(0).mul(attributes.alpha);
      const s = sigmoid(scaled);
      return [cotangent(0).mul(s.mul(scaled.mul(oneMinus(s)).add(1)))];
    },
  },
  Floor: { zero: "piecewise constant" },
  Ceil: { zero: "piecewise constant" },
  Round: { zero: "piecewise constant" },
  Not: { zero: "logical" },
  IsNaN: { zero: "logical" },
  IsInf: { zero: "logical" },
  Identity: elementwise((dy) => dy),
  Cast: { chain: ({ cotangent, input }) => (isFloat(input(0).dtype) ? [cast(cotangent(0), input(0).dtype)] : []) },
  /** The limits themselves count as inside, as in PyTorch. */
  Clip: {
    chain: ({ cotangent, input, inputs, needs }) => {
      const x = input(0);
      const dy = cotangent(0);
      const [, low, high] = inputs;
      const aboveLow = low && greaterOrEqual(x, low);
      const belowHigh = high && lessOrEqual(x, high);
      const inside = aboveLow && belowHigh ? and(aboveLow, belowHigh) : (aboveLow ?? belowHigh);
      return [
        inside ? where(inside, dy, 0) : dy,
        low && needs(1) ? sum(where(less(x, low), dy, 0)) : undefined,
        high && needs(2) ? sum(where(greater(x, high), dy, 0)) : undefined,
      ];
    },
  },
};

/** 1 where x > 0, else 0: a ramp too steep for any normal float32 to lie on it. A comparison and a choice take the engine longer (`bench/forms.ts`). */
function step(x: Tensor): Tensor {
  return apply("HardSigmoid", [x], { alpha: 3e38, beta: 0 });
}

function oneMinus(x: Tensor): Tensor {
  return scalar(1, x.dtype).sub(x);
}

function oneMinusSquare(x: Tensor, root?: "Sqrt"): Tensor {
  const difference = oneMinus(square(x));
  return root ? apply(root, [difference]) : difference;
}

/**
 * d(x Φ(x))/dx = Φ(x) + x φ(x); with v = x/√2 this is (1 + erf v)/2 + v e^(c − v²), c = −½ ln π: ten passes with the cotangent's.
 * The operator itself is fused, so common-subexpression elimination finds nothing here that the forward pass would then have to keep.
 */
function geluSlope(x: Tensor): Tensor {
  const v = scalar(Math.SQRT1_2, x.dtype).mul(x);
  const density = exp(scalar(-0.5 * Math.log(Math.PI), x.dtype).sub(square(v)));
  return erf(v).mul(0.5).add(0.5).add(v.mul(density));
}

/** The derivative of x (1 + tanh u)/2 with u = √(2/π) (x + 0.044715 x³). */
function tanhGeluSlope(x: Tensor): Tensor {
  const root = Math.sqrt(2 / Math.PI);
  const x2 = square(x);
  const t = tanh(x.mul(x2.mul(root * 0.044715).add(root)));
  const inner = x.mul(x2.mul(3 * root * 0.044715).add(root));
  return t.add(1).add(oneMinusSquare(t).mul(inner)).mul(0.5);
}
