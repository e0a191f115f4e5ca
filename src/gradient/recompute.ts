/**
 * Cheap values of the forward pass are made a second time for the backward pass, so that the first ones need not be kept.
 *
 * A value that the backward pass reads lives from where it is made to where it is read. Where a few passes over values that are kept anyway make it
 * again (GELU from the hidden layer, a normalisation from the residual, attention's weights from queries and keys), its readers get a copy instead.
 *
 * Two things make a copy worth anything. It must wait: its inputs depend on the gradient that reaches the reader, through the sizes of a `Reshape`,
 * which moves no number. And it must differ from the first, or the engine makes both one: that dependence is the difference.
 * The numbers stay equal bit for bit. @source Chen et al., "Training Deep Nets with Sublinear Memory Cost", arXiv:1604.06174
 */

import { evaluateDim, sizeOfShape, symbolsOf } from "../graph/dim.ts";
import { bytesPerElement, isFloat } from "../graph/dtype.ts";
import { nodeFlops } from "../graph/flops.ts";
import { nodeOf, topologicalOrder, withInputs } from "../graph/graph.ts";
import type { OpName } from "../graph/ops.ts";
import type { Node, Value } from "../graph/value.ts";
import { isWaiting, waiting } from "../graph/waiting.ts";
import { apply, cast, ints, less, scalar, Tensor, withPath } from "../tensor/index.ts";

/**
 * Most operations for each byte that is freed. Attention's weights cost half the width of a head (32 for the usual 64), an elementwise pass 2,
 * a linear map of ViT-S 192.
 */
const mostOperations = 64;
/** A pass over memory, in operations for each number that it writes. */
const passOperations = 8;
/** Starting an operator: small values are not worth it. */
const startOperations = 100_000;
/** What a free size counts as. */
const typicalSize = 64;

/** Operators that give back the same numbers under other indices; two of them in a row become one. */
const moves: ReadonlySet<OpName> = new Set<OpName>([
  ...(["Reshape", "Flatten", "Squeeze", "Unsqueeze"] as const),
  "Transpose",
]);

/** Operators that are applied again. */
const repeatable: ReadonlySet<OpName> = new Set<OpName>([
  ...moves,
  ...(["Abs", "Neg", "Sign", "Exp", "Log", "Sqrt", "Reciprocal", "Sin", "Cos", "Tanh", "Erf", "Sigmoid"] as const),
  ...(["Softplus", "Softsign", "Relu", "LeakyRelu", "Elu", "HardSigmoid", "HardSwish", "Gelu", "QuickGelu"] as const),
  ...(["Not", "Identity", "Cast", "Clip", "Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Sum", "Where"] as const),
  ...(["And", "Or", "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Expand", "Gather"] as const),
  ...(["ReduceMean", "ReduceSum", "ReduceMax", "ReduceSumSquare"] as const),
  ...(["Softmax", "LogSoftmax", "LayerNormalization", "BatchNormalization", "MatMul"] as const),
]);

/** How a value is made again. */
interface Plan {
  /** In the order of the forward pass; the last one makes the value. */
  readonly nodes: readonly Node[];
  /** Other values that are made again, and needed for this one. */
  readonly needs: readonly Value[];
  /** The gradient that the copy waits for. */
  readonly signal: Signal;
}

/** A value of the backward pass, and the position of its maker there. */
interface Signal {
  readonly value: Value;
  readonly position: number;
}

/**
 * The same gradients from a backward pass that keeps less.
 * @param gradients what the backward pass computes
 * @param forward all nodes of the forward pass, in topological order
 * @param before values from before the forward pass: where its inputs come from, gradients of earlier parts
 */
export function recompute(
  gradients: readonly Value[],
  forward: readonly Node[],
  before: readonly Value[],
): readonly Value[] {
  const first = new Forward(forward);
  const second = new Backward(gradients, first, before);
  const plans = plan(first, second);
  return plans.size === 0 ? gradients : new Rewriting(first, plans).write(gradients, second.order);
}

