/**
 * The same thing is computed once: nodes with equal operator, inputs and attributes become one; so do equal small constants and sizes.
 */

import type { NdArray } from "../graph/dtype.ts";
import { type Graph, rebuild, withInputs } from "../graph/graph.ts";
import type { Node, Value } from "../graph/value.ts";

/** Most elements of a constant that is compared by content. */
const mostCompared = 1024;

/** One node for each distinct computation. */
export function share(graph: Graph): Graph {
  const numbers = new Map<Value, number>();
  const leaves = new Map<string, Value>();
  const standing = new Map<Value, Value>();
  const nodes = new Map<string, readonly Value[]>();
  /** The value that stands for all leaves like this one. */
  const leaf = (value: Value): Value => {
    const known = standing.get(value);
    if (known) return known;
    const text = leafText(value);
    const found = (text === undefined ? undefined : leaves.get(text)) ?? value;
    if (text !== undefined) leaves.set(text, found);
    standing.set(value, found);
    return found;
  };
  const numberOf = (value: Value | undefined): number => {
    if (!value) return -1;
    const found = numbers.get(value) ?? numbers.size;
    numbers.set(value, found);
    return found;
  };
  return rebuild(graph, (node, inputs) => {
    const shared = inputs.map((v) => (v && v.source.kind !== "node" ? leaf(v) : v));
    const key = `${node.op} ${shared.map(numberOf)} ${attributesText(node)}`;
    const found = nodes.get(key);
    if (found) return found;
    const same = shared.every((v, i) => v === node.inputs[i]);
    const outputs = same ? node.outputs : withInputs(node, shared).outputs;
    nodes.set(key, outputs);
    return outputs;
  });
}

/** Equal exactly for leaves that hold the same; `undefined` for a leaf that is like no other. */
function leafText({ source, dtype, shape, known }: Value): string | undefined {
  switch (source.kind) {
    case "constant":
      return source.data.data.length <= mostCompared ? `${dtype} [${shape}] ${bytesText(source.data)}` : undefined;
    case "sizes":
      return `sizes [${shape}] ${known}`;
    case "random":
      return `random ${source.site}`;
    default:
      return undefined;
  }
}

/** The bytes of an array: −0 and 0 differ, and so do NaNs. */
function bytesText({ data }: NdArray): string {
  return String(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function attributesText(node: Node): string {
  return Object.values(node.attributes as Record<string, unknown>).join("|");
}
