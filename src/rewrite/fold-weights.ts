/** What weights alone make is computed once, for models whose weights no longer change: transposed, parted, scaled weights. */

import { type Graph, makeVariable, nodeOf, variablesOf } from "../graph/graph.ts";
import type { Value, Variable } from "../graph/value.ts";
import { fixedValues, replaced } from "./fixed-values.ts";
import type { Evaluate } from "./fold-constants.ts";

/**
 * The graph with new variables in place of what variables (and constants) make. Variables that the graph updates are left alone. The
 * new ones are called after the first they are made from: `blocks.11.attn.qkv.weight/Split.0`.
 */
export async function foldWeights(graph: Graph, evaluate: Evaluate): Promise<Graph> {
  const fixed = fixedValues(graph, ({ source, known }) => {
    if (source.kind === "variable") return !graph.updates.has(source.variable);
    return source.kind === "constant" || (source.kind === "sizes" && known!.every((size) => typeof size === "number"));
  });
  const values: Value[] = [];
  const firsts: Variable[] = [];
  for (const [value, leaves] of fixed) {
    const [first] = [...leaves].flatMap(({ source }) => (source.kind === "variable" ? [source.variable] : []));
    if (!first) continue;
    values.push(value);
    firsts.push(first);
  }
  if (values.length === 0) return graph;
  const arrays = await evaluate(values);
  const taken = new Set(variablesOf(graph).map((variable) => variable.name));
  const folded = values.map((value, i) => {
    const array = arrays[i]!;
    const name = freeName(`${firsts[i]!.name}/${making(value)}`, taken);
    return [value, makeVariable(name, array.dtype, array.shape, () => array).value] as const;
  });
  return replaced(graph, new Map(folded));
}

/** The operator that makes a value, with the number of the output where there are several. */
function making(value: Value): string {
  const node = nodeOf(value)!;
  return node.outputs.length === 1 ? node.op : `${node.op}.${node.outputs.indexOf(value)}`;
}

function freeName(base: string, taken: Set<string>): string {
  let name = base;
  for (let count = 1; taken.has(name); count++) name = `${base}_${count}`;
  taken.add(name);
  return name;
}