/** The forward pass: who makes and who reads what. Values are told apart by their origin, before any moves. */
class Forward {
  /** Positions of the makers. */
  readonly made = new Map<Value, number>();
  readonly #readers = new Map<Value, Node[]>();

  constructor(order: readonly Node[]) {
    for (const [position, node] of order.entries()) {
      for (const output of node.outputs) this.made.set(output, position);
      if (moves.has(node.op)) continue;
      for (const input of node.inputs) if (input) push(this.#readers, this.origin(input), node);
    }
  }

  /** The value before all moves of this pass. */
  origin(value: Value): Value {
    let current = value;
    for (;;) {
      const maker = this.made.has(current) ? nodeOf(current) : undefined;
      if (!maker || !moves.has(maker.op)) return current;
      current = maker.inputs[0]!;
    }
  }

  readers(origin: Value): readonly Node[] {
    return this.#readers.get(origin) ?? [];
  }

  /** Position of the last reader; of the maker where nobody reads. */
  lastRead(origin: Value): number {
    return Math.max(this.made.get(origin)!, ...this.readers(origin).map((node) => this.made.get(node.outputs[0]!)!));
  }
}

/** The backward pass, with what it reads of the forward pass. */
class Backward {
  /** Each node as late as its own readers allow; where that leaves a choice, what waits for more comes first. */
  readonly order: readonly Node[];
  /** Readers of values of the forward pass, by origin. */
  readonly readers = new Map<Value, Node[]>();
  readonly #consumers = new Map<Value, Node[]>();
  readonly #positions = new Map<Node, number>();
  /** For each value of this pass, the last position of the forward pass that it needs. */
  readonly #reach = new Map<Value, number>();

