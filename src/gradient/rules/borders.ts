/** `Slice` and `Pad`: what one cuts off, the other adds. */

import { addDims, type Dim, mulDims, subDims } from "../../graph/dim.ts";
import { pad, slice, sum, type Tensor, unsqueeze } from "../../tensor/index.ts";
import type { GradientContext } from "../rule.ts";
import { fromFront, knownNumbers, knownSizes, range } from "./axes.ts";

const reversed = (t: Tensor, axis: number): Tensor => slice(t, axis, -1, undefined, -1);

/** Zeros where the slice did not read. */
export function sliceGradients({
  cotangent,
  input,
  inputs,
  fail,
}: GradientContext<"Slice">): readonly (Tensor | undefined)[] {
  const { rank, shape } = input(0);
  const starts = knownSizes(input(1), "starts", fail);
  const axes = inputs[3] ? knownNumbers(inputs[3], "axes", fail).map((axis) => fromFront(axis, rank)) : range(rank);
  const steps = inputs[4] ? knownNumbers(inputs[4], "steps", fail) : starts.map(() => 1);

  let dx = cotangent(0);
  const around: (readonly [Dim, Dim])[] = [];
  const padded: number[] = [];
  for (const [i, given] of starts.entries()) {
    const axis = axes[i]!;
    const step = steps[i]!;
    const size = shape[axis]!;
    const length = cotangent(0).shape[axis]!;
    const span = mulDims(subDims(length, 1), Math.abs(step));
    const first = fromBorder(given, size, step);
    const lowest = step > 0 ? first : subDims(first, span);
    if (step < 0) dx = reversed(dx, axis);
    if (Math.abs(step) > 1) dx = spread(dx, axis, Math.abs(step));
    const rest = subDims(size, addDims(lowest, span, 1));
    if (lowest === 0 && rest === 0) continue;
    padded.push(axis);
    around.push([lowest, rest]);
  }
  return [padded.length === 0 ? dx : pad(dx, padded, around)];
}

/** Undoes padding: constants are dropped, copies of elements are summed onto their originals. */
export function padGradients({
  attributes,
  cotangent,
  input,
  inputs,
  needs,
  fail,
}: GradientContext<"Pad">): readonly (Tensor | undefined)[] {
  const { rank, shape } = input(0);
  const amounts = knownSizes(input(1), "pads", fail);
  const axes = inputs[3] ? knownNumbers(inputs[3], "axes", fail).map((axis) => fromFront(axis, rank)) : range(rank);
  let dx = cotangent(0);
  for (const [i, axis] of axes.entries()) {
    const border: Border = { axis, size: shape[axis]!, begin: amounts[i]!, end: amounts[i + axes.length]! };
    if (border.begin === 0 && border.end === 0) continue;
    if (attributes.mode === "constant") dx = withoutBorder(dx, border);
    else if (isNegative(border.begin) || isNegative(border.end)) fail(`mode "${attributes.mode}" with negative pads`);
    else dx = folded(dx, border, attributes.mode);
  }
  if (!inputs[2] || !needs(2)) return [dx];
  if (amounts.some(isNegative)) fail("the fill value has none where pads are negative");
  return [dx, undefined, sum(cotangent(0)).sub(sum(dx))];
}

/** One axis of a padding: the size before, and what was added on each side. */
interface Border {
  readonly axis: number;
  readonly size: Dim;
  readonly begin: Dim;
  readonly end: Dim;
}

function withoutBorder(dy: Tensor, { axis, size, begin, end }: Border): Tensor {
  if (isNegative(begin) || isNegative(end)) return pad(dy, [axis], [[mulDims(begin, -1), mulDims(end, -1)]]);
  return slice(dy, axis, begin, addDims(begin, size));
}

/** Adds the gradients of the copies at both ends to those of the elements that were copied. */
function folded(dy: Tensor, { axis, size, begin, end }: Border, mode: string): Tensor {
  const before = (): Tensor => slice(dy, axis, 0, begin);
  const after = (): Tensor => slice(dy, axis, addDims(begin, size), addDims(begin, size, end));
  /** Places a piece of `length` elements at `start`. */
  const placed = (piece: Tensor, start: Dim, length: Dim): Tensor =>
    pad(piece, [axis], [[start, subDims(size, addDims(start, length))]]);
  const total = (piece: Tensor): Tensor => sum(piece, { axes: [axis], keepDims: true });
  let dx = slice(dy, axis, begin, addDims(begin, size));
  if (begin !== 0) {
    if (mode === "edge") dx = dx.add(placed(total(before()), 0, 1));
    else if (mode === "wrap") dx = dx.add(placed(before(), subDims(size, begin), begin));
    else dx = dx.add(placed(reversed(before(), axis), 1, begin));
  }
  if (end !== 0) {
    if (mode === "edge") dx = dx.add(placed(total(after()), subDims(size, 1), 1));
    else if (mode === "wrap") dx = dx.add(placed(after(), 0, end));
    else dx = dx.add(placed(reversed(after(), axis), subDims(size, addDims(end, 1)), end));
  }
  return dx;
}

/** Puts step − 1 zeros between neighbours of an axis. */
function spread(t: Tensor, axis: number, step: number): Tensor {
  const length = t.shape[axis]!;
  const apart = pad(unsqueeze(t, axis + 1), [axis + 1], [[0, step - 1]]);
  const merged = apart.reshape(t.shape.map((dim, i) => (i === axis ? mulDims(dim, step) : dim)));
  return slice(merged, axis, 0, addDims(mulDims(subDims(length, 1), step), 1));
}

/** A start position counted from 0 and inside the axis, as ONNX clamps it. */
function fromBorder(start: Dim, size: Dim, step: number): Dim {
  const last = step > 0 ? size : subDims(size, 1);
  if (typeof start !== "number") return start;
  if (typeof size === "number" && typeof last === "number")
    return Math.min(Math.max(start < 0 ? start + size : start, 0), last);
  if (start < 0) return addDims(size, start);
  // A symbolic axis is taken to be longer than a plain start; the largest integers say "from the end".
  return start >= 2 ** 31 - 1 ? last : start;
}

function isNegative(dim: Dim): boolean {
  return typeof dim === "number" && dim < 0;
}
