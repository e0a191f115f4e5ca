/**
 * Nodes that change nothing go, and runs of moves become one: Identity, Reshape of Reshape, x + 0, slices of everything, repetitions that
 * the next operator makes by itself, zeros that something is added to before they are added.
 *
 * One table, keyed by operator. Nodes that nobody needs need no pass: a graph is what its outputs need.
 */

import { equalShapes } from "../graph/dim.ts";
import type { TypedArray } from "../graph/dtype.ts";
import { type Graph, makeNode, nodeOf, rebuild } from "../graph/graph.ts";
import type { OpName } from "../graph/ops.ts";
import type { Node, Value } from "../graph/value.ts";
import { isWaiting } from "../graph/waiting.ts";
import { Tensor, withPath } from "../tensor/index.ts";
import { permutation, reshaping } from "./sections.ts";

/** Removes nodes without effect. The results differ at most in the sign of zeros, and by rounding where several numbers are added in one place. */
export function drop(graph: Graph): Graph {
  return rebuild(graph, (node, inputs) => {
    const rule = rules[node.op] as DropRule<OpName> | undefined;
    const simpler = rule?.(node, inputs);
    return simpler && [simpler];
  });
}

/** The value that stands for the node's first output; `undefined` where the node is needed. */
type DropRule<K extends OpName> = (node: Node<K>, inputs: readonly (Value | undefined)[]) => Value | undefined;

const reshape: DropRule<OpName> = (node, inputs) => {
  if (isWaiting(node)) return undefined;
  const simpler = reshaped(node, inputs[0]!);
  return nodeOf(simpler)?.inputs[0] === inputs[0] ? undefined : simpler;
};

/** Operators that give back their only input. */
const only: DropRule<OpName> = (node, inputs) => (inputs.length === 1 ? sameShape(node, inputs[0]!) : undefined);

/** Operators whose output is the input where it has its shape. */
const whole: DropRule<OpName> = (node, inputs) => sameShape(node, inputs[0]!);

/** Either operand is all `number`. */
const neutral =
  (number: number): DropRule<OpName> =>
  (node, [a, b]) =>
    (isAll(b!, number) ? sameShape(node, a!) : undefined) ?? (isAll(a!, number) ? sameShape(node, b!) : undefined);

/** The right operand is all `number`. */
const rightNeutral =
  (number: number): DropRule<OpName> =>
  (node, [a, b]) =>
    isAll(b!, number) ? sameShape(node, a!) : undefined;

/** An operand that was only repeated to the shape that the other has anyway need not be: the operator repeats it by itself. */
const unrepeated: DropRule<OpName> = (node, inputs) => {
  for (const [i, input] of inputs.entries()) {
    const maker = nodeOf(input!);
    const source = maker?.op === "Expand" ? maker.inputs[0]! : undefined;
    const fits = source && source.shape.length <= inputs[1 - i]!.shape.length;
    if (!fits || !sameShape(node, inputs[1 - i]!)) continue;
    const [a, b] = i === 0 ? [source, inputs[1]] : [inputs[0], source];
    return makeNode(node.op, [a, b], node.attributes, node.scope).outputs[0];
  }
  return undefined;
};

/** An operand that is zeros but for what was added in some places: it is added there to the other operand. */
const placed: DropRule<OpName> = (node, inputs) => {
  for (const [i, input] of inputs.entries()) {
    const maker = nodeOf(input!);
    if (maker?.op !== "ScatterElements") continue;
    const { attributes } = maker as unknown as Node<"ScatterElements">;
    const onto = sameShape(node, inputs[1 - i]!);
    if (attributes.reduction !== "add" || !onto || !isAll(maker.inputs[0]!, 0) || !sameShape(node, input!)) continue;
    return makeNode("ScatterElements", [onto, maker.inputs[1], maker.inputs[2]], attributes, maker.scope).outputs[0];
  }
  return undefined;
};

