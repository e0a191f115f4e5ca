/** From a graph to a better graph with the same results. */

export { selectEarly } from "./select-early.ts";

import type { NdArray } from "../graph/dtype.ts";
import type { Graph } from "../graph/graph.ts";
import type { Value } from "../graph/value.ts";

export async function rewriteForInference(
  graph: Graph,
  _options: { readonly evaluate: (values: readonly Value[]) => Promise<readonly NdArray[]> },
): Promise<Graph> {
  return graph;
}
export function rewriteForTraining(graph: Graph): Graph {
  return graph;
}
