/** What a model is made of: its modules, the shapes that pass through them, parameters and cost. */

import { addDims, type Dim, type Shape, shapeText } from "../graph/dim.ts";
import { nodeFlops } from "../graph/flops.ts";
import { nodeOf, topologicalOrder } from "../graph/graph.ts";
import type { Node, Value } from "../graph/value.ts";
import { input, type Tensor, trace } from "../tensor/index.ts";
import type { Module } from "./module.ts";

/** One module of a model. */
export interface SummaryRow {
  /** Path in the model; empty for the whole. */
  readonly path: string;
  /** Name of its class. */
  readonly kind: string;
  /** Shape of its result; without it the module adds nothing to the computation. */
  readonly shape: Shape | undefined;
  /** Numbers in its parameters and in those of its parts. */
  readonly parameters: number;
  /** Floating-point operations of its products and of those of its parts, two for each multiplication and its addition. */
  readonly flops: Dim;
}

/** A model with the forward pass of one input. */
export type Summarizable = Module & { forward(x: Tensor): Tensor };

/**
 * Traces a model with an input of the given shape and lists its modules, each before its parts. Nothing is computed and no weight is drawn.
 * @param shape sizes of the input; a size may be a symbol (`symbol("b")`)
 */
export function summary(model: Summarizable, shape: Shape): readonly SummaryRow[] {
  const { result } = trace(() => model.forward(input("x", shape)));
  const nodes = topologicalOrder([result.value]);
  const shapes = resultShapes(nodes, result.value);
  const flops = new Map<string, Dim>();
  for (const node of nodes)
    for (const path of pathsOf(node.scope)) flops.set(path, addDims(flops.get(path) ?? 0, nodeFlops(node)));
  const parameters = new Map<string, number>();
  for (const [name, { variable }] of model.parameters()) {
    const size = variable.shape.reduce((product, side) => product * side, 1);
    for (const path of pathsOf(name)) parameters.set(path, (parameters.get(path) ?? 0) + size);
  }
  return [...model.modules()].map(([path, module]) => ({
    path,
    kind: module.constructor.name,
    shape: shapes.get(path),
    parameters: parameters.get(path) ?? 0,
    flops: flops.get(path) ?? 0,
  }));
}

/**
 * A summary as a table.
 * @param depth how many levels of parts to show; all without it
 */
export function summaryText(rows: readonly SummaryRow[], depth: number = Number.POSITIVE_INFINITY): string {
  const known = new Set(rows.map(({ path }) => path));
  const holders = (path: string): readonly string[] => pathsOf(path).filter((one) => one !== path && known.has(one));
  const shown = rows.filter((row) => (row.shape || row.parameters > 0) && holders(row.path).length <= depth);
  const cells = shown.map(({ path, kind, shape, parameters, flops }) => {
    const above = holders(path);
    const name = path.slice(above.at(-1) ? above.at(-1)!.length + 1 : 0);
    return [
      `${"  ".repeat(above.length)}${name}${name && " "}(${kind})`,
      shape ? shapeText(shape) : "",
      parameters === 0 ? "" : parameters.toLocaleString("en-US"),
      flops === 0 ? "" : operationsText(flops),
    ];
  });
  const table = [["module", "result", "parameters", "operations"], ...cells];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  ");
  return table.map((row) => line(row).trimEnd()).join("\n");
}

/** `blocks.0.attn` → "", "blocks", "blocks.0", "blocks.0.attn": every module that it is a part of. */
function pathsOf(path: string): readonly string[] {
  if (path === "") return [""];
  const parts = path.split(".");
  return ["", ...parts.map((_, i) => parts.slice(0, i + 1).join("."))];
}

/** `1.26 G`: four digits and a unit. */
function operationsText(flops: Dim): string {
  if (typeof flops !== "number") return String(flops);
  const [size, unit] = flops >= 1e9 ? [1e9, " G"] : flops >= 1e6 ? [1e6, " M"] : flops >= 1e3 ? [1e3, " k"] : [1, ""];
  return `${Number((flops / size).toPrecision(4))}${unit}`;
}

/** The shape of what each module hands on: of the last value made inside it and used outside. */
function resultShapes(nodes: readonly Node[], result: Value): ReadonlyMap<string, Shape> {
  const shapes = new Map<string, Shape>();
  const handOn = (value: Value, user: readonly string[]): void => {
    const maker = nodeOf(value);
    if (!maker) return;
    for (const path of pathsOf(maker.scope)) if (!user.includes(path)) shapes.set(path, value.shape);
  };
  for (const node of nodes) for (const value of node.inputs) if (value) handOn(value, pathsOf(node.scope));
  handOn(result, []);
  return shapes;
}
