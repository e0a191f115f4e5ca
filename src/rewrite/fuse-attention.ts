/**
 * Attention as one operator: softmax(s · q kᵀ + bias) v becomes `com.microsoft.MultiHeadAttention`, which never writes the scores to memory.
 *
 * Only where nobody else reads scores or weights: a tapped attention map keeps its parts. For inference; the operator has no gradient.
 * @source onnxruntime/docs/ContribOperators.md, com.microsoft.MultiHeadAttention
 */

import { type Dim, equalDims } from "../graph/dim.ts";
import { consumersOf, type Graph, nodeOf, readOnceIn, rebuild } from "../graph/graph.ts";
import type { Node, Value } from "../graph/value.ts";
import { apply, expand, scalar, Tensor, where, withPath } from "../tensor/index.ts";

/** Fuses attention on [b, a, n, k] (a heads of width k). */
export function fuseAttention(graph: Graph): Graph {
  const consumers = consumersOf(graph);
  const isOnlyRead = readOnceIn(graph);
  // Matched on the original graph, written with the new values: both have the same structure up to the outputs that were replaced.
  const found = new Map<Node, Attention>();
  for (const readers of consumers.values())
    for (const node of readers) {
      const attention = found.has(node) ? undefined : attentionOf(node, isOnlyRead);
      if (attention) found.set(node, attention);
    }
  if (found.size === 0) return graph;
  const current = new Map<Value, Value>();
  return rebuild(graph, (node, inputs) => {
    for (const [i, input] of node.inputs.entries()) if (input) current.set(input, inputs[i]!);
    const attention = found.get(node);
    return attention && [withPath(node.scope, () => fused(attention, (value) => current.get(value) ?? value))];
  });
}

/** One attention, as it stands in the graph. */
interface Attention {
  /** [b, a, n, k] */
  readonly query: Value;
  /** [b, a, k, m], transposed for the product. */
  readonly key: Value;
  /** [b, a, m, v] */
  readonly value: Value;
  readonly scale: number;
  /** What is added to the scores, outermost last. */
  readonly biases: readonly Bias[];
}

/** A term of the scores: numbers, or `blocked` (a large negative number) where a condition does not hold. */
type Bias =
  | { readonly kind: "sum"; readonly value: Value }
  | { readonly kind: "mask"; readonly condition: Value; readonly holds: boolean; readonly blocked: number };

/** Scores this low weigh nothing in float32, whatever is added to them. */
const blockedBelow = -1e9;

/** The attention whose last product a node is. */
function attentionOf(node: Node, isOnlyRead: (value: Value) => boolean): Attention | undefined {
  if (node.op !== "MatMul" || node.outputs[0]!.shape.length !== 4 || node.outputs[0]!.dtype !== "float32")
    return undefined;
  const [weights, value] = node.inputs as readonly [Value, Value];
  const softmax = nodeOf(weights);
  if (softmax?.op !== "Softmax" || !isOnlyRead(weights)) return undefined;
  const { axis } = (softmax as unknown as Node<"Softmax">).attributes;
  if (axis !== -1 && axis !== 3) return undefined;

  let scores = softmax.inputs[0]!;
  const biases: Bias[] = [];
  for (let term = biasOf(scores); term && isOnlyRead(scores); term = biasOf(scores)) {
    biases.unshift(term.bias);
    scores = term.scores;
  }
  let scale = 1;
  for (let factor = scaledOf(scores); factor && isOnlyRead(scores); factor = scaledOf(scores)) {
    scale *= factor.scale;
    scores = factor.value;
  }
  const product = nodeOf(scores);
  if (product?.op !== "MatMul" || !isOnlyRead(scores)) return undefined;
  let [query, key] = product.inputs as readonly [Value, Value];
  for (let factor = scaledOf(query); factor; factor = scaledOf(query)) {
    scale *= factor.scale;
    query = factor.value;
  }
  for (let factor = scaledOf(key); factor; factor = scaledOf(key)) {
    scale *= factor.scale;
    key = factor.value;
  }
  // The operator takes a scale of 0 for none.
  return scale !== 0 && fits(query, key, value) ? { query, key, value, scale, biases } : undefined;
}

/** Batch and heads in the first two axes, with the same sizes everywhere; the heads and their widths known. */
function fits(query: Value, key: Value, value: Value): boolean {
  const shapes = [query.shape, key.shape, value.shape];
  if (shapes.some((shape) => shape.length !== 4)) return false;
  const [q, k, v] = shapes as [readonly Dim[], readonly Dim[], readonly Dim[]];
  const outer = [0, 1].every((axis) => equalDims(q[axis]!, k[axis]!) && equalDims(q[axis]!, v[axis]!));
  return outer && [q[1], q[3], v[3]].every((size) => typeof size === "number");
}

