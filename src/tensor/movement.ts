/** Operations that move elements without changing them. Axes may be negative. */

import { VitrineError } from "../errors.ts";
import { type Dim, type Shape, shapeText } from "../graph/dim.ts";
import type { DType } from "../graph/dtype.ts";
import { codeOfDType } from "../graph/dtype.ts";
import { currentPath } from "./scope.ts";
import { apply, applyMany, ints, scalar, sizes, type Tensor, tensor } from "./tensor.ts";

/** Adds axes of size 1 at the given positions of the result. */
export const unsqueeze = (x: Tensor, ...axes: readonly number[]): Tensor => apply("Unsqueeze", [x, ints(axes)]);
/** Removes axes of size 1. */
export const squeeze = (x: Tensor, ...axes: readonly number[]): Tensor => apply("Squeeze", [x, ints(axes)]);

/** Tensors side by side along an axis. */
export const concat = (parts: readonly Tensor[], axis: number): Tensor =>
  parts.length === 1 ? parts[0]! : apply("Concat", parts, { axis });

/** Tensors of equal shape along a new axis. */
export const stack = (parts: readonly Tensor[], axis: number): Tensor =>
  concat(
    parts.map((part) => unsqueeze(part, axis)),
    axis,
  );

/** Cuts an axis into `parts` equal pieces, or into pieces of the given sizes. */
export function split(x: Tensor, parts: number | readonly number[], axis: number): readonly Tensor[] {
  if (typeof parts !== "number") return applyMany("Split", [x, ints(parts)], { axis });
  if (parts === 1) return [x];
  const size = x.shape.at(axis);
  if (typeof size !== "number" || size % parts !== 0)
    throw new VitrineError("SHAPE_MISMATCH", {
      rule: `split: axis ${axis} must divide into ${parts} parts`,
      evidence: `got ${shapeText(x.shape)}`,
      place: currentPath(),
    });
  return applyMany("Split", [x, ints(Array(parts).fill(size / parts))], { axis });
}

/** Elements start … end − 1 of an axis (every `step`-th); negative positions count from the end. */
export function slice(x: Tensor, axis: number, start: Dim, end?: Dim, step = 1): Tensor {
  const last = end ?? (step > 0 ? 2 ** 31 - 1 : -(2 ** 31 - 1));
  return apply("Slice", [x, sizes([start]), sizes([last]), ints([axis]), step === 1 ? undefined : ints([step])]);
}

/** One element of an axis; the axis disappears. */
export const at = (x: Tensor, axis: number, index: number): Tensor =>
  apply("Gather", [x, scalar(index, "int64")], { axis });

/** Elements of an axis by their indices, an integer tensor whose shape takes the axis' place. */
export const gather = (x: Tensor, indices: Tensor, axis: number): Tensor => apply("Gather", [x, indices], { axis });
/** One element per index along an axis; all other axes run in step (PyTorch's `gather`). */
export const gatherElements = (x: Tensor, indices: Tensor, axis: number): Tensor =>
  apply("GatherElements", [x, indices], { axis });
export const gatherNd = (x: Tensor, indices: Tensor, batchDims = 0): Tensor =>
  apply("GatherND", [x, indices], { batch_dims: batchDims });
/** How updates that meet in one place combine. */
export type ScatterReduction = "none" | "add" | "mul" | "max" | "min";
export const scatterElements = (
  x: Tensor,
  indices: Tensor,
  updates: Tensor,
  axis: number,
  reduction: ScatterReduction = "none",
): Tensor => apply("ScatterElements", [x, indices, updates], { axis, reduction });
/**
 * Rows placed by their coordinates. With a reduction, no two rows may have the same place: ONNX Runtime's CPU kernel (1.30) adds from several
 * threads without locks and loses some; `scatterElements` does not.
 */
export const scatterNd = (x: Tensor, indices: Tensor, updates: Tensor, reduction: ScatterReduction = "none"): Tensor =>
  apply("ScatterND", [x, indices, updates], { reduction });

/**
 * Adds elements around the given axes.
 * @param amounts [begin, end] for each axis of `axes`; negative amounts remove elements
 */
