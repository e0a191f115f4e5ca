/**
 * Single numbers get as many axes as the tensor that they meet: [] beside [out, in, 1, 1] becomes [1, 1, 1, 1].
 *
 * ONNX Runtime walks both operands from the last axis and lets a number without axes begin a run of its own there. Where the last axis has size 1,
 * as in the weights of pointwise convolutions, that run is one element long, and an optimiser's passes over them take ten times as long.
 */

import { constantValue, type Graph, rebuild, withInputs } from "../graph/graph.ts";
import type { OpName } from "../graph/ops.ts";
import type { Value } from "../graph/value.ts";
import { Tensor, withPath } from "../tensor/index.ts";

const broadcasting: ReadonlySet<OpName> = new Set<OpName>(["Add", "Sub", "Mul", "Div"]);

/** Reshapes single numbers beside tensors whose last axis has size 1. */
export function alignScalars(graph: Graph): Graph {
  const made = new Map<Value, Map<number, Value>>();
  const aligned = (value: Value, rank: number, scope: string): Value => {
    const memo = made.get(value) ?? new Map<number, Value>();
    made.set(value, memo);
    const found = memo.get(rank) ?? withAxes(value, rank, scope);
    memo.set(rank, found);
    return found;
  };
  return rebuild(graph, (node, inputs) => {
    if (!broadcasting.has(node.op)) return undefined;
    const [a, b] = inputs as readonly [Value, Value];
    const [left, right] = [isMisaligned(a, b), isMisaligned(b, a)];
    if (!left && !right) return undefined;
    const operands = [
      left ? aligned(a, b.shape.length, node.scope) : a,
      right ? aligned(b, a.shape.length, node.scope) : b,
    ];
    return withInputs(node, operands).outputs;
  });
}

/** True for a single number of fewer axes beside a tensor that ends in an axis of size 1. */
function isMisaligned(value: Value, beside: Value): boolean {
  const isSingle = value.shape.every((dim) => dim === 1);
  return isSingle && value.shape.length < beside.shape.length && beside.shape.at(-1) === 1;
}

/** The number as [1, …, 1]. */
function withAxes(value: Value, rank: number, scope: string): Value {
  const shape = Array<number>(rank).fill(1);
  const { source } = value;
  if (source.kind === "constant") return constantValue({ ...source.data, shape });
  return withPath(scope, () => new Tensor(value).reshape(shape).value);
}
