/** Operators whose results the gradient makes again, in parts that it needs, are left out. */

import { type Graph, nodeOf, rebuild, rootsOf, topologicalOrder } from "../graph/graph.ts";
import { remadeOf } from "../graph/remade.ts";
import type { Node, Value } from "../graph/value.ts";

/** The graph with the second form in place of the first, wherever the gradient that made it is computed. */
export function useRemade(graph: Graph): Graph {
  const order = topologicalOrder(rootsOf(graph));
  const present = new Set<Node>(order);
  const pairs = order.flatMap((node) =>
    node.outputs.flatMap((value) => {
      const again = remadeOf(value);
      const witness = again && nodeOf(again.witness);
      return again && witness && present.has(witness) ? [{ value, again: again.value }] : [];
    }),
  );
  if (pairs.length === 0) return graph;
  // Both forms of each pair ride along as outputs, so that a later pair is found again after an earlier one was exchanged.
  const name = (kind: string, i: number): string => `\n${kind}${i}`;
  const outputs = new Map<string, Value>(graph.outputs);
  for (const [i, { value, again }] of pairs.entries())
    outputs.set(name("first", i), value).set(name("second", i), again);
  let current: Graph = { ...graph, outputs };
  for (const i of pairs.keys()) {
    const [first, second] = [current.outputs.get(name("first", i))!, current.outputs.get(name("second", i))!];
    current = rebuild(current, () => undefined, new Map([[first, second]]));
  }
  return { ...current, outputs: new Map([...graph.outputs.keys()].map((key) => [key, current.outputs.get(key)!])) };
}
