/**
 * Which part of an operator's inputs a part of its output depends on.
 *
 * One table, keyed by operator. An operator without an entry, or whose rule returns `undefined`, mixes the positions of the section.
 */

import { type Dim, divideExactly, equalDims, mulDims, type Shape } from "../graph/dim.ts";
import type { Attributes, OpName } from "../graph/ops.ts";
import type { Value } from "../graph/value.ts";

/** An axis, or a factor of it: the axis seen as [before, size, after]. `[b·n, d]` has the section n at axis 0 with `before` = b. */
export interface Section {
  readonly axis: number;
  readonly before: Dim;
  readonly size: Dim;
  readonly after: Dim;
}

/** The parts of a node that rules look at. */
export interface Application<K extends OpName> {
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  readonly attributes: Attributes<K>;
}

/** For each input: where the output's section lies in it, or "whole" when every position needs all of the input. */
export type SectionRule<K extends OpName> = (
  node: Application<K>,
  section: Section,
) => readonly (Section | "whole")[] | undefined;

/** Operators that keep the elements in their order, and so can be written as `Reshape`. */
export const reshaping: ReadonlySet<OpName> = new Set<OpName>(["Reshape", "Flatten", "Squeeze", "Unsqueeze"]);

/** The section that is one whole axis. */
export function axisSection(shape: Shape, axis: number): Section {
  const counted = axis < 0 ? axis + shape.length : axis;
  return { axis: counted, before: 1, size: shape[counted]!, after: 1 };
}

export function equalSections(a: Section, b: Section): boolean {
  return a.axis === b.axis && equalDims(a.before, b.before) && equalDims(a.size, b.size) && equalDims(a.after, b.after);
}

/** The shape when the section has another size. */
export function resized(shape: Shape, { axis, before, after }: Section, size: Dim): Shape {
  return shape.map((dim, i) => (i === axis ? mulDims(before, size, after) : dim));
}

/** The same elements in the same order under another shape: where the section lies there; `undefined` when no one axis holds it. */
export function relabelled(from: Shape, section: Section, to: Shape): Section | undefined {
  const before = mulDims(...from.slice(0, section.axis), section.before);
  let prefix: Dim = 1;
  for (const [axis, dim] of to.entries()) {
    const inside = divideExactly(before, prefix);
    const after = inside === undefined ? undefined : divideExactly(dim, mulDims(inside, section.size));
    if (inside !== undefined && after !== undefined) return { axis, before: inside, size: section.size, after };
    prefix = mulDims(prefix, dim);
  }
  return undefined;
}

/** The axes of a `Transpose`, which without any turns their order around. */
export function permutation(perm: readonly number[] | undefined, rank: number): readonly number[] {
  return perm ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
}

/** Operands broadcast as in numpy: one that lacks the axis, or has size 1 there, is needed whole. */
const broadcast: SectionRule<OpName> = ({ inputs, outputs }, section) =>
  inputs.map((input) => (input ? aligned(input.shape, outputs[0]!.shape, section) : "whole"));

const relabel: SectionRule<OpName> = ({ inputs, outputs }, section) => {
  const found = relabelled(outputs[0]!.shape, section, inputs[0]!.shape);
  return found && [found, ...wholeFrom(inputs, 1)];
};

/** Each position of every axis but `axis` stands alone. */
const besides =
  <K extends OpName>(axisOf: (attributes: Attributes<K>) => number): SectionRule<K> =>
  ({ inputs, attributes }, section) =>
    section.axis === counted(axisOf(attributes), inputs[0]!.shape.length)
      ? undefined
      : [section, ...wholeFrom(inputs, 1)];

const reduction: SectionRule<"ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceMin"> = (
  { inputs, attributes },
  section,
) => {
  const [x, axes] = inputs;
  const rank = x!.shape.length;
  if (!axes?.known?.every((axis) => typeof axis === "number")) return undefined;
  const reduced = new Set(axes.known.map((axis) => counted(axis as number, rank)));
  const kept = Array.from({ length: rank }, (_, i) => i).filter((i) => attributes.keepdims === 1 || !reduced.has(i));
  const axis = kept[section.axis]!;
  return reduced.size === 0 || reduced.has(axis) ? undefined : [{ ...section, axis }, "whole"];
};

