/** Operations that run over axes: sums, extremes, normalisations. Axes may be negative. */

import { VitrineError } from "../errors.ts";
import { type Dim, mulDims } from "../graph/dim.ts";
import { square } from "./elementwise.ts";
import { currentPath } from "./scope.ts";
import { apply, applyMany, ints, sizes, type Tensor } from "./tensor.ts";

/** Options of a reduction. */
export interface ReduceOptions {
  /** Axes to run over; all without it. */
  readonly axes?: readonly number[];
  /** Keep reduced axes with size 1. */
  readonly keepDims?: boolean;
}

type ReduceOp =
  | "ReduceSum"
  | "ReduceMean"
  | "ReduceMax"
  | "ReduceMin"
  | "ReduceProd"
  | "ReduceL2"
  | "ReduceLogSumExp"
  | "ReduceSumSquare";

function reduce(op: ReduceOp, x: Tensor, { axes, keepDims = false }: ReduceOptions): Tensor {
  if (axes?.length === 0) return x;
  return apply(op, [x, axes && ints(axes)], { keepdims: keepDims ? 1 : 0 });
}

export const sum = (x: Tensor, options: ReduceOptions = {}): Tensor => reduce("ReduceSum", x, options);
export const mean = (x: Tensor, options: ReduceOptions = {}): Tensor => reduce("ReduceMean", x, options);
export const max = (x: Tensor, options: ReduceOptions = {}): Tensor => reduce("ReduceMax", x, options);
export const min = (x: Tensor, options: ReduceOptions = {}): Tensor => reduce("ReduceMin", x, options);
export const prod = (x: Tensor, options: ReduceOptions = {}): Tensor => reduce("ReduceProd", x, options);
/** √Σx². */
export const norm = (x: Tensor, options: ReduceOptions = {}): Tensor => reduce("ReduceL2", x, options);
/** Σx². */
export const sumSquare = (x: Tensor, options: ReduceOptions = {}): Tensor => reduce("ReduceSumSquare", x, options);
/** log Σ e^x, without overflow. */
export const logSumExp = (x: Tensor, options: ReduceOptions = {}): Tensor => reduce("ReduceLogSumExp", x, options);

/** Mean of the squared distance to the mean (the biased variance). */
export function variance(x: Tensor, options: ReduceOptions = {}): Tensor {
  const centre = mean(x, { ...options, keepDims: true });
  return mean(square(x.sub(centre)), options);
}

/** Indices (int64) of the largest element along an axis; the first of equals. */
export const argMax = (x: Tensor, axis: number, keepDims = false): Tensor =>
  apply("ArgMax", [x], { axis, keepdims: keepDims ? 1 : 0 });
export const argMin = (x: Tensor, axis: number, keepDims = false): Tensor =>
  apply("ArgMin", [x], { axis, keepdims: keepDims ? 1 : 0 });

/** The `k` largest elements along an axis, best first, and their indices (int64). */
export function topK(x: Tensor, k: number, axis = -1): { readonly values: Tensor; readonly indices: Tensor } {
  const [values, indices] = applyMany("TopK", [x, ints([k])], { axis });
  return { values: values!, indices: indices! };
}

/** Running sum along an axis. */
export const cumSum = (x: Tensor, axis: number): Tensor => apply("CumSum", [x, ints([axis]).reshape([])]);

/** e^x / Σ e^x along an axis. */
export const softmax = (x: Tensor, axis = -1): Tensor => apply("Softmax", [x], { axis });
/** x − log Σ e^x along an axis. */
export const logSoftmax = (x: Tensor, axis = -1): Tensor => apply("LogSoftmax", [x], { axis });

/** (x − mean) / √(variance + epsilon) · scale + bias over the last axes, as many as `scale` has. @source Ba et al., arXiv:1607.06450 */
export const layerNorm = (x: Tensor, scale: Tensor, bias: Tensor | undefined, epsilon: number): Tensor =>
  apply("LayerNormalization", [x, scale, bias], { axis: -scale.rank, epsilon });

/**
 * Normalises each of `groups` groups of channels of [b, c, …] over its channels and positions, then scales each channel.
 * @source Wu & He, arXiv:1803.08494
 */
export function groupNorm(x: Tensor, groups: number, scale: Tensor, bias: Tensor, epsilon: number): Tensor {
  const [b, c, ...space] = x.shape as [Dim, number, ...Dim[]];
  if (typeof c !== "number" || c % groups !== 0)
    throw new VitrineError("SHAPE_MISMATCH", {
      rule: `groupNorm: channels must divide into ${groups} groups`,
      evidence: `got ${c}`,
      place: currentPath(),
    });
  // InstanceNormalization on [b, groups, rest]: unlike GroupNormalization it has one meaning at every opset.
  const one = apply("ConstantOfShape", [ints([groups])], { value: 1 });
  const zero = apply("ConstantOfShape", [ints([groups])], { value: 0 });
  const grouped = apply("InstanceNormalization", [x.reshape([b, groups, mulDims(c / groups, ...space)]), one, zero], {
    epsilon,
  });
  const perChannel = [c, ...space.map(() => 1)];
  return apply("Reshape", [grouped, sizes(x.shape)])
    .mul(scale.reshape(perChannel))
    .add(bias.reshape(perChannel));
}
