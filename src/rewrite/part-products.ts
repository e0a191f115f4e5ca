/**
 * One product whose columns serve several purposes, computed in parts: queries for a few rows, keys and values for all.
 *
 * `Split(Reshape(Gemm(x, W, b)))` becomes one `Gemm` for each run of parts that are wanted alike, on `Split`s of W and b.
 */

import { type Graph, nodeOf, rebuild } from "../graph/graph.ts";
import type { OpName } from "../graph/ops.ts";
import type { Node, Value } from "../graph/value.ts";
import { apply, split, Tensor, withPath } from "../tensor/index.ts";
import { axisSection, reshaping, resized, type Section, type SectionRule, sectionRules } from "./sections.ts";

/** What moves the elements of a product before they are split, and how to part it. */
export interface PartedProduct {
  /** From the product to the split: each node with the section that is split, as it lies in the node's output. */
  readonly moves: readonly { readonly node: Node; readonly section: Section }[];
  /** Numbers of outputs of the split that stay together, in order. */
  readonly runs: readonly number[];
  /** Positions of the split axis for each run. */
  readonly positions: readonly number[];
  /** Columns of the product for each position. */
  readonly width: number;
}

/** Operators through which a section of columns can be followed back to a product, as they only move elements. */
const moving: ReadonlySet<OpName> = new Set<OpName>([...reshaping, "Transpose"]);

/**
 * How to part the product that a split cuts.
 * @param runs numbers of neighbouring outputs that stay together
 * @param isOnlyRead whether a value has one reader
 * @returns `undefined` when the split does not cut a `Gemm` along its columns, or others read the product whole
 */
export function partedProduct(
  cut: Node<"Split">,
  runs: readonly number[],
  isOnlyRead: (value: Value) => boolean,
): PartedProduct | undefined {
  const moves: { node: Node; section: Section }[] = [];
  let value = cut.inputs[0]!;
  let section = axisSection(value.shape, cut.attributes.axis);
  const cutAxis = section.axis;
  let node = nodeOf(value);
  while (node && moving.has(node.op) && isOnlyRead(value)) {
    const rule = sectionRules[node.op] as SectionRule<OpName>;
    const found = rule(node, section)?.[0];
    if (!found || found === "whole") return undefined;
    moves.unshift({ node, section });
    section = found;
    value = node.inputs[0]!;
    node = nodeOf(value);
  }
  if (node?.op !== "Gemm" || !isOnlyRead(value) || section.axis !== 1 || section.before !== 1) return undefined;
  if (typeof section.after !== "number") return undefined;
  let next = 0;
  const positions = runs.map((count) =>
    cut.outputs.slice(next, (next += count)).reduce((sum, output) => sum + Number(output.shape[cutAxis]), 0),
  );
  return positions.every(Number.isInteger) ? { moves, runs, positions, width: section.after } : undefined;
}

/** The graph with products parted before they are split. */
export function partProducts(graph: Graph, parted: ReadonlyMap<Node, PartedProduct>): Graph {
  return rebuild(graph, (node, inputs) => {
    const plan = parted.get(node);
    return plan && withPath(node.scope, () => parts(node as unknown as Node<"Split">, plan, inputs[0]!));
  });
}

/** The outputs of the split, each from the product of its run. */
function parts(cut: Node<"Split">, plan: PartedProduct, cutInput: Value): readonly Value[] {
  const { moves, runs, positions, width } = plan;
  // An earlier replacement may have rebuilt the product: follow the moves to the one that is there now.
  let value = cutInput;
  for (const _ of moves) value = nodeOf(value)!.inputs[0]!;
  const { attributes, inputs, scope } = nodeOf(value) as unknown as Node<"Gemm">;
  const [a, b, c] = inputs.map((v) => v && new Tensor(v));
  const columns = positions.map((count) => count * width);
  const weights = split(b!, columns, attributes.transB ? 0 : 1);
  const biases = !c || c.rank === 0 || c.shape.at(-1) === 1 ? columns.map(() => c) : split(c, columns, -1);

  let next = 0;
  return positions.flatMap((count, i) => {
    let part = withPath(scope, () => apply("Gemm", [a, weights[i], biases[i]], attributes));
    for (const { node, section } of moves)
      part =
        node.op === "Transpose"
          ? part.transpose((node as unknown as Node<"Transpose">).attributes.perm)
          : part.reshape(resized(node.outputs[0]!.shape, section, count));
    const sizes = cut.outputs
      .slice(next, (next += runs[i]!))
      .map((output) => output.shape.at(cut.attributes.axis) as number);
    return (sizes.length === 1 ? [part] : split(part, sizes, cut.attributes.axis)).map((t) => t.value);
  });
}
