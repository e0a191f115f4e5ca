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
 * With batch and channels exchanged it is a convolution again, in which the output gradient is the kernel, strides and dilations change
 * places, and the groups stay apart.
 */
function weightGradient(x: Tensor, dy: Tensor, weightShape: Shape, axes: readonly WindowAxis[], group: number): Tensor {
  const positions = axes.reduce((product, axis) => product * axis.kernel, 1);
  const windows = mulDims(1, ...dy.shape.slice(2));
  // The convolution's product has only as many columns as the kernel has elements: two to four times slower for 3 × 3 on large pictures.
  const isThin = positions === 1 || (positions <= 9 && group === 1 && typeof windows === "number" && windows >= 128);
  const isFree = dy.shape.slice(2).some((dim) => typeof dim !== "number");
  if (isThin || isFree) return unfoldedWeightGradient(x, dy, weightShape, axes, group);

  const [b, , ...space] = x.shape as [Dim, Dim, ...Dim[]];
  const width = weightShape[1]!;
  const spatial = range(axes.length);
  const exchanged =
    group === 1
      ? x.transpose([1, 0, ...spatial.map((i) => i + 2)])
      : x
          .reshape([b, group, width, ...space])
          .transpose([2, 1, 0, ...spatial.map((i) => i + 3)])
          .reshape([width, mulDims(b, group), ...space]);
  const kernel = dy.transpose([1, 0, ...spatial.map((i) => i + 2)]);
  const swapped = axes.map((axis) => ({ ...axis, stride: axis.dilation, dilation: axis.stride }));
  const found = apply("Conv", [exchanged, kernel], { ...windowAttributes(swapped), group });
  const inPlace = found.transpose([1, 0, ...spatial.map((i) => i + 2)]);
  // What a stride left unread gives positions beyond the kernel.
  return cropped(inPlace, weightShape.slice(2));
}

/** The same as one product for each element of the kernel; free sizes, which cannot be those of a kernel, need this form. */
function unfoldedWeightGradient(
  x: Tensor,
  dy: Tensor,
  weightShape: Shape,
  axes: readonly WindowAxis[],
  group: number,
): Tensor {
  const border = axes.map(({ begin, end }) => [begin, end] as const);
  const isBare = border.every(([begin, end]) => begin === 0 && end === 0);
  const padded = isBare
    ? x
    : pad(
        x,
        axes.map((_, i) => i + 2),
        border,
      );
  const products = (read: Tensor, axis: number): readonly Tensor[] => {
    if (axis === axes.length) return [channelProducts(dy, read, group)];
    const { kernel, stride, dilation } = axes[axis]!;
    if (kernel === 1 && stride === 1) return products(read, axis + 1);
    const span = addDims(mulDims(subDims(dy.shape[axis + 2]!, 1), stride), 1);
    return range(kernel).flatMap((k) =>
      products(slice(read, axis + 2, k * dilation, addDims(span, k * dilation), stride), axis + 1),
    );
  };
  return stack(products(padded, 0), -1).reshape(weightShape);
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
