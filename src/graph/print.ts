/** Graphs as text: one node per line, for people and snapshots. */

import { shapeText } from "./dim.ts";
import { type Graph, rootsOf, topologicalOrder } from "./graph.ts";
import type { Node, Value } from "./value.ts";

/**
 * The nodes of a graph in the order of the data flow, then its outputs and updates:
 * `%2 = Gemm(%1, w, none) {transB: 1} float32 [b, 3]  // proj`. Attributes at their defaults are left out where they are 0 or unset.
 */
export function printGraph(graph: Graph): string {
  const names = new Map<Value, string>();
  const lines: string[] = [];
  const name = (value: Value | undefined): string => (value ? (names.get(value) ?? leafText(value)) : "none");
  for (const input of graph.inputs) lines.push(`${leafText(input)}: ${typeText(input)}`);
  let count = 0;
  for (const node of topologicalOrder(rootsOf(graph))) {
    for (const output of node.outputs) names.set(output, `%${count++}`);
    const results = node.outputs.map(name).join(", ");
    const types = node.outputs.map(typeText).join(", ");
    const place = node.scope ? `  // ${node.scope}` : "";
    lines.push(`${results} = ${node.op}(${node.inputs.map(name).join(", ")})${attributesText(node)} ${types}${place}`);
  }
  for (const [key, value] of graph.outputs) lines.push(`${key} -> ${name(value)}`);
  for (const [variable, value] of graph.updates) lines.push(`${variable.name} <- ${name(value)}`);
  return lines.join("\n");
}

function leafText({ source, shape, known }: Value): string {
  switch (source.kind) {
    case "input":
      return source.name;
    case "variable":
      return source.variable.name || "variable";
    case "random":
      return `random(${source.site})`;
    case "sizes":
      return `(${(known ?? []).join(", ")})`;
    case "constant": {
      const { data } = source.data;
      if (data.length > 8) return `constant ${shapeText(shape)}`;
      return shape.length === 0 ? String(data[0]) : `(${Array.from(data as ArrayLike<number | bigint>).join(", ")})`;
    }
    case "node":
      return source.node.op;
  }
}

function typeText({ dtype, shape }: Value): string {
  return `${dtype} ${shapeText(shape)}`;
}

function attributesText(node: Node): string {
  const given = Object.entries(node.attributes as Record<string, unknown>).filter(
    ([, value]) => value !== undefined && value !== 0,
  );
  if (given.length === 0) return "";
  return ` {${given.map(([key, value]) => `${key}: ${Array.isArray(value) ? `[${value.join(", ")}]` : value}`).join(", ")}}`;
}