  constructor(gradients: readonly Value[], first: Forward, before: readonly Value[]) {
    const { made } = first;
    const nodes = topologicalOrder(gradients, new Set([...before, ...made.keys()]));
    const level = new Map<Node, number>(nodes.map((node) => [node, 0]));
    for (const node of nodes) {
      const reach = Math.max(-1, ...node.inputs.map((v) => (v ? (made.get(v) ?? this.#reach.get(v) ?? -1) : -1)));
      for (const output of node.outputs) this.#reach.set(output, reach);
    }
    for (const node of nodes.toReversed())
      for (const input of node.inputs) {
        const maker = input && nodeOf(input);
        const now = maker && level.get(maker);
        if (now !== undefined) level.set(maker!, Math.min(now, level.get(node)! - 1));
      }
    const reachOf = (node: Node): number => this.#reach.get(node.outputs[0]!)!;
    this.order = [...nodes].sort((a, b) => level.get(a)! - level.get(b)! || reachOf(b) - reachOf(a));
    for (const [position, node] of this.order.entries()) {
      this.#positions.set(node, position);
      for (const input of node.inputs) {
        if (!input) continue;
        if (this.#reach.has(input)) push(this.#consumers, input, node);
        else if (made.has(input)) push(this.readers, first.origin(input), node);
      }
    }
  }

  /**
   * A gradient that only exists when the forward pass has read the value for the last time, and that no reader of the value comes before.
   * Every copy waits for a signal that precedes all its readers in one and the same order, so that no circle can arise.
   */
  signalFor(origin: Value, lastRead: number): Signal | undefined {
    const readers = this.readers.get(origin)!;
    const positionOf = (node: Node): number => this.#positions.get(node)!;
    let at = Number.POSITIVE_INFINITY;
    let value: Value | undefined;
    // A reader that no gradient reaches (the mask of a ReLU) is there for others, which one reaches.
    const seen = new Set(readers);
    for (const node of seen) {
      const late = this.#latest(node);
      const isLate = late && this.#reach.get(late)! >= lastRead;
      if (!isLate) {
        for (const output of node.outputs) for (const next of this.#consumers.get(output) ?? []) seen.add(next);
      } else if (positionOf(node) < at) [at, value] = [positionOf(node), late];
    }
    if (!value) return undefined;
    const position = positionOf(nodeOf(value)!);
    return position < Math.min(...readers.map(positionOf)) ? { value, position } : undefined;
  }

  /** Of the numbers of this pass that a node reads, those that need most of the forward pass. */
  #latest(node: Node): Value | undefined {
    const own = node.inputs.filter((v): v is Value => v !== undefined && isFloat(v.dtype) && this.#reach.has(v));
    return own.sort((a, b) => this.#reach.get(b)! - this.#reach.get(a)!)[0];
  }
}

/** Which values are made again, and how; in the order of the forward pass. */
function plan(first: Forward, second: Backward): ReadonlyMap<Value, Plan> {
  const kept = [...second.readers.keys()].filter((value) => first.made.has(value));
  kept.sort((a, b) => first.made.get(a)! - first.made.get(b)!);
  const available = new Set(kept);
  const plans = new Map<Value, Plan>();
  for (const value of kept) {
    const signal = second.signalFor(value, first.lastRead(value));
    const again = signal && planFor(value, first, available, plans);
    if (!again) continue;
    available.delete(value);
    plans.set(value, { ...again, signal });
  }
  // What another copy needs must be there when that one is made.
  for (const { needs, signal } of [...plans.values()].toReversed())
    for (const need of needs) {
      const own = plans.get(need)!;
      if (signal.position < own.signal.position) plans.set(need, { ...own, signal });
    }
  return plans;
}

/** The nodes that make a value from what is available; `undefined` where there are none, or where they cost too much. */
function planFor(
  value: Value,
  first: Forward,
  available: ReadonlySet<Value>,
  plans: ReadonlyMap<Value, Plan>,
): Omit<Plan, "signal"> | undefined {
  const nodes = new Set<Node>();
  const needs = new Set<Value>();
  let budget = mostOperations * elements(value) * bytesPerElement(value.dtype);
  const reach = (current: Value): boolean => {
    const maker = nodeOf(current);
    if (!maker || nodes.has(maker)) return true;
    const base = viewed(current);
    if (current !== value && (available.has(base) || !nodeOf(base))) return true;
    const other = plans.get(current);
    if (other) {
      needs.add(current);
      // Or the copies of a whole chain would live at the same time.
      return other.needs.length === 0;
    }
    budget -= operations(maker);
    if (!first.made.has(current) || budget < 0 || !isRepeatable(maker, first)) return false;
    if (!maker.inputs.every((input) => !input || reach(input))) return false;
    nodes.add(maker);
    return true;
  };
  if (!reach(value)) return undefined;
  // A copy that others need as well would have to live from the first of them to the last.
  const isPrivate = (need: Value): boolean => first.readers(need).every((node) => nodes.has(node));
  return [...needs].every(isPrivate) ? { nodes: [...nodes], needs: [...needs] } : undefined;
}

/** Products with weights are not: they are what a step costs, and copies of one layer would lead to those of the next. */
function isRepeatable({ op, inputs }: Node, first: Forward): boolean {
  return repeatable.has(op) && (op !== "MatMul" || inputs.every((v) => nodeOf(first.origin(v!))));
}

/** True for a node whose result lies in the memory of its input. One that waits must not stand before it: the engine makes two of them one. */
function isView({ op }: Node): boolean {
  return moves.has(op) && op !== "Transpose";
}

/** The value in whose memory this one lies. */
function viewed(value: Value): Value {
  const maker = nodeOf(value);
  return maker && isView(maker) ? viewed(maker.inputs[0]!) : value;
}

function isFixed({ source }: Value): boolean {
  return source.kind === "constant" || source.kind === "sizes";
}

/** Products, passes over memory, and the start. */
function operations(node: Node): number {
  if (isView(node)) return 0;
  const passes = node.outputs.reduce((sum, output) => sum + passOperations * elements(output), 0);
  return startOperations + passes + asNumber(nodeFlops(node));
}

function elements(value: Value): number {
  return asNumber(sizeOfShape(value.shape));
}

function asNumber(size: ReturnType<typeof sizeOfShape>): number {
  return evaluateDim(size, new Map(symbolsOf(size).map((name) => [name, typicalSize])));
}

/** Writes the backward pass anew, with copies. */
class Rewriting {
  readonly #first: Forward;
  readonly #plans: ReadonlyMap<Value, Plan>;
  /** New values by old ones: of the backward pass, and copies of the forward pass. */
  readonly #written = new Map<Value, Value>();
  readonly #zeros = new Map<Value, Tensor>();

  constructor(first: Forward, plans: ReadonlyMap<Value, Plan>) {
    this.#first = first;
    this.#plans = plans;
  }

  write(gradients: readonly Value[], order: readonly Node[]): readonly Value[] {
    for (const node of order)
      this.#replace(
        node,
        node.inputs.map((v) => v && this.#read(v)),
        this.#written,
      );
    return gradients.map((value) => this.#read(value));
  }

  /** What stands for a value in the new backward pass. */
  #read(value: Value): Value {
    const known = this.#written.get(value);
    if (known) return known;
    if (!this.#plans.has(this.#first.origin(value))) return value;
    const plan = this.#plans.get(value);
    if (plan) this.#written.set(value, this.#copy(value, plan));
    else {
      const move = nodeOf(value)!;
      this.#replace(move, [this.#read(move.inputs[0]!), ...move.inputs.slice(1)], this.#written);
    }
    return this.#written.get(value)!;
  }

  #copy(value: Value, { nodes, signal }: Plan): Value {
    const made = new Map<Value, Value>();
    for (const node of nodes) {
      const inputs = node.inputs.map((v) => v && (made.get(v) ?? (this.#plans.has(v) ? this.#read(v) : v)));
      const isFirst = !isView(node) && !node.inputs.some((v) => v && made.has(v));
      const waits = isFirst ? inputs.findIndex((v) => v && !isFixed(v)) : -1;
      if (waits >= 0) inputs[waits] = this.#late(inputs[waits]!, signal, node.scope);
      this.#replace(node, inputs, made);
    }
    return made.get(value)!;
  }

  #replace(node: Node, inputs: readonly (Value | undefined)[], results: Map<Value, Value>): void {
    const same = results === this.#written && inputs.every((v, i) => v === node.inputs[i]);
    const outputs = same ? node.outputs : withInputs(node, inputs).outputs;
    for (const [i, output] of node.outputs.entries()) results.set(output, outputs[i]!);
  }

  /** The value, but not before the signal is there. */
  #late(value: Value, signal: Signal, scope: string): Value {
    return withPath(scope, () => {
      const sizes = ints(value.shape.map(() => 0)).add(this.#zero(signal));
      return waiting(value, sizes.value, scope);
    });
  }

  /** 0 once the signal is there, whatever it holds: no number, and no NaN, is less than itself. */
  #zero({ value }: Signal): Tensor {
    const known = this.#zeros.get(value);
    if (known) return known;
    let current = this.#read(value);
    // From before the moves: they may be merged with others.
    for (let maker = nodeOf(current); maker && moves.has(maker.op) && !isWaiting(maker); maker = nodeOf(current))
      current = maker.inputs[0]!;
    const flat = apply("Reshape", [new Tensor(current), ints([-1])]);
    const element = cast(apply("Gather", [flat, scalar(0, "int64")], { axis: 0 }), "float32");
    const zero = cast(less(element, element), "int64");
    this.#zeros.set(value, zero);
    return zero;
  }
}

function push<K, V>(lists: Map<K, V[]>, key: K, item: V): void {
  const list = lists.get(key);
  if (list) list.push(item);
  else lists.set(key, [item]);
}
