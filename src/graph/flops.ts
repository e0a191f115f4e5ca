/** What a computation costs, counted from its graph. */

import { addDims, type Dim, mulDims, sizeOfShape } from "./dim.ts";
import { type Graph, rootsOf, topologicalOrder } from "./graph.ts";
import type { Node } from "./value.ts";

/**
 * Floating-point operations of all products with weights and of all matrix products: two for each multiplication and its addition.
 * Elementwise operations are not counted, as is usual.
 */
export function flops(graph: Graph): Dim {
  return addDims(0, ...topologicalOrder(rootsOf(graph)).map(nodeFlops));
}

/** The same for one node. */
export function nodeFlops(node: Node): Dim {
  const out = sizeOfShape(node.outputs[0]!.shape);
  const [a, b] = node.inputs;
  switch (node.op) {
    case "Gemm":
    case "MatMul":
    case "FusedMatMul":
    case "MatMulInteger":
    case "DynamicQuantizeMatMul":
      return mulDims(2, out, innerSize(node));
    case "Conv":
      // Each output element meets one window of one group's channels.
      return mulDims(2, out, ...b!.shape.slice(1));
    case "ConvTranspose":
      return mulDims(2, sizeOfShape(a!.shape), ...b!.shape.slice(1));
    case "RNN":
    case "GRU":
    case "LSTM": {
      // At each step, the weights meet the input and the state before.
      const [time, batch] = a!.shape;
      return mulDims(2, time!, batch!, addDims(sizeOfShape(b!.shape), sizeOfShape(node.inputs[2]!.shape)));
    }
    case "MultiHeadAttention": {
      // Scores and their product with the values: both [b, n, m] × d.
      const [batch, n, d] = a!.shape;
      return mulDims(4, batch!, n!, b!.shape[1]!, d!);
    }
    default:
      return 0;
  }
}

/** Size of the axis that a matrix product sums over. */
function innerSize({ op, inputs, attributes }: Node): Dim {
  const shape = inputs[0]!.shape;
  const transposed = (op === "Gemm" || op === "FusedMatMul") && (attributes as { transA?: number }).transA === 1;
  return shape[shape.length - (transposed ? 2 : 1)] ?? 1;
}
