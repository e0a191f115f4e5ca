/** Softmax and the layers that subtract a mean and divide by a deviation. */

import { type Dim, mulDims } from "../../graph/dim.ts";
import { cast, exp, mean, reciprocal, sizeScalar, sqrt, square, sum, type Tensor } from "../../tensor/index.ts";
import { unbroadcast } from "../broadcast.ts";
import type { GradientContext, GradientRules } from "../rule.ts";
import { fromFront, range } from "./axes.ts";
import { sumAlong, termsOf } from "./terms.ts";

type NormalisationOp =
  | ("Softmax" | "LogSoftmax" | "LayerNormalization" | "GroupNormalization")
  | ("InstanceNormalization" | "BatchNormalization");

export const normalisationRules: GradientRules<NormalisationOp> = {
  /** P ∘ (dP − rowsum(dP ∘ P)). */
  Softmax: {
    chain: ({ attributes, cotangent, outputs }) => {
      const [y, dy] = [outputs[0]!, cotangent(0)];
      const dot = sum(dy.mul(y), { axes: [attributes.axis], keepDims: true });
      return [dy.sub(dot).mul(y)];
    },
  },
  /** dY − P ∘ rowsum(dY), term by term: a cross-entropy's dY is a few elements and a number for each row, and need not be written out. */
  LogSoftmax: {
    chain: ({ attributes, cotangent, outputs }) => {
      const terms = termsOf(cotangent(0));
      const total = terms.map((term) => sumAlong(term, attributes.axis)).reduce((all, part) => all.add(part));
      return [terms.reduce((dx, term) => dx.add(term), exp(outputs[0]!).mul(total.neg()))];
    },
  },
  LayerNormalization: { chain: layerNormGradients },

  /** Statistics for each group of channels; scale and bias for each channel. */
  GroupNormalization: {
    chain: ({ attributes, input, through }) => {
      const x = input(0);
      const { epsilon, num_groups: groups = 1 } = attributes;
      const [b, c, ...space] = x.shape as [Dim, number, ...Dim[]];
      const grouped = x.reshape([b, groups, mulDims(c / groups, ...space)]);
      const perChannel = (t: Tensor): Tensor => t.reshape([c, ...space.map(() => 1)]);
      const unit = statistics(grouped, [2], epsilon).unit.reshape(x.shape);
      return through(unit.mul(perChannel(input(1))).add(perChannel(input(2))));
    },
  },
  InstanceNormalization: {
    chain: ({ attributes, cotangent, input, needs }) => {
      const [x, scale, dy] = [input(0), channelwise(input(1), input(0)), cotangent(0)];
      const axes = range(x.rank).slice(2);
      const { unit, inverse } = statistics(x, axes, attributes.epsilon);
      return [
        needs(0) ? centred(dy.mul(scale), unit, inverse, axes) : undefined,
        needs(1) ? sumPerChannel(dy.mul(unit)) : undefined,
        needs(2) ? sumPerChannel(dy) : undefined,
      ];
    },
  },
  BatchNormalization: { chain: batchNormGradients },
};

/**
 * With x̂ = (x − mean) · inv and g = dy ∘ scale: dx = inv ∘ (g − mean(g) − x̂ ∘ mean(g ∘ x̂)).
 *
 * x̂ is made again from the operator's row statistics, so that only x itself, which the residual path keeps anyway, stays in memory.
 */
function layerNormGradients({
  attributes,
  cotangent,
  cotangents,
  input,
  inputs,
  needs,
  outputs,
}: GradientContext<"LayerNormalization">): readonly (Tensor | undefined)[] {
  const [x, scale, bias] = [input(0), input(1), inputs[2]];
  // The statistics are float32 whatever x is.
  const inX = (t: Tensor): Tensor => cast(t, x.dtype);
  const [rowMean, inverse] = [inX(outputs[1]!), inX(outputs[2]!)];
  const axes = range(x.rank).slice(fromFront(attributes.axis, x.rank));
  const dy = cotangent(0);
  const unit = x.sub(rowMean).mul(inverse);

  const toX = (): Tensor => {
    let dx = centred(dy.mul(scale), unit, inverse, axes);
    // The statistics themselves can carry gradients: in second derivatives.
    const [, dMean, dInverse] = cotangents;
    if (!dMean && !dInverse) return dx;
    const count = sizeScalar(mulDims(1, ...axes.map((axis) => x.shape[axis]!)), x.dtype);
    if (dMean) dx = dx.add(inX(dMean).div(count));
    if (dInverse) dx = dx.sub(inX(dInverse).mul(square(inverse)).mul(unit).div(count));
    return dx;
  };
  return [
    needs(0) ? toX() : undefined,
    needs(1) ? unbroadcast(dy.mul(unit), scale) : undefined,
    bias && needs(2) ? unbroadcast(dy, bias) : undefined,
  ];
}

