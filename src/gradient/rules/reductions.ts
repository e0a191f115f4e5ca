/** Reductions: a gradient is spread back over the axes that were reduced. */

import { mulDims } from "../../graph/dim.ts";
import {
  apply,
  cast,
  equal,
  exp,
  expand,
  full,
  prod,
  scatterElements,
  sign,
  sizeScalar,
  sum,
  type Tensor,
  unsqueeze,
  where,
} from "../../tensor/index.ts";
import type { GradientContext, GradientRule, GradientRules } from "../rule.ts";
import { fromFront, knownNumbers, range } from "./axes.ts";

type AxisReduction =
  | ("ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceMin" | "ReduceProd")
  | ("ReduceL1" | "ReduceL2" | "ReduceSumSquare" | "ReduceLogSumExp");
type ReductionOp = AxisReduction | "ArgMax" | "ArgMin" | "CumSum" | "TopK";

/** What the rule of a reduction computes with: `dy` and `y` have the reduced axes with size 1. */
interface Reduced {
  readonly x: Tensor;
  readonly y: Tensor;
  readonly dy: Tensor;
  readonly axes: readonly number[];
}

/** A rule from ∂loss/∂x. All of these operators have the attributes of `ReduceSum`. */
function reduction<K extends AxisReduction>(gradient: (reduced: Reduced) => Tensor): GradientRule<K> {
  const rule: GradientRule<"ReduceSum"> = {
    chain: (context) => {
      const axes = reducedAxes(context);
      const isKept = context.attributes.keepdims !== 0 || axes.length === 0;
      const kept = (t: Tensor): Tensor => (isKept ? t : unsqueeze(t, ...axes));
      return [gradient({ x: context.input(0), y: kept(context.outputs[0]!), dy: kept(context.cotangent(0)), axes })];
    },
  };
  return rule as GradientRule<K>;
}

export const reductionRules: GradientRules<ReductionOp> = {
  ReduceSum: reduction(({ x, dy }) => expand(dy, x.shape)),
  ReduceMean: reduction(({ x, dy, axes }) => {
    const count = mulDims(1, ...axes.map((axis) => x.shape[axis]!));
    const share = typeof count === "number" ? dy.mul(1 / count) : dy.div(sizeScalar(count, dy.dtype));
    return expand(share, x.shape);
  }),
  ReduceMax: reduction(shareAmongEqual),
  ReduceMin: reduction(shareAmongEqual),
  /** The product of all others: of the nonzero ones by division, and 0 wherever another element is 0. */
  ReduceProd: reduction(({ x, dy, axes }) => {
    const isZero = equal(x, 0);
    const zeros = cast(isZero, x.dtype);
    const filled = where(isZero, 1, x);
    const otherZeros = sum(zeros, { axes, keepDims: true }).sub(zeros);
    const others = where(equal(otherZeros, 0), prod(filled, { axes, keepDims: true }).div(filled), 0);
    return dy.mul(others);
  }),
  ReduceL1: reduction(({ x, dy }) => dy.mul(sign(x))),
  /** x / ‖x‖, and 0 at the origin. */
  ReduceL2: reduction(({ x, y, dy }) => {
    const atOrigin = equal(y, 0);
    return x.mul(where(atOrigin, 0, dy.div(where(atOrigin, 1, y))));
  }),
  ReduceSumSquare: reduction(({ x, dy }) => x.mul(dy.mul(2))),
  ReduceLogSumExp: reduction(({ x, y, dy }) => exp(x.sub(y)).mul(dy)),
  ArgMax: { zero: "integer result" },
  ArgMin: { zero: "integer result" },
  CumSum: {
    chain: ({ attributes, cotangent, input }) => [
      apply("CumSum", [cotangent(0), input(1)], {
        exclusive: attributes.exclusive,
        reverse: attributes.reverse ? 0 : 1,
      }),
    ],
  },
  TopK: {
    chain: ({ attributes, cotangent, input, outputs }) => {
      const x = input(0);
      return [scatterElements(full(x.shape, 0, x.dtype), outputs[1]!, cotangent(0), attributes.axis)];
    },
  },
};

/** Elements that attain the extreme share its gradient equally, as `torch.amax` does. */
function shareAmongEqual({ x, y, dy, axes }: Reduced): Tensor {
  const attains = equal(x, y);
  const count = sum(cast(attains, dy.dtype), { axes, keepDims: true });
  return where(attains, dy.div(count), 0);
}

/** The axes over which a reduction runs, counted from the front. */
function reducedAxes(context: GradientContext<"ReduceSum">): readonly number[] {
  const { rank } = context.input(0);
  const given = context.inputs[1];
  const axes = given ? knownNumbers(given, "axes", context.fail) : [];
  if (axes.length === 0) return context.attributes.noop_with_empty_axes ? [] : range(rank);
  return axes.map((axis) => fromFront(axis, rank)).sort((a, b) => a - b);
}
