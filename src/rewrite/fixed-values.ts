/** Which values are the same at every run, and so can be computed once. */

import { type Dim, mulDims } from "../graph/dim.ts";
import { type Graph, rebuild, rootsOf, topologicalOrder } from "../graph/graph.ts";
import type { Node, Value } from "../graph/value.ts";

/** Most elements of a value that may be larger than what it is made from. */
const mostGrown = 2 ** 20;

/**
 * The values that are made from fixed leaves alone and that something else needs: where fixed and changing parts of a graph meet.
 * A value stays out where computing it once would make the model larger: much larger than its inputs, or a large copy of a leaf that
 * is needed as it is, too.
 * @returns each value with the fixed leaves that it is made from
 */
export function fixedValues(
  graph: Graph,
  isFixedLeaf: (leaf: Value) => boolean,
): ReadonlyMap<Value, ReadonlySet<Value>> {
  const roots = rootsOf(graph);
  const order = topologicalOrder(roots);
  const origins = new Map<Value, ReadonlySet<Value>>();
  const originsOf = (value: Value): ReadonlySet<Value> | undefined => {
    if (value.source.kind === "node") return origins.get(value);
    return isFixedLeaf(value) ? new Set([value]) : undefined;
  };
  for (const node of order) {
    const from = originsOfNode(node, originsOf);
    if (!from) continue;
    const inputSize = node.inputs.reduce((sum, v) => sum + (v ? elements(v) : 0), 0);
    if (node.outputs.some((output) => elements(output) > Math.max(mostGrown, inputSize))) continue;
    for (const output of node.outputs) origins.set(output, from);
  }

  const needed = new Set<Value>(roots);
  for (const node of order)
    if (!origins.has(node.outputs[0]!)) for (const input of node.inputs) if (input) needed.add(input);
  const found = new Map<Value, ReadonlySet<Value>>();
  for (const [value, leaves] of origins) {
    const copies = elements(value) > mostGrown && [...leaves].some((leaf) => needed.has(leaf));
    if (needed.has(value) && !copies) found.set(value, leaves);
  }
  return found;
}

/** The graph with values in place of others. */
export function replaced(graph: Graph, replacements: ReadonlyMap<Value, Value>): Graph {
  if (replacements.size === 0) return graph;
  return rebuild(graph, (node) =>
    node.outputs.some((output) => replacements.has(output))
      ? node.outputs.map((output) => replacements.get(output))
      : undefined,
  );
}

function originsOfNode(
  node: Node,
  originsOf: (value: Value) => ReadonlySet<Value> | undefined,
): ReadonlySet<Value> | undefined {
  // With a training mode, the engine draws new numbers at each run.
  if (node.op === "Dropout" && node.inputs[2]) return undefined;
  const all = new Set<Value>();
  for (const input of node.inputs) {
    if (!input) continue;
    const from = originsOf(input);
    if (!from) return undefined;
    for (const leaf of from) all.add(leaf);
  }
  return all;
}

function elements(value: Value): number {
  const size: Dim = mulDims(1, ...value.shape);
  return typeof size === "number" ? size : Number.POSITIVE_INFINITY;
}