/** A value that is another one times a number. */
function scaledOf(value: Value): { readonly value: Value; readonly scale: number } | undefined {
  const node = nodeOf(value);
  if (node?.op !== "Mul" && node?.op !== "Div") return undefined;
  const [a, b] = node.inputs as readonly [Value, Value];
  const right = numberOf(b);
  if (right !== undefined) return { value: a, scale: node.op === "Mul" ? right : 1 / right };
  const left = node.op === "Mul" ? numberOf(a) : undefined;
  return left === undefined ? undefined : { value: b, scale: left };
}

/** Scores with a term, and without it. */
function biasOf(scores: Value): { readonly scores: Value; readonly bias: Bias } | undefined {
  const node = nodeOf(scores);
  if (node?.op === "Add") {
    const [a, b] = node.inputs as readonly [Value, Value];
    const sides = [
      [a, b],
      [b, a],
    ] as const;
    const side = sides.find(([inner]) => isScores(inner));
    return side && { scores: side[0], bias: { kind: "sum", value: side[1] } };
  }
  if (node?.op !== "Where") return undefined;
  const [condition, yes, no] = node.inputs as readonly [Value, Value, Value];
  for (const [inner, other, holds] of [
    [yes, no, true],
    [no, yes, false],
  ] as const) {
    const blocked = numberOf(other);
    if (blocked !== undefined && blocked <= blockedBelow && isScores(inner))
      return { scores: inner, bias: { kind: "mask", condition, holds, blocked } };
  }
  return undefined;
}

/** True for a product, also with terms and factors. */
function isScores(value: Value): boolean {
  if (nodeOf(value)?.op === "MatMul" || biasOf(value)) return true;
  const factor = scaledOf(value);
  return factor !== undefined && isScores(factor.value);
}

/** The number in a constant with one element. */
function numberOf({ source }: Value): number | undefined {
  if (source.kind !== "constant" || source.data.data.length !== 1 || source.data.dtype !== "float32") return undefined;
  return Number(source.data.data[0]);
}

/** [b, a, n, v], made by the fused operator and split into heads again. */
function fused({ query, key, value, scale, biases }: Attention, now: (value: Value) => Value): Value {
  const [b, heads, n, k] = query.shape as readonly [Dim, number, Dim, number];
  const m = key.shape[3]!;
  const width = value.shape[3] as number;
  const bias = biases.length === 0 ? undefined : added(biases, now, [n, m]);
  const q = joined(new Tensor(now(query)), [0, 2, 1, 3], [b, n, heads * k]);
  const keys = joined(new Tensor(now(key)), [0, 3, 1, 2], [b, m, heads * k]);
  const values = joined(new Tensor(now(value)), [0, 2, 1, 3], [b, m, heads * width]);
  const inputs = [q, keys, values, undefined, undefined, bias];
  const attended = apply("MultiHeadAttention", inputs, { num_heads: heads, scale });
  return attended.reshape([b, n, heads, width]).transpose([0, 2, 1, 3]).value;
}

/** Heads side by side in the last axis. `drop` removes the moves that meet their opposites. */
function joined(x: Tensor, perm: readonly number[], shape: readonly Dim[]): Tensor {
  return x.transpose(perm).reshape(shape);
}

/** The sum of the terms as [b or 1, a or 1, n, m]. */
function added(biases: readonly Bias[], now: (value: Value) => Value, [n, m]: readonly [Dim, Dim]): Tensor {
  const terms = biases.map((bias) => {
    if (bias.kind === "sum") return new Tensor(now(bias.value));
    const zero = scalar(0);
    const blocked = scalar(bias.blocked);
    return where(new Tensor(now(bias.condition)), bias.holds ? zero : blocked, bias.holds ? blocked : zero);
  });
  const sum = terms.reduce((total, term) => total.add(term));
  const [outer, inner] = [sum.shape.slice(0, -2), sum.shape.slice(-2)];
  const full = [...Array(2 - outer.length).fill(1), ...outer, n, m];
  const isFull = inner.length === 2 && equalDims(inner[0]!, n) && equalDims(inner[1]!, m);
  if (!isFull) return expand(sum, full);
  return outer.length === 2 ? sum : sum.reshape(full);
}
