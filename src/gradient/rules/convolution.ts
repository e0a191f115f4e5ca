/** Convolutions: the input gradient is the transposed convolution, the weight gradient a convolution of input with output gradient. */

import { addDims, type Dim, divideExactly, mulDims, type Shape, subDims } from "../../graph/dim.ts";
import { apply, pad, slice, stack, sum, type Tensor } from "../../tensor/index.ts";
import type { GradientContext, GradientRules } from "../rule.ts";
import { numbers, range } from "./axes.ts";
import { spannedBy, type WindowAxis, windowAttributes, windowAxes } from "./window.ts";

export const convolutionRules: GradientRules<"Conv" | "ConvTranspose"> = {
  Conv: {
    chain: ({ attributes, cotangent, input, inputs, needs, fail }) => {
      const [x, weight, dy] = [input(0), input(1), cotangent(0)];
      const kernel = numbers(weight.shape.slice(2), "kernel sizes", fail);
      const axes = windowAxes(attributes, kernel, x.shape.slice(2), fail);
      const { group } = attributes;
      return [
        needs(0) ? transposedOnto(x.shape.slice(2), dy, weight, axes, group) : undefined,
        needs(1) ? weightGradient(x, dy, weight.shape, axes, group) : undefined,
        inputs[2] && needs(2) ? sumPerChannel(dy) : undefined,
      ];
    },
  },

  ConvTranspose: {
    chain: (context) => {
      const { cotangent, input, inputs, needs, fail } = context;
      const [x, weight, dy] = [input(0), input(1), cotangent(0)];
      const kernel = numbers(weight.shape.slice(2), "kernel sizes", fail);
      const axes = transposedAxes(context, kernel);
      const { group } = context.attributes;
      const toX = (): Tensor => {
        const dx = apply("Conv", [dy, weight], { ...windowAttributes(axes), group, kernel_shape: kernel });
        return cropped(dx, x.shape.slice(2));
      };
      return [
        needs(0) ? toX() : undefined,
        needs(1) ? weightGradient(dy, x, weight.shape, axes, group) : undefined,
        inputs[2] && needs(2) ? sumPerChannel(dy) : undefined,
      ];
    },
  },
};

/**
 * The transpose of a window map: every element of `dy` spreads `weight` over its window of an input with the spatial sizes `space`.
 *
 * The last elements of the input that no window reads are the `output_padding` of ONNX.
 */
export function transposedOnto(
  space: Shape,
  dy: Tensor,
  weight: Tensor,
  axes: readonly WindowAxis[],
  group: number,
): Tensor {
  // A map of each position on its own: the same with the channels exchanged, for which the engine has the faster kernel.
  const isPointwise = axes.every(({ kernel, stride, begin, end }) => kernel * stride === 1 && begin === 0 && end === 0);
  if (isPointwise && group === 1)
    return apply("Conv", [dy, exchanged(weight)], { kernel_shape: axes.map((axis) => axis.kernel) });
  const shared = { group, kernel_shape: axes.map((axis) => axis.kernel) };
  const unread = axes.map((axis, i) =>
    subDims(addDims(space[i]!, axis.begin, axis.end), spannedBy(dy.shape[i + 2]!, axis)),
  );
  if (unread.every((dim, i) => typeof dim === "number" && dim >= 0 && dim < axes[i]!.stride))
    return apply("ConvTranspose", [dy, weight], {
      ...shared,
      ...windowAttributes(axes),
      output_padding: unread as readonly number[],
    });
  // A symbolic size, or a last window beyond the border: spread over everything, then cut to size.
  const bare = axes.map((axis) => ({ ...axis, begin: 0, end: 0 }));
  const spread = apply("ConvTranspose", [dy, weight], { ...shared, ...windowAttributes(bare) });
  const around = axes.map(({ begin, end }, i): readonly [Dim, Dim] => [-begin, subDims(unread[i]!, end)]);
  return pad(
    spread,
    axes.map((_, i) => i + 2),
    around,
  );
}

/**
 * ∂loss/∂weight of a convolution of `x` [b, c, …] that gave `dy` [b, out, …]; the weight is [out, c / group, …].
 *
 * Three forms of the same sum; which is fastest depends on the sizes. Small kernels on small maps: one product over all windows of the batch,
 * written side by side. Small kernels on large maps, where that would be too much to write: one product for each element of the kernel and each
 * image. Large kernels: a convolution.
 */
function weightGradient(x: Tensor, dy: Tensor, weightShape: Shape, axes: readonly WindowAxis[], group: number): Tensor {
  const positions = axes.reduce((product, axis) => product * axis.kernel, 1);
  const windows = mulDims(1, ...dy.shape.slice(2));
  const isFree = dy.shape.slice(2).some((dim) => typeof dim !== "number");
  const isSmall = typeof windows === "number" && windows < 256;
  if (group === 1 && positions <= 9 && isSmall) return gatheredWeightGradient(x, dy, weightShape, axes);
  // The convolution's product has only as many columns as the kernel has elements: two to four times slower for 3 × 3 on large pictures.
  if (positions === 1 || (positions <= 9 && group === 1) || isFree)
    return unfoldedWeightGradient(x, dy, weightShape, axes, group);
  return convolvedWeightGradient(x, dy, weightShape, axes, group);
}

/**
 * With batch and channels exchanged it is a convolution again, in which the output gradient is the kernel, strides and dilations change
 * places, and the groups stay apart.
 */