/** The first rule that applies. */
const either =
  (...choices: readonly DropRule<OpName>[]): DropRule<OpName> =>
  (node, inputs) => {
    for (const rule of choices) {
      const simpler = rule(node, inputs);
      if (simpler) return simpler;
    }
    return undefined;
  };

/** Applied twice, it gives its input. */
const involution: DropRule<OpName> = (node, inputs) => {
  const maker = nodeOf(inputs[0]!);
  return maker?.op === node.op ? maker.inputs[0] : undefined;
};

const rules: { readonly [K in OpName]?: DropRule<K> } = {
  Identity: (_, inputs) => inputs[0],
  Dropout: (_, inputs) => (!inputs[2] || isAll(inputs[2], 0) ? inputs[0] : undefined),
  Cast: (node, inputs) => (inputs[0]!.dtype === node.outputs[0]!.dtype ? inputs[0] : undefined),
  Neg: involution,
  Not: involution,

  Add: either(neutral(0), unrepeated, placed),
  Sub: either(rightNeutral(0), unrepeated),
  Mul: either(neutral(1), unrepeated),
  Div: either(rightNeutral(1), unrepeated),
  Pow: rightNeutral(1),
  Sum: only,
  Min: only,
  Max: only,

  Reshape: reshape,
  Flatten: reshape,
  Squeeze: reshape,
  Unsqueeze: reshape,
  Transpose: (node, inputs) => {
    const first = nodeOf(inputs[0]!);
    const before = first?.op === "Transpose" ? (first as unknown as Node<"Transpose">) : undefined;
    const source = before ? before.inputs[0]! : inputs[0]!;
    const rank = source.shape.length;
    const last = permutation(node.attributes.perm, rank);
    const perm = before ? last.map((axis) => permutation(before.attributes.perm, rank)[axis]!) : last;
    if (perm.every((axis, i) => axis === i)) return source;
    // Only axes of size 1 change their place.
    const sized = perm.filter((axis) => source.shape[axis] !== 1);
    if (sized.every((axis, i) => i === 0 || axis > sized[i - 1]!)) return reshaped(node, source);
    return before && withPath(node.scope, () => new Tensor(source).transpose(perm).value);
  },
  Concat: only,
  Split: (node, inputs) => (node.outputs.length === 1 ? inputs[0] : undefined),
  // A negative step turns the order around.
  Slice: (node, inputs) => (inputs[4] && !isAll(inputs[4], 1) ? undefined : sameShape(node, inputs[0]!)),
  Pad: (_, inputs) => (inputs[1]!.known?.every((amount) => amount === 0) ? inputs[0] : undefined),
  Expand: whole,
  Tile: whole,
};

/** The value, where it has the shape of the node's output. */
function sameShape(node: Node<OpName>, value: Value): Value | undefined {
  return equalShapes(value.shape, node.outputs[0]!.shape) ? value : undefined;
}

/** The elements of `source`, which are those of the node's output in their order, in the shape of the output. */
function reshaped(node: Node<OpName>, source: Value): Value {
  const { shape } = node.outputs[0]!;
  let origin = source;
  for (let maker = nodeOf(origin); maker && reshaping.has(maker.op) && !isWaiting(maker); maker = nodeOf(origin))
    origin = maker.inputs[0]!;
  if (equalShapes(origin.shape, shape)) return origin;
  return withPath(node.scope, () => new Tensor(origin).reshape(shape).value);
}

/** Most elements of a constant that are looked at. */
const mostLookedAt = 4096;

/** True for a constant whose every element is the number. */
function isAll(value: Value, number: number): boolean {
  const { source } = value;
  if (source.kind === "constant") {
    const { dtype, data } = source.data;
    if (dtype === "float16" || dtype === "bfloat16" || data.length > mostLookedAt) return false;
    return everyElement(data, number);
  }
  const node = nodeOf(value);
  return node?.op === "ConstantOfShape" && (node as unknown as Node<"ConstantOfShape">).attributes.value === number;
}

function everyElement(data: TypedArray, number: number): boolean {
  for (const element of data) if (Number(element) !== number) return false;
  return true;
}