/** The operators whose output positions depend on the matching positions of their inputs only. */
export const sectionRules: { readonly [K in OpName]?: SectionRule<K> } = {
  Abs: broadcast,
  Neg: broadcast,
  Sign: broadcast,
  Exp: broadcast,
  Log: broadcast,
  Sqrt: broadcast,
  Reciprocal: broadcast,
  Sin: broadcast,
  Cos: broadcast,
  Tan: broadcast,
  Tanh: broadcast,
  Erf: broadcast,
  Sigmoid: broadcast,
  Softplus: broadcast,
  Softsign: broadcast,
  Relu: broadcast,
  LeakyRelu: broadcast,
  Elu: broadcast,
  HardSigmoid: broadcast,
  HardSwish: broadcast,
  Gelu: broadcast,
  QuickGelu: broadcast,
  Floor: broadcast,
  Ceil: broadcast,
  Round: broadcast,
  Not: broadcast,
  IsNaN: broadcast,
  IsInf: broadcast,
  Identity: broadcast,
  Cast: broadcast,
  Clip: broadcast,
  Add: broadcast,
  Sub: broadcast,
  Mul: broadcast,
  Div: broadcast,
  Pow: broadcast,
  Mod: broadcast,
  PRelu: broadcast,
  Min: broadcast,
  Max: broadcast,
  Sum: broadcast,
  And: broadcast,
  Or: broadcast,
  Xor: broadcast,
  Equal: broadcast,
  Less: broadcast,
  LessOrEqual: broadcast,
  Greater: broadcast,
  GreaterOrEqual: broadcast,
  Where: broadcast,
  // With a training mode the engine draws a mask of the input's shape.
  Dropout: (node, section) => (node.inputs[2] ? undefined : broadcast(node, section)),
  Expand: (node, section) => {
    const [x] = node.inputs;
    return [aligned(x!.shape, node.outputs[0]!.shape, section), "whole"];
  },

  Reshape: relabel,
  Flatten: relabel,
  Squeeze: relabel,
  Unsqueeze: relabel,
  Transpose: ({ attributes, inputs }, section) => [
    { ...section, axis: permutation(attributes.perm, inputs[0]!.shape.length)[section.axis]! },
  ],
  Concat: ({ inputs, attributes }, section) =>
    counted(attributes.axis!, inputs[0]!.shape.length) === section.axis ? undefined : inputs.map(() => section),
  Split: besides((attributes) => attributes.axis),
  Slice: ({ inputs }, section) => {
    const axes = inputs[3]?.known;
    const rank = inputs[0]!.shape.length;
    if (!axes || axes.some((axis) => counted(axis as number, rank) === section.axis)) return undefined;
    return [section, ...wholeFrom(inputs, 1)];
  },
  Gather: ({ inputs, attributes }, section) => {
    const [x, indices] = inputs;
    const axis = counted(attributes.axis, x!.shape.length);
    const width = indices!.shape.length;
    if (section.axis < axis) return [section, "whole"];
    return section.axis < axis + width ? undefined : [{ ...section, axis: section.axis - width + 1 }, "whole"];
  },

  Softmax: besides((attributes) => attributes.axis),
  LogSoftmax: besides((attributes) => attributes.axis),
  LayerNormalization: ({ inputs, attributes }, section) =>
    section.axis < counted(attributes.axis, inputs[0]!.shape.length) ? [section, ...wholeFrom(inputs, 1)] : undefined,
  ReduceSum: reduction,
  ReduceMean: reduction,
  ReduceMax: reduction,
  ReduceMin: reduction,

  MatMul: ({ inputs, outputs }, section) => {
    const [a, b] = inputs;
    if (a!.shape.length < 2 || b!.shape.length < 2) return undefined;
    const rank = outputs[0]!.shape.length;
    if (section.axis === rank - 2) return [{ ...section, axis: a!.shape.length - 2 }, "whole"];
    if (section.axis === rank - 1) return ["whole", { ...section, axis: b!.shape.length - 1 }];
    return broadcast({ inputs, outputs, attributes: {} }, section);
  },
  Gemm: ({ inputs, outputs, attributes }, section) => {
    const [, , c] = inputs;
    const bias = c ? [aligned(c.shape, outputs[0]!.shape, section)] : inputs.length > 2 ? (["whole"] as const) : [];
    return section.axis === 0
      ? [{ ...section, axis: attributes.transA ? 1 : 0 }, "whole", ...bias]
      : ["whole", { ...section, axis: attributes.transB ? 0 : 1 }, ...bias];
  },
};

function aligned(shape: Shape, output: Shape, section: Section): Section | "whole" {
  const axis = section.axis - (output.length - shape.length);
  return axis < 0 || (shape[axis] === 1 && output[section.axis] !== 1) ? "whole" : { ...section, axis };
}

function wholeFrom(inputs: readonly unknown[], start: number): readonly "whole"[] {
  return inputs.slice(start).map(() => "whole" as const);
}

function counted(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}
