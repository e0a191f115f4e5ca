/** The geometry of a window that slides over the spatial axes, with ONNX's defaults filled in. */

import { addDims, ceilDivDim, type Dim, mulDims, type Shape, subDims } from "../../graph/dim.ts";

/** Attributes as a node has them. */
interface WindowAttributes {
  readonly auto_pad: string;
  readonly dilations?: readonly number[] | undefined;
  readonly pads?: readonly number[] | undefined;
  readonly strides?: readonly number[] | undefined;
}

/** One spatial axis. */
export interface WindowAxis {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Elements added before and after the axis. */
  readonly begin: number;
  readonly end: number;
  /** From the first to the last element that one window reads. */
  readonly span: number;
}

/** The window along each spatial axis of an input of shape [b, c, …]. */
export function windowAxes(
  attributes: WindowAttributes,
  kernel: readonly number[],
  space: Shape,
  fail: (reason: string) => never,
): readonly WindowAxis[] {
  return kernel.map((width, i) => {
    const stride = attributes.strides?.[i] ?? 1;
    const dilation = attributes.dilations?.[i] ?? 1;
    const span = (width - 1) * dilation + 1;
    const axis = { kernel: width, stride, dilation, span };
    const mode = attributes.auto_pad;
    if (mode !== "SAME_UPPER" && mode !== "SAME_LOWER") {
      const explicit = mode === "VALID" ? undefined : attributes.pads;
      return { ...axis, begin: explicit?.[i] ?? 0, end: explicit?.[i + kernel.length] ?? 0 };
    }
    const size = space[i]!;
    const output = ceilDivDim(size, stride);
    const needed = subDims(addDims(mulDims(subDims(output, 1), stride), span), size);
    if (typeof needed !== "number") return fail(`auto_pad ${mode} must know axis ${i + 2}`);
    const total = Math.max(needed, 0);
    const small = Math.floor(total / 2);
    const begin = mode === "SAME_UPPER" ? small : total - small;
    return { ...axis, begin, end: total - begin };
  });
}

/** The attributes of a convolution with these windows. */
export function windowAttributes(axes: readonly WindowAxis[]): {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
} {
  return {
    strides: axes.map((axis) => axis.stride),
    dilations: axes.map((axis) => axis.dilation),
    pads: [...axes.map((axis) => axis.begin), ...axes.map((axis) => axis.end)],
  };
}

/** Size that the transpose of a window map gives an axis of `size` windows, before any is cut off: (size − 1) · stride + span. */
export function spannedBy(size: Dim, { stride, span }: WindowAxis): Dim {
  return addDims(mulDims(subDims(size, 1), stride), span);
}