function convolvedWeightGradient(
  x: Tensor,
  dy: Tensor,
  weightShape: Shape,
  axes: readonly WindowAxis[],
  group: number,
): Tensor {
  const [b, , ...space] = x.shape as [Dim, Dim, ...Dim[]];
  const width = weightShape[1]!;
  const image =
    group === 1
      ? exchanged(x)
      : x
          .reshape([b, group, width, ...space])
          .transpose([2, 1, 0, ...range(axes.length).map((i) => i + 3)])
          .reshape([width, mulDims(b, group), ...space]);
  const swapped = axes.map((axis) => ({ ...axis, stride: axis.dilation, dilation: axis.stride }));
  const found = apply("Conv", [image, exchanged(dy)], { ...windowAttributes(swapped), group });
  // What a stride left unread gives positions beyond the kernel.
  return cropped(exchanged(found), weightShape.slice(2));
}

/** The same as one product for each element of the kernel; free sizes, which cannot be those of a kernel, need this form. */
function unfoldedWeightGradient(
  x: Tensor,
  dy: Tensor,
  weightShape: Shape,
  axes: readonly WindowAxis[],
  group: number,
): Tensor {
  const products = kernelReads(x, dy, axes).map((read) => channelProducts(dy, read, group));
  return stack(products, -1).reshape(weightShape);
}

/** The same as one product: [out, b · windows] · [c · kernel, b · windows]ᵀ, into whose third operand parts of a batch can accumulate. */
function gatheredWeightGradient(x: Tensor, dy: Tensor, weightShape: Shape, axes: readonly WindowAxis[]): Tensor {
  const [out, c, ...kernel] = weightShape as [Dim, Dim, ...Dim[]];
  const given = exchanged(dy); //                                              [out, b, …]
  const rows = mulDims(1, ...given.shape.slice(1));
  const read = kernelReads(exchanged(x), given, axes).map((t) => t.reshape([c, rows]));
  const columns = stack(read, 1).reshape([mulDims(c, ...kernel), rows]); //    [c · kernel, b · windows]
  return apply("Gemm", [given.reshape([out, rows]), columns], { transB: 1 }).reshape(weightShape);
}

/** For each element of the kernel, in C order, what it reads of `x` for every window of `dy`: the first two axes of x, the others of dy. */
function kernelReads(x: Tensor, dy: Tensor, axes: readonly WindowAxis[]): readonly Tensor[] {
  const border = axes.map(({ begin, end }) => [begin, end] as const);
  const isBare = border.every(([begin, end]) => begin === 0 && end === 0);
  const along = axes.map((_, i) => i + 2);
  const reads = (read: Tensor, axis: number): readonly Tensor[] => {
    if (axis === axes.length) return [read];
    const { kernel, stride, dilation } = axes[axis]!;
    if (kernel === 1 && stride === 1) return reads(read, axis + 1);
    const span = addDims(mulDims(subDims(dy.shape[axis + 2]!, 1), stride), 1);
    return range(kernel).flatMap((k) =>
      reads(slice(read, axis + 2, k * dilation, addDims(span, k * dilation), stride), axis + 1),
    );
  };
  return reads(isBare ? x : pad(x, along, border), 0);
}

/** The first two axes exchanged. */
function exchanged(t: Tensor): Tensor {
  return t.transpose([1, 0, ...range(t.rank).slice(2)]);
}

/** Sums of products over batch and positions: dy [b, out, …] and x [b, c, …] of one size → [out, c / group] (group in front of both). */
function channelProducts(dy: Tensor, x: Tensor, group: number): Tensor {
  const b = x.shape[0]!;
  const positions = mulDims(1, ...dy.shape.slice(2));
  const matrix = (t: Tensor): Tensor => {
    const c = divideExactly(t.shape[1]!, group)!;
    return t.reshape(group === 1 ? [b, c, positions] : [b, group, c, positions]);
  };
  const [left, right] = [matrix(dy), matrix(x)];
  const products = left.matmul(right.transpose([...range(right.rank - 2), right.rank - 1, right.rank - 2]));
  return sum(products, { axes: [0] });
}

/** The first elements of each spatial axis, where there are more. */
function cropped(t: Tensor, space: Shape): Tensor {
  return space.reduce(
    (cut: Tensor, dim, i) => (subDims(t.shape[i + 2]!, dim) === 0 ? cut : slice(cut, i + 2, 0, dim)),
    t,
  );
}

/** [b, c, …] → [c]. */
function sumPerChannel(t: Tensor): Tensor {
  return sum(t, { axes: range(t.rank).filter((axis) => axis !== 1) });
}

/** The windows of a transposed convolution: `output_shape` says the padding indirectly. */
function transposedAxes(
  { attributes, input, outputs, fail }: GradientContext<"ConvTranspose">,
  kernel: readonly number[],
): readonly WindowAxis[] {
  const isAutomatic = attributes.output_shape !== undefined || attributes.auto_pad.startsWith("SAME");
  const plain = windowAxes({ ...attributes, auto_pad: isAutomatic ? "VALID" : attributes.auto_pad }, kernel, [], fail);
  if (!isAutomatic) return plain;
  return plain.map((axis, i) => {
    const extra = attributes.output_padding?.[i] ?? 0;
    const full = addDims(spannedBy(input(0).shape[i + 2]!, axis), extra);
    const total = subDims(full, outputs[0]!.shape[i + 2]!);
    if (typeof total !== "number") return fail(`axis ${i + 2} must be known`);
    const small = Math.floor(Math.max(total, 0) / 2);
    const begin = attributes.auto_pad === "SAME_UPPER" ? small : Math.max(total, 0) - small;
    return { ...axis, begin, end: Math.max(total, 0) - begin };
  });
}
