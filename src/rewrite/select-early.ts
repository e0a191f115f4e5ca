/**
 * Reads of a few positions move towards the inputs, so that nothing is computed for positions that nobody reads.
 *
 * A classifier on the class token needs one row of the last block's output; all but the keys and values of that block then
 * run on one row instead of 197. Exact: no number that is read changes.
 *
 * Two walks. Against the data flow, each value learns what its readers want of it: everything, or some positions of one section.
 * With the data flow, the nodes are written anew on what is wanted. A value that someone wants whole stays whole, and the
 * positions are taken from it there; nothing is computed twice.
 */

import type { Dim } from "../graph/dim.ts";
import { consumersOf, type Graph, rebuild, rootsOf, topologicalOrder, withInputs } from "../graph/graph.ts";
import type { OpName } from "../graph/ops.ts";
import type { Node, Value } from "../graph/value.ts";
import { expand, gather, ints, slice, Tensor, withPath } from "../tensor/index.ts";
import { type PartedProduct, partedProduct, partProducts } from "./part-products.ts";
import {
  axisSection,
  equalSections,
  reshaping,
  resized,
  type Section,
  type SectionRule,
  sectionRules,
} from "./sections.ts";

/** What is wanted of a value: everything, or positions of a section. */
type Demand = "all" | Selection;

/** Positions of a section, ascending; counted from the end (all negative) only where its size is a symbol. */
interface Selection {
  readonly section: Section;
  readonly positions: readonly number[];
}

/** Most positions that are followed along an axis whose size is a symbol. */
const mostOfSymbolic = 16;

/** Moves `Gather`s and `Slice`s at constant positions as near to the inputs as they can go. Variables keep their values. */
export function selectEarly(graph: Graph): Graph {
  let current = graph;
  for (;;) {
    const demands = new Demands(current);
    if (demands.parted.size === 0) return demands.selects ? written(current, demands) : current;
    current = partProducts(current, demands.parted);
  }
}

/** What the readers of each value want of it. */
class Demands {
  /** Joined over all readers; a leaf is always wanted whole. */
  readonly #demands = new Map<Value, Demand>();
  readonly wants = new Map<Node, readonly Demand[]>();
  /** Splits of one product whose parts are wanted at different positions. */
  readonly parted = new Map<Node, PartedProduct>();
  /** Whether anything can be moved. */
  selects = false;

  readonly #graph: Graph;
  readonly #roots: ReadonlySet<Value>;
  #consumers: ReadonlyMap<Value, readonly Node[]> | undefined;

  constructor(graph: Graph) {
    const roots = rootsOf(graph);
    this.#graph = graph;
    this.#roots = new Set(roots);
    for (const root of roots) this.#demands.set(root, "all");
    for (const node of topologicalOrder(roots).toReversed()) {
      const wants = this.#wantsOf(node);
      this.wants.set(node, wants);
      for (const [i, input] of node.inputs.entries()) {
        const want = wants[i];
        if (!input || !want) continue;
        const before = this.#demands.get(input);
        const joined = input.source.kind !== "node" ? "all" : before ? join(before, want) : want;
        this.#demands.set(input, joined);
      }
    }
  }

  /** What is wanted of a value. */
  of(value: Value): Demand {
    return this.#demands.get(value) ?? "all";
  }