/** In training the statistics are the batch's own; otherwise they are inputs. Running statistics are averages with `momentum`. */
function batchNormGradients({
  attributes,
  cotangent,
  cotangents,
  input,
  needs,
}: GradientContext<"BatchNormalization">): readonly (Tensor | undefined)[] {
  const x = input(0);
  const { epsilon, momentum, training_mode: training } = attributes;
  const scale = channelwise(input(1), x);
  const dy = cotangent(0);
  if (!training) return fixedBatchNormGradients(x, [input(1), input(3), input(4)], dy, epsilon, needs);
  const axes = range(x.rank).filter((axis) => axis !== 1);
  const { unit, inverse } = statistics(x, axes, epsilon);
  const [, dMean, dVariance] = cotangents;
  const toX = (): Tensor => {
    let dx = centred(dy.mul(scale), unit, inverse, axes);
    if (!dMean && !dVariance) return dx;
    const count = sizeScalar(mulDims(1, ...axes.map((axis) => x.shape[axis]!)), x.dtype);
    if (dMean)
      dx = dx.add(
        channelwise(dMean, x)
          .mul(1 - momentum)
          .div(count),
      );
    if (dVariance)
      dx = dx.add(
        unit
          .div(inverse)
          .mul(channelwise(dVariance, x).mul(2 * (1 - momentum)))
          .div(count),
      );
    return dx;
  };
  return [
    needs(0) ? toX() : undefined,
    needs(1) ? sumPerChannel(dy.mul(unit)) : undefined,
    needs(2) ? sumPerChannel(dy) : undefined,
    dMean?.mul(momentum),
    dVariance?.mul(momentum),
  ];
}

/**
 * With given statistics all but dx follows from two sums per channel, Σ dy and Σ dy ∘ x: the map is read twice and never written but for dx.
 * So the layer in training, whose statistics come from x, takes few passes too: see `BatchNorm2d`.
 */
function fixedBatchNormGradients(
  x: Tensor,
  [scale, mean, variance]: readonly [Tensor, Tensor, Tensor],
  dy: Tensor,
  epsilon: number,
  needs: (input: number) => boolean,
): readonly (Tensor | undefined)[] {
  const inverse = reciprocal(sqrt(variance.add(epsilon))); //                  [c], as all that follows
  const factor = scale.mul(inverse);
  const total = sumPerChannel(dy);
  const dScale = sumPerChannel(dy.mul(x)).sub(mean.mul(total)).mul(inverse);
  return [
    needs(0) ? dy.mul(channelwise(factor, x)) : undefined,
    needs(1) ? dScale : undefined,
    needs(2) ? total : undefined,
    needs(3) ? factor.mul(total).neg() : undefined,
    needs(4) ? factor.mul(inverse).mul(dScale).mul(-0.5) : undefined,
  ];
}

/** inv ∘ (g − mean(g) − x̂ ∘ mean(g ∘ x̂)): the gradient of x̂ with respect to x, applied to g. */
function centred(g: Tensor, unit: Tensor, inverse: Tensor, axes: readonly number[]): Tensor {
  const along = mean(g.mul(unit), { axes, keepDims: true });
  return g
    .sub(mean(g, { axes, keepDims: true }))
    .sub(unit.mul(along))
    .mul(inverse);
}

/** x̂ and 1 / √(variance + epsilon) over some axes. */
function statistics(
  x: Tensor,
  axes: readonly number[],
  epsilon: number,
): { readonly unit: Tensor; readonly inverse: Tensor } {
  const apart = x.sub(mean(x, { axes, keepDims: true }));
  const inverse = reciprocal(sqrt(mean(square(apart), { axes, keepDims: true }).add(epsilon)));
  return { unit: apart.mul(inverse), inverse };
}

/** [c] → [c, 1, …], to stand beside [b, c, …]. */
function channelwise(t: Tensor, x: Tensor): Tensor {
  return t.reshape([t.shape[0]!, ...x.shape.slice(2).map(() => 1)]);
}

/** [b, c, …] → [c]. */
function sumPerChannel(t: Tensor): Tensor {
  return sum(t, { axes: range(t.rank).filter((axis) => axis !== 1) });
}
