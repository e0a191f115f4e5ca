/** Products with weights: linear maps, convolutions, and the pooling windows that go with them. */

import { VitrineError } from "../errors.ts";
import { equalDims, mulDims, shapeText } from "../graph/dim.ts";
import { currentPath } from "./scope.ts";
import { apply, type Tensor } from "./tensor.ts";

/**
 * x Wᵀ + bias over the last axis: [.., in] → [.., out].
 * @param weight [out, in], as PyTorch stores it
 * @throws {VitrineError} SHAPE_MISMATCH when the last axis of `x` is not `in`.
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const [out, width] = weight.shape;
  const last = x.shape[x.rank - 1];
  if (last === undefined || out === undefined || width === undefined || !equalDims(last, width))
    throw new VitrineError("SHAPE_MISMATCH", {
      rule: "linear: inner sizes must be equal",
      evidence: `got ${shapeText(x.shape)} · ${shapeText(weight.shape)}ᵀ`,
      place: currentPath(),
    });
  // One matrix product over all rows: the form whose weight gradient is again one product, into which micro-batches accumulate.
  const rows = x.rank === 2 ? x : x.reshape([mulDims(1, ...x.shape.slice(0, -1)), width]);
  const y = apply("Gemm", [rows, weight, bias], { transB: 1 });
  return x.rank === 2 ? y : y.reshape([...x.shape.slice(0, -1), out]);
}

/** Options of a window that slides over the spatial axes; a number counts for every axis. */
export interface WindowOptions {
  readonly stride?: number | readonly number[];
  /** Zeros on both sides of each axis, or [begin…, end…] of each axis as ONNX writes it. */
  readonly padding?: number | readonly number[];
  readonly dilation?: number | readonly number[];
}

const each = (value: number | readonly number[], axes: number): readonly number[] =>
  typeof value === "number" ? Array(axes).fill(value) : value;

function windowAttributes({ stride = 1, padding = 0, dilation = 1 }: WindowOptions, axes: number) {
  const pads = each(padding, axes);
  return {
    strides: each(stride, axes),
    pads: pads.length === axes ? [...pads, ...pads] : pads,
    dilations: each(dilation, axes),
  };
}

/** Cross-correlation of [b, c, …] with [out, c / groups, …] over 1 to 3 spatial axes, as in PyTorch. */
export function conv(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor,
  options: WindowOptions & { readonly groups?: number } = {},
): Tensor {
  const axes = weight.rank - 2;
  return apply("Conv", [x, weight, bias], {
    ...windowAttributes(options, axes),
    group: options.groups ?? 1,
    kernel_shape: weight.shape.slice(2) as readonly number[],
  });
}

/**
 * `conv` whose window elements each read at their own place plus an offset, bilinearly, zero outside.
 * @param offset [b, groups · kernel · axes, …output]: for each element of the kernel in C order its shift along each axis
 * @param mask [b, groups · kernel, …output], a factor for each element that is read
 * @source Dai et al., arXiv:1703.06211; Zhu et al., arXiv:1811.11168
 */
export function deformConv(
  x: Tensor,
  weight: Tensor,
  offset: Tensor,
  {
    bias,
    mask,
    groups = 1,
    offsetGroups = 1,
    ...window
  }: WindowOptions & {
    readonly bias?: Tensor;
    readonly mask?: Tensor;
    readonly groups?: number;
    readonly offsetGroups?: number;
  } = {},
): Tensor {
  return apply("DeformConv", [x, weight, offset, bias, mask], {
    ...windowAttributes(window, weight.rank - 2),
    group: groups,
    offset_group: offsetGroups,
    kernel_shape: weight.shape.slice(2) as readonly number[],
  });
}

/** The transpose of `conv` as a map: [b, c, …] with weight [c, out / groups, …], as in PyTorch. */
export function convTranspose(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor,
  options: WindowOptions & { readonly groups?: number; readonly outputPadding?: number | readonly number[] } = {},
): Tensor {
  const axes = weight.rank - 2;
  return apply("ConvTranspose", [x, weight, bias], {
    ...windowAttributes(options, axes),
    group: options.groups ?? 1,
    kernel_shape: weight.shape.slice(2) as readonly number[],
    output_padding: each(options.outputPadding ?? 0, axes),
  });
}

/** Largest element of each window; padding counts as −∞. */
export function maxPool(
  x: Tensor,
  kernel: number | readonly number[],
  options: WindowOptions & { readonly ceilMode?: boolean } = {},
): Tensor {
  const axes = x.rank - 2;
  return apply("MaxPool", [x], {
    ...windowAttributes(options, axes),
    kernel_shape: each(kernel, axes),
    ceil_mode: options.ceilMode ? 1 : 0,
  });
}

/** Mean of each window. */
export function averagePool(
  x: Tensor,
  kernel: number | readonly number[],
  options: Omit<WindowOptions, "dilation"> & { readonly ceilMode?: boolean; readonly countPadding?: boolean } = {},
): Tensor {
  const axes = x.rank - 2;
  const { strides, pads } = windowAttributes(options, axes);
  return apply("AveragePool", [x], {
    strides,
    pads,
    kernel_shape: each(kernel, axes),
    ceil_mode: options.ceilMode ? 1 : 0,
    count_include_pad: options.countPadding === false ? 0 : 1,
  });
}