  /** What a node wants of each input. */
  #wantsOf(node: Node): readonly Demand[] {
    const demand = this.#outputDemand(node);
    if (demand !== "all") {
      const rule = sectionRules[node.op] as SectionRule<OpName> | undefined;
      const sections = rule?.(node, demand.section);
      if (sections) {
        this.selects = true;
        return sections.map((section) => (section === "whole" ? "all" : { section, positions: demand.positions }));
      }
    }
    for (const output of node.outputs) this.#demands.set(output, "all");
    const selection = selectionOf(node);
    return node.inputs.map((_, i) => (i === 0 && selection ? selection : "all"));
  }

  #isOnlyRead(value: Value): boolean {
    this.#consumers ??= consumersOf(this.#graph);
    return !this.#roots.has(value) && this.#consumers.get(value)?.length === 1;
  }

  /** One demand for all outputs of a node. */
  #outputDemand(node: Node): Demand {
    const demands = node.outputs.map((output) => this.#demands.get(output));
    if (node.outputs.length === 1) return demands[0] ?? "all";
    if (node.op === "Split") {
      const known = demands.filter((demand) => demand !== undefined);
      const joined = known.reduce(join);
      if (joined === "all" && known.some((demand) => demand !== "all")) {
        const product = partedProduct(node as unknown as Node<"Split">, runsOf(demands), (value) =>
          this.#isOnlyRead(value),
        );
        if (product) this.parted.set(node, product);
      }
      for (const output of node.outputs) this.#demands.set(output, joined);
      return joined;
    }
    return demands.every((demand, i) => i === 0 || demand === undefined) ? (demands[0] ?? "all") : "all";
  }
}

/** The graph in which every value holds what is wanted of it. */
function written(graph: Graph, demands: Demands): Graph {
  const made = new Map<Value, Map<string, Value>>();
  /** The positions `want` of a value that holds `have`. */
  const fetch = (value: Value, have: Demand, want: Demand, scope: string): Value => {
    if (want === "all") return value;
    const selection = have === "all" ? want : within(want, have);
    if (!selection) return value;
    const memo = made.get(value) ?? new Map<string, Value>();
    made.set(value, memo);
    const { axis, before, after } = selection.section;
    const key = `${axis} ${before} ${after} ${selection.positions}`;
    const found = memo.get(key) ?? withPath(scope, () => select(new Tensor(value), selection).value);
    memo.set(key, found);
    return found;
  };
  return rebuild(graph, (node, inputs) => {
    const sources = node.inputs.map((input) => (input ? demands.of(input) : "all"));
    const demand = demands.of(node.outputs[0]!);
    if (demand === "all") {
      const selection = selectionOf(node);
      if (!selection || sources[0] === "all") return undefined;
      const rows = new Tensor(fetch(inputs[0]!, sources[0]!, selection, node.scope));
      return [withPath(node.scope, () => inOrder(rows, node, selection).value)];
    }
    const wants = demands.wants.get(node)!;
    const fetched = inputs.map((input, i) => input && fetch(input, sources[i]!, wants[i]!, node.scope));
    const shape = resized(node.outputs[0]!.shape, demand.section, demand.positions.length);
    if (fetched[0] && reshaping.has(node.op))
      return [withPath(node.scope, () => new Tensor(fetched[0]!).reshape(shape).value)];
    if (fetched[0] && node.op === "Expand")
      return [withPath(node.scope, () => expand(new Tensor(fetched[0]!), shape).value)];
    return withInputs(node, fetched).outputs;
  });
}

/** The selection that a node is: `Gather` with constant scalar or vector indices, or `Slice` of one axis. */
function selectionOf(node: Node): Selection | undefined {
  if (node.op !== "Gather" && node.op !== "Slice") return undefined;
  const [x] = node.inputs;
  if (node.op === "Gather") {
    const [, indices] = node.inputs;
    const { axis } = (node as unknown as Node<"Gather">).attributes;
    if (!indices?.known || indices.shape.length > 1) return undefined;
    return selectionAt(axisSection(x!.shape, axis), indices.known);
  }
  const [starts, ends, axes, steps] = node.inputs.slice(1).map((v) => v?.known);
  const axis = axes?.length === 1 ? axes[0] : undefined;
  const [start, end, step] = [starts?.[0], ends?.[0], node.inputs[4] ? steps?.[0] : 1];
  if (typeof axis !== "number" || typeof start !== "number" || typeof end !== "number" || typeof step !== "number")
    return undefined;
  return selectionAt(axisSection(x!.shape, axis), sliced(axisSection(x!.shape, axis).size, start, end, step));
}

