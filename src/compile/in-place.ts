/** Which variables may be overwritten by their new values while the graph still runs. */

import { equalShapes } from "../graph/dim.ts";
import { consumersOf, type Graph, nodeOf } from "../graph/graph.ts";
import type { OpName } from "../graph/ops.ts";
import type { Node, Variable } from "../graph/value.ts";

/** Operators whose kernels read each element before they write it. */
const elementwise: ReadonlySet<OpName> = new Set<OpName>(["Add", "Sub", "Mul", "Div"]);

/**
 * Variables whose every reader runs before the node that makes the new value: readers among the few nodes just before it (an optimiser's
 * moments are read by their own update alone). These need one array instead of two.
 */
export function inPlaceVariables(graph: Graph): ReadonlySet<Variable> {
  const consumers = consumersOf(graph);
  const found = new Set<Variable>();
  for (const [variable, next] of graph.updates) {
    const last = nodeOf(next);
    if (!last || !elementwise.has(last.op) || !equalShapes(next.shape, variable.shape)) continue;
    const before = nodesBefore(last, 16);
    if ((consumers.get(variable.value) ?? []).every((reader) => before.has(reader))) found.add(variable);
  }
  return found;
}

/** The node and up to `limit` nodes that it needs, nearest first. */
function nodesBefore(node: Node, limit: number): ReadonlySet<Node> {
  const seen = new Set<Node>([node]);
  for (const current of seen) {
    if (seen.size > limit) break;
    for (const input of current.inputs) {
      const maker = input && nodeOf(input);
      if (maker) seen.add(maker);
    }
  }
  return seen;
}
