/** Cotangents as sums of terms: what a loss picked is zeros but for a few elements, what a mean spread is one number a row, and both have sums that are known. */

import { equalShapes } from "../../graph/dim.ts";
import { nodeOf } from "../../graph/graph.ts";
import type { Node, Value } from "../../graph/value.ts";
import { sizeScalar, sum, Tensor } from "../../tensor/index.ts";
import { fromFront } from "./axes.ts";

/** The tensors of its shape that a tensor is the sum of; itself, where it is no sum. */
export function termsOf(t: Tensor): readonly Tensor[] {
  const node = nodeOf(t.value);
  if (node?.op !== "Add") return [t];
  const operands = node.inputs.map((value) => new Tensor(value!));
  if (operands.some(({ shape }) => !equalShapes(shape, t.shape))) return [t];
  return operands.flatMap(termsOf);
}

/** Its sum along an axis, which stays with size 1; other axes may have size 1, too, where the tensor repeats along them. */
export function sumAlong(t: Tensor, axis: number): Tensor {
  const node = nodeOf(t.value);
  const place = fromFront(axis, t.rank);
  if (node?.op === "Expand") {
    const source = new Tensor(node.inputs[0]!);
    const size = t.shape[place]!;
    if (source.rank === t.rank && source.shape[place] === 1)
      return source.mul(typeof size === "number" ? size : sizeScalar(size, t.dtype));
  }
  if (node?.op === "ScatterElements") {
    const [zeros, , updates] = node.inputs;
    const { attributes } = node as unknown as Node<"ScatterElements">;
    if (attributes.reduction === "add" && fromFront(attributes.axis, t.rank) === place && isZeros(zeros!))
      return sum(new Tensor(updates!), { axes: [place], keepDims: true });
  }
  return sum(t, { axes: [place], keepDims: true });
}

function isZeros(value: Value): boolean {
  const node = nodeOf(value);
  return node?.op === "ConstantOfShape" && (node as unknown as Node<"ConstantOfShape">).attributes.value === 0;
}