/** The positions that a slice takes; none where its step is negative or the size a symbol, beyond which a slice may end but no index lie. */
function sliced(size: Dim, start: number, end: number, step: number): readonly number[] {
  if (typeof size !== "number" || step <= 0) return [];
  const bound = (at: number): number => Math.min(Math.max(at < 0 ? at + size : at, 0), size);
  const positions: number[] = [];
  for (let at = bound(start); at < bound(end); at += step) positions.push(at);
  return positions;
}

/** Indices, repeated and in any order, as a selection. */
function selectionAt(section: Section, indices: readonly Dim[]): Selection | undefined {
  const { size } = section;
  const positions = new Set<number>();
  for (const index of indices) {
    if (typeof index !== "number") return undefined;
    positions.add(typeof size === "number" && index < 0 ? index + size : index);
  }
  return worthwhile({ section, positions: [...positions].sort((a, b) => a - b) });
}

/** The selection, where it leaves out at least half of a section. */
function worthwhile(selection: Selection): Selection | undefined {
  const { section, positions } = selection;
  const first = positions[0];
  if (first === undefined) return undefined;
  const follows =
    typeof section.size === "number"
      ? positions.length * 2 <= section.size
      : positions.length <= mostOfSymbolic && first < 0 === positions.at(-1)! < 0;
  return follows ? selection : undefined;
}

function equalDemands(a: Demand, b: Demand): boolean {
  if (a === "all" || b === "all") return a === b;
  return equalSections(a.section, b.section) && String(a.positions) === String(b.positions);
}

/** What satisfies both. */
function join(a: Demand, b: Demand): Demand {
  if (a === "all" || b === "all" || !equalSections(a.section, b.section)) return "all";
  const positions = [...new Set([...a.positions, ...b.positions])].sort((x, y) => x - y);
  return worthwhile({ section: a.section, positions }) ?? "all";
}

/** Lengths of the runs of neighbours with the same demand. */
function runsOf(demands: readonly (Demand | undefined)[]): readonly number[] {
  const runs: number[] = [];
  for (const [i, demand] of demands.entries()) {
    const before = demands[i - 1];
    if (before && demand && equalDemands(before, demand)) runs[runs.length - 1]!++;
    else runs.push(1);
  }
  return runs;
}

/** A selection counted in a value that already holds only some positions; `undefined` when it holds just these. */
function within(want: Selection, have: Selection): Selection | undefined {
  if (want.positions.length === have.positions.length) return undefined;
  return {
    section: { ...want.section, size: have.positions.length },
    positions: want.positions.map((position) => have.positions.indexOf(position)),
  };
}

/** The positions of a section of a tensor. */
function select(x: Tensor, { section, positions }: Selection): Tensor {
  const { axis, before, size, after } = section;
  const outer = x.shape.slice(0, axis);
  const inner = x.shape.slice(axis + 1);
  const whole = before === 1 && after === 1;
  const apart = whole ? x : x.reshape([...outer, before, size, after, ...inner]);
  const taken = whole ? axis : axis + 1;
  const first = positions[0]!;
  const run = positions.every((position, i) => position === first + i);
  // A run is a slice, whose gradient is a padding and not a scatter.
  const part =
    run && first >= 0 ? slice(apart, taken, first, first + positions.length) : gather(apart, ints(positions), taken);
  return whole ? part : part.reshape(resized(x.shape, section, positions.length));
}

/** The selected positions in the order, and with the axes, that the original node gives. */
function inOrder(rows: Tensor, node: Node, { section, positions }: Selection): Tensor {
  const target = node.outputs[0]!.shape;
  const indices = node.op === "Gather" ? node.inputs[1]!.known! : undefined;
  if (!indices) return rows;
  if (node.inputs[1]!.shape.length === 0) return rows.reshape(target);
  const counted = indices.map((index) =>
    positions.indexOf(
      typeof section.size === "number" && (index as number) < 0 ? (index as number) + section.size : (index as number),
    ),
  );
  const same = counted.length === positions.length && counted.every((at, i) => at === i);
  return same ? rows : gather(rows, ints(counted), section.axis);
}
