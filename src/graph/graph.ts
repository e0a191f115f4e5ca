/** Making values and nodes, and walking, rebuilding and naming what they compute. */

import { VitrineError } from "../errors.ts";
import { type Dim, equalShapes, type Shape } from "./dim.ts";
import type { DType, NdArray } from "./dtype.ts";
import { inferNode } from "./infer.ts";
import { type Attributes, completeAttributes, type OpName } from "./ops.ts";
import type { Distribution, Node, Value, Variable } from "./value.ts";

/** Named results, and all that they need. */
export interface Graph {
  /** In the order in which they are fed. */
  readonly inputs: readonly Value[];
  readonly outputs: ReadonlyMap<string, Value>;
  /** New values that variables take after a run. */
  readonly updates: ReadonlyMap<Variable, Value>;
}

/** Makes a node and its outputs. */
export function makeNode<K extends OpName>(
  op: K,
  inputs: readonly (Value | undefined)[],
  attributes: Partial<Attributes<K>>,
  scope: string,
): Node<K> {
  const complete = completeAttributes(op, attributes);
  const types = inferNode(op, inputs, complete, scope);
  const outputs: Value[] = [];
  const node: Node<K> = { op, inputs, attributes: complete, outputs, scope };
  for (const [index, type] of types.entries())
    outputs.push({ ...type, source: { kind: "node", node: node as unknown as Node, index } });
  return node;
}

/** A value that is fed at each run. */
export function inputValue(name: string, dtype: DType, shape: Shape): Value {
  return { dtype, shape, source: { kind: "input", name } };
}

/** A fixed value; its contents count as known where it is a small int64 or int32 scalar or vector. */
export function constantValue(data: NdArray): Value {
  const known =
    (data.dtype === "int64" || data.dtype === "int32") && data.shape.length <= 1 && data.data.length <= 64
      ? Array.from(data.data, Number)
      : undefined;
  return { dtype: data.dtype, shape: data.shape, known, source: { kind: "constant", data } };
}

/** The sizes as an int64 vector. */
export function sizesValue(sizes: readonly Dim[]): Value {
  return { dtype: "int64", shape: [sizes.length], known: sizes, source: { kind: "sizes" } };
}

/** One size as an int64 scalar. */
export function sizeValue(size: Dim): Value {
  return { dtype: "int64", shape: [], known: [size], source: { kind: "sizes" } };
}

/** Random float32 numbers, new at each run. */
export function randomValue(site: string, shape: Shape, distribution: Distribution): Value {
  return { dtype: "float32", shape, source: { kind: "random", site, distribution } };
}

/**
 * A variable.
 * @param initial makes its first value, when that is first asked for: a model whose weights are loaded never draws random ones
 */
export function makeVariable(
  name: string,
  dtype: DType,
  shape: readonly number[],
  initial: (variable: Variable) => NdArray,
): Variable {
  let current: NdArray | undefined;
  const variable: Variable = {
    name,
    dtype,
    shape,
    get data() {
      current ??= initial(variable);
      return current;
    },
    set data(next) {
      if (next.dtype !== dtype || next.shape.length !== shape.length || next.shape.some((size, i) => size !== shape[i]))
        throw new VitrineError("SHAPE_MISMATCH", {
          rule: "a variable keeps its element type and shape",
          evidence: `got ${next.dtype} [${next.shape.join(", ")}] for ${dtype} [${shape.join(", ")}]`,
          place: variable.name,
        });
      current = next;
    },
    get value() {
      return value;
    },
  };
  const value: Value = { dtype, shape, source: { kind: "variable", variable } };
  return variable;
}

/** The node that makes a value; `undefined` for leaves. */
export function nodeOf(value: Value): Node | undefined {
  return value.source.kind === "node" ? value.source.node : undefined;
}

/** All nodes that the values need, each after the nodes it needs. @param given values that are taken as they are */
export function topologicalOrder(values: Iterable<Value>, given?: ReadonlySet<Value>): readonly Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  // An explicit stack: a training step is deeper than JavaScript's call stack.
  const stack: { node: Node; next: number }[] = [];
  const visit = (value: Value | undefined): void => {
    const node = value && !given?.has(value) ? nodeOf(value) : undefined;
    if (node && !seen.has(node)) {
      seen.add(node);
      stack.push({ node, next: 0 });
    }
  };
  for (const value of values) {
    visit(value);
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      if (top.next < top.node.inputs.length) visit(top.node.inputs[top.next++]);
      else {
        order.push(top.node);
        stack.pop();
      }
    }
  }
  return order;
}

