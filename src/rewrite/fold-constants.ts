/** What constants alone make is computed once: masks, position tables, sizes. */

import { type NdArray, ndarray } from "../graph/dtype.ts";
import { constantValue, type Graph, rootsOf, topologicalOrder } from "../graph/graph.ts";
import type { Value } from "../graph/value.ts";
import { fixedValues, replaced } from "./fixed-values.ts";

/** Computes values that depend on no input. */
export type Evaluate = (values: readonly Value[]) => Promise<readonly NdArray[]>;

/** The graph with constants in place of what constants make; `evaluate` is called at most once. */
export async function foldConstants(graph: Graph, evaluate: Evaluate): Promise<Graph> {
  const told = foldKnown(graph);
  const values = [
    ...fixedValues(told, (leaf) => leaf.source.kind === "constant" || asKnown(leaf) !== undefined).keys(),
  ];
  if (values.length === 0) return told;
  const arrays = await evaluate(values);
  return replaced(told, new Map(values.map((value, i) => [value, constantValue(arrays[i]!)])));
}

/** Small integers that are known from the shapes alone, as constants. */
export function foldKnown(graph: Graph): Graph {
  const constants = new Map<Value, Value>();
  for (const node of topologicalOrder(rootsOf(graph)))
    for (const output of node.outputs) {
      const array = asKnown(output);
      if (array) constants.set(output, constantValue(array));
    }
  return replaced(graph, constants);
}

/** The contents of an int64 scalar or vector, where all are numbers. */
function asKnown({ dtype, shape, known }: Value): NdArray | undefined {
  if (dtype !== "int64" || !known?.every((size) => typeof size === "number")) return undefined;
  return ndarray(dtype, shape as readonly number[], known as readonly number[]);
}