export function pad(
  x: Tensor,
  axes: readonly number[],
  amounts: readonly (readonly [Dim, Dim])[],
  {
    mode = "constant",
    value = 0,
  }: { readonly mode?: "constant" | "reflect" | "edge" | "wrap"; readonly value?: number } = {},
): Tensor {
  // All axes, and so no names of axes: ONNX Runtime's WebGPU kernel takes no names, and where its optimiser moves a Transpose over a Pad (1.30) it
  // reorders the amounts as if all were there.
  const all = x.shape.map((): readonly [Dim, Dim] => [0, 0]);
  for (const [i, axis] of axes.entries()) all[axis < 0 ? axis + x.rank : axis] = amounts[i]!;
  const pads = sizes([...all.map(([begin]) => begin), ...all.map(([, end]) => end)]);
  return apply("Pad", [x, pads, mode === "constant" ? scalar(value, x.dtype) : undefined], { mode });
}

/** Repeats axes of size 1 until the shape is `shape` (numpy's broadcast_to). */
export const expand = (x: Tensor, shape: Shape): Tensor => apply("Expand", [x, sizes(shape)]);
/** Repeats the whole tensor along each axis. */
export const tile = (x: Tensor, repeats: readonly Dim[]): Tensor => apply("Tile", [x, sizes(repeats)]);
/** All axes from `axis` on in one. */
export const flatten = (x: Tensor, axis = 1): Tensor => apply("Flatten", [x], { axis });
/** Elements on and below the k-th diagonal of the last two axes; zero above. */
export const lowerTriangle = (x: Tensor, k = 0): Tensor => apply("Trilu", [x, scalar(k, "int64")], { upper: 0 });
/** Elements on and above the k-th diagonal of the last two axes; zero below. */
export const upperTriangle = (x: Tensor, k = 0): Tensor => apply("Trilu", [x, scalar(k, "int64")], { upper: 1 });

/** Every element `value`. */
export const full = (shape: Shape, value: number, dtype: DType = "float32"): Tensor =>
  apply("ConstantOfShape", [sizes(shape)], { value, to: codeOfDType(dtype) });

/** 1 at the index, 0 elsewhere, along a new last axis of size `depth`. */
export const oneHot = (indices: Tensor, depth: number, dtype: DType = "float32"): Tensor =>
  apply("OneHot", [indices, scalar(depth, "int64"), tensor([0, 1], [2], dtype)], { axis: -1 });

/** How `resize` finds and weighs the source elements of a target element. */
export interface ResizeOptions {
  readonly mode: "nearest" | "linear" | "cubic";
  readonly coordinates?: "half_pixel" | "align_corners" | "asymmetric" | "pytorch_half_pixel";
  /** Widen the kernel when shrinking. */
  readonly antialias?: boolean;
  /** Free parameter of the cubic kernel: −0.75 as in OpenCV and PyTorch, −0.5 as in Pillow. */
  readonly cubicA?: number;
  /** Leave positions outside out of the weighted mean instead of repeating the edge. */
  readonly excludeOutside?: boolean;
  readonly nearest?: "round_prefer_floor" | "round_prefer_ceil" | "floor" | "ceil";
}

/** Resamples the last axes to the given sizes. */
export function resize(x: Tensor, target: readonly Dim[], options: ResizeOptions): Tensor {
  const leading = x.shape.slice(0, x.rank - target.length);
  return apply("Resize", [x, undefined, undefined, sizes([...leading, ...target])], {
    mode: options.mode,
    coordinate_transformation_mode: options.coordinates ?? "half_pixel",
    antialias: options.antialias ? 1 : 0,
    cubic_coeff_a: options.cubicA ?? -0.75,
    exclude_outside: options.excludeOutside ? 1 : 0,
    nearest_mode: options.nearest ?? "round_prefer_floor",
  });
}

/** Samples [b, c, h, w] at positions [b, y, x, 2] in [−1, 1]. */
export const gridSample = (
  x: Tensor,
  grid: Tensor,
  options: {
    readonly mode?: "bilinear" | "nearest" | "bicubic";
    readonly padding?: "zeros" | "border" | "reflection";
    readonly alignCorners?: boolean;
  } = {},
): Tensor =>
  apply("GridSample", [x, grid], {
    mode: options.mode ?? "bilinear",
    padding_mode: options.padding ?? "zeros",
    align_corners: options.alignCorners ? 1 : 0,
  });