/** The values that a graph must compute: its outputs and the new values of its variables. */
export function rootsOf(graph: Graph): readonly Value[] {
  return [...graph.outputs.values(), ...graph.updates.values()];
}

/** All leaves that the values need, in the order in which they are first met. */
export function leavesOf(values: Iterable<Value>): readonly Value[] {
  const roots = [...values];
  const leaves = new Set<Value>(roots.filter((v) => v.source.kind !== "node"));
  for (const node of topologicalOrder(roots))
    for (const input of node.inputs) if (input && input.source.kind !== "node") leaves.add(input);
  return [...leaves];
}

/** The variables that a graph reads or writes, in the order in which they are first met. */
export function variablesOf(graph: Graph): readonly Variable[] {
  const variables = new Set<Variable>();
  for (const { source } of leavesOf(rootsOf(graph))) if (source.kind === "variable") variables.add(source.variable);
  for (const variable of graph.updates.keys()) variables.add(variable);
  const names = new Map<string, Variable>();
  for (const variable of variables) {
    if (names.has(variable.name))
      throw new VitrineError("INVALID_ARGUMENT", {
        rule: "graph: names of variables must be unique",
        evidence: `two are called "${variable.name}"`,
      });
    names.set(variable.name, variable);
  }
  return [...variables];
}

/**
 * The same computation with nodes replaced: `replace` is called for each node in topological order, with its inputs already replaced,
 * and returns the values that stand for the node's outputs, or `undefined` to keep the node.
 * @param leaves values that take the place of leaves
 */
export function rebuild(
  graph: Graph,
  replace: (node: Node, inputs: readonly (Value | undefined)[]) => readonly (Value | undefined)[] | undefined,
  leaves: ReadonlyMap<Value, Value> = new Map(),
): Graph {
  const map = new Map(leaves);
  const mapped = (value: Value): Value => map.get(value) ?? value;
  for (const node of topologicalOrder(rootsOf(graph))) {
    const inputs = node.inputs.map((v) => v && mapped(v));
    const outputs =
      replace(node, inputs) ??
      (inputs.every((v, i) => v === node.inputs[i]) ? node.outputs : withInputs(node, inputs).outputs);
    for (const [i, output] of node.outputs.entries()) {
      const replacement = outputs[i];
      if (replacement && replacement !== output) map.set(output, replacement);
    }
  }
  return {
    inputs: graph.inputs,
    outputs: new Map([...graph.outputs].map(([name, value]) => [name, mapped(value)])),
    updates: new Map([...graph.updates].map(([variable, value]) => [variable, mapped(value)])),
  };
}

/** The same computation on other values in place of some of its leaves. */
export function substitute(graph: Graph, leaves: ReadonlyMap<Value, Value>): Graph {
  return rebuild(graph, () => undefined, leaves);
}

/** The same node on other inputs. */
export function withInputs(node: Node, inputs: readonly (Value | undefined)[]): Node {
  if (inputs.length !== node.inputs.length || !inputs.every((input, i) => infersAlike(input, node.inputs[i])))
    return makeNode(node.op, inputs, node.attributes, node.scope);
  const outputs: Value[] = [];
  const copy: Node = { op: node.op, inputs, attributes: node.attributes, outputs, scope: node.scope };
  for (const [index, { dtype, shape, known }] of node.outputs.entries())
    outputs.push({ dtype, shape, known, source: { kind: "node", node: copy, index } });
  return copy;
}

/** True where shape rules cannot tell two inputs apart, so that they need not be asked again. (They may look into constants.) */
function infersAlike(a: Value | undefined, b: Value | undefined): boolean {
  if (a === b) return true;
  if (!a || !b || a.known || b.known || a.source.kind === "constant" || b.source.kind === "constant") return false;
  return a.dtype === b.dtype && equalShapes(a.shape, b.shape);
}

/** Says of a value of the graph whether one node reads it, once, and nobody else: it is neither an output nor a new value of a variable. */
export function readOnceIn(graph: Graph): (value: Value) => boolean {
  const consumers = consumersOf(graph);
  const roots = new Set(rootsOf(graph));
  return (value) => !roots.has(value) && consumers.get(value)?.length === 1;
}

/** For each value, the nodes that read it (a node once per reading). */
export function consumersOf(graph: Graph): ReadonlyMap<Value, readonly Node[]> {
  const consumers = new Map<Value, Node[]>();
  for (const node of topologicalOrder(rootsOf(graph)))
    for (const input of node.inputs) {
      if (!input) continue;
      const list = consumers.get(input);
      if (list) list.push(node);
      else consumers.set(input, [node]);
    }
  return consumers;
}
