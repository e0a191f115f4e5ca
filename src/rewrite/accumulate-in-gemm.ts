/**
 * Sums ride along in matrix products: `Add(sum, Gemm(a, b))` becomes `Gemm(a, b, sum)`, whose third operand costs nothing.
 *
 * This is what makes gradients of micro-batches accumulate without passes over the weights. Sums of concatenations become
 * concatenations of sums first, so that the gradients of parted weights accumulate part by part.
 */

import { equalShapes } from "../graph/dim.ts";
import { type Graph, makeNode, nodeOf, readOnceIn, rebuild } from "../graph/graph.ts";
import type { Node, Value } from "../graph/value.ts";
import { Tensor, withPath } from "../tensor/index.ts";
import { reshaping } from "./sections.ts";

/** Adds inside matrix products where a product is only made to be added. */
export function accumulateInGemm(graph: Graph): Graph {
  return sumsInProducts(sumsOfParts(graph));
}

/** `Add(Concat(a, b), Concat(c, d))` → `Concat(Add(a, c), Add(b, d))`, where the parts have the same sizes. */
function sumsOfParts(graph: Graph): Graph {
  return rebuild(graph, (node, [left, right]) => {
    const [a, b] = [asConcat(node, left), asConcat(node, right)];
    if (!a || !b || a.inputs.length !== b.inputs.length || a.attributes.axis !== b.attributes.axis) return undefined;
    if (!a.inputs.every((part, i) => equalShapes(part!.shape, b.inputs[i]!.shape))) return undefined;
    const sums = a.inputs.map((part, i) => makeNode("Add", [part, b.inputs[i]], {}, node.scope).outputs[0]);
    return makeNode("Concat", sums, a.attributes, node.scope).outputs;
  });
}

function asConcat(node: Node, value: Value | undefined): Node<"Concat"> | undefined {
  const maker = node.op === "Add" && value ? nodeOf(value) : undefined;
  return maker?.op === "Concat" ? (maker as unknown as Node<"Concat">) : undefined;
}

function sumsInProducts(graph: Graph): Graph {
  const isOnlyRead = readOnceIn(graph);
  return rebuild(graph, (node, inputs) => {
    if (node.op !== "Add") return undefined;
    // The newest part of a sum stands on the right.
    for (const i of [1, 0]) {
      const [sum, part] = [inputs[1 - i]!, node.inputs[i]!];
      if (equalShapes(sum.shape, part.shape) && isProduct(part, isOnlyRead))
        return [withPath(node.scope, () => added(sum, inputs[i]!))];
    }
    return undefined;
  });
}

/** True for a `Gemm` without third operand, also in another shape, that has no other reader. */
function isProduct(value: Value, isOnlyRead: (value: Value) => boolean): boolean {
  const node = nodeOf(value);
  if (!node || !isOnlyRead(value)) return false;
  return reshaping.has(node.op) ? isProduct(node.inputs[0]!, isOnlyRead) : node.op === "Gemm" && !node.inputs[2];
}

/** The product with a sum of its shape as third operand. */
function added(sum: Value, product: Value): Value {
  const node = nodeOf(product)!;
  if (node.op !== "Gemm") {
    const [inner] = node.inputs;
    return inShape(added(inShape(sum, inner!), inner!), product);
  }
  const [a, b] = node.inputs;
  const { attributes } = node as unknown as Node<"Gemm">;
  return makeNode("Gemm", [a, b, sum], { ...attributes, beta: 1 }, node.scope).outputs[0]!;
}

function inShape(value: Value, like: Value): Value {
  return equalShapes(value.shape, like.shape) ? value : new Tensor(value).reshape(like.shape).value;
}
