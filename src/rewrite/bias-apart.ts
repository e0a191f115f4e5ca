/**
 * A bias is added after its product, not in it: `Gemm(x, W, b)` becomes `Add(FusedMatMul(x, W), b)`.
 *
 * ONNX Runtime's `Gemm` writes the bias into every row of the result first, on one thread, and only then multiplies. A sum of its own is shared by
 * all threads, and what follows may take it along (`BiasGelu`). ONNX's `MatMul` would not do: the engine makes `Gemm` of it and the sum again.
 */

import { equalDims, equalShapes } from "../graph/dim.ts";
import { type Graph, nodeOf, rebuild } from "../graph/graph.ts";
import type { Node, Value } from "../graph/value.ts";
import { apply, Tensor, withPath } from "../tensor/index.ts";

/** Parts biases from products. The results are the same up to rounding. */
export function biasApart(graph: Graph): Graph {
  return rebuild(graph, (node, inputs) => {
    if (!hasBias(node)) return undefined;
    const [x, weight, bias] = inputs as readonly [Value, Value, Value];
    return [withPath(node.scope, () => summed(node, new Tensor(x), new Tensor(weight), new Tensor(bias)).value)];
  });
}

/** True for x W + b or x Wᵀ + b in float32. */
function hasBias(node: Node): node is Node<"Gemm"> {
  if (node.op !== "Gemm") return false;
  const { attributes, inputs, outputs } = node as unknown as Node<"Gemm">;
  const { beta = 1, transA = 0 } = attributes;
  const [y, bias] = [outputs[0]!, inputs[2]];
  if (!bias || y.dtype !== "float32" || beta !== 1 || transA !== 0) return false;
  return bias.shape.length === 1 && equalDims(bias.shape[0]!, y.shape[1]!);
}

/** Over the rows as they stood before they were put together, so that what follows finds the sum beside it. */
function summed(node: Node<"Gemm">, x: Tensor, weight: Tensor, bias: Tensor): Tensor {
  const { alpha, transB } = node.attributes;
  const maker = nodeOf(x.value);
  const before = maker?.op === "Reshape" ? new Tensor(maker.inputs[0]!) : x;
  const rows = before.rank > 2 && equalDims(before.shape.at(-1)!, x.shape[1]!) ? before : x;
  const y = apply("FusedMatMul", [rows, weight], { alpha, transB }).add(bias);
  const { shape } = node.outputs[0]!;
  return equalShapes(y.shape, shape) ? y : y.reshape(shape);
}
