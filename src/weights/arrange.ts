/** Transposing, merging and splitting axes of plain arrays, said in one line of axis words (`"i h k -> (h k) i"`). */

import { VitrineError } from "../errors.ts";
import { allocate, type NdArray, sizeOf } from "../graph/dtype.ts";

/** Sizes of named axes that the array's own shape does not give. */
export type AxisSizes = Readonly<Record<string, number>>;

/** Axes of one side: each a list of words; `1` is an axis of size one, and several words are one axis, slowest first. */
type Side = readonly (readonly string[])[];

function invalid(rule: string, pattern: string, evidence?: string): VitrineError {
  return new VitrineError("INVALID_ARGUMENT", { rule: `arrange: ${rule}`, evidence, place: `"${pattern}"` });
}

function parse(pattern: string): { from: Side; to: Side } {
  const sides = pattern.split("->");
  if (sides.length !== 2) throw invalid("a pattern has two sides", pattern);
  const words = (side: string): Side =>
    [...side.matchAll(/\(([^()]*)\)|(\S+)/g)].map(([, group, word]) => (group ?? word!).trim().split(/\s+/));
  const from = words(sides[0]!);
  const to = words(sides[1]!);
  for (const side of [from, to]) {
    const named = side.flat().filter((word) => word !== "1");
    if (!named.every((word) => /^[a-z]+$/.test(word)))
      throw invalid("an axis is a word of small letters, or 1", pattern);
    if (new Set(named).size < named.length) throw invalid("an axis stands once on each side", pattern);
  }
  const sorted = (side: Side) =>
    `${side
      .flat()
      .filter((word) => word !== "1")
      .sort()}`;
  if (sorted(from) !== sorted(to)) throw invalid("both sides have the same axes", pattern);
  return { from, to };
}

/** Size of each word, from the shape on the left and the sizes given. */
function solve(from: Side, shape: readonly number[], sizes: AxisSizes, pattern: string): Map<string, number> {
  const mismatch = (evidence: string) =>
    new VitrineError("SHAPE_MISMATCH", { rule: `arrange: a shape must fit "${pattern}"`, evidence });
  if (shape.length !== from.length) throw mismatch(`got [${shape.join(", ")}]`);
  const out = new Map<string, number>([["1", 1]]);
  from.forEach((words, axis) => {
    const size = shape[axis]!;
    const unknown = words.filter((word) => word !== "1" && !(words.length > 1 && word in sizes));
    if (unknown.length > 1)
      throw invalid("all axes but one of a group need a size", pattern, `unknown: ${unknown.join(", ")}`);
    let known = 1;
    for (const word of words) {
      if (unknown.includes(word) || word === "1") continue;
      known *= sizes[word]!;
      out.set(word, sizes[word]!);
    }
    if (unknown.length === 1 ? known === 0 || size % known !== 0 : size !== known)
      throw mismatch(`axis ${axis} of [${shape.join(", ")}] for (${words.join(" ")})`);
    if (unknown.length === 1) out.set(unknown[0]!, size / known);
  });
  return out;
}

/**
 * The shape that `arrange` gives.
 * @throws {VitrineError} INVALID_ARGUMENT for a bad pattern or a size left open, SHAPE_MISMATCH for a shape that does not fit.
 */
export function arrangedShape(shape: readonly number[], pattern: string, sizes: AxisSizes = {}): number[] {
  const { from, to } = parse(pattern);
  const known = solve(from, shape, sizes, pattern);
  return to.map((words) => words.reduce((product, word) => product * known.get(word)!, 1));
}

/**
 * The array with its axes arranged anew; its own data where the order of values does not change.
 * @throws {VitrineError} as `arrangedShape`.
 */
export function arrange(array: NdArray, pattern: string, sizes: AxisSizes = {}): NdArray {
  const { dtype, shape, data } = array;
  const { from, to } = parse(pattern);
  const known = solve(from, shape, sizes, pattern);
  const out = arrangedShape(shape, pattern, sizes);
  const before = from.flat().filter((word) => word !== "1");
  const after = to.flat().filter((word) => word !== "1");
  if (before.join() === after.join()) return { dtype, shape: out, data };
  const strideOf = new Map<string, number>();
  let stride = 1;
  for (const word of before.toReversed()) {
    strideOf.set(word, stride);
    stride *= known.get(word)!;
  }
  const extents = after.map((word) => known.get(word)!);
  const strides = after.map((word) => strideOf.get(word)!);
  const values = allocate(dtype, sizeOf(shape));
  const index = extents.map(() => 0);
  let at = 0;
  for (let i = 0; i < values.length; i++) {
    values[i] = data[at]!;
    for (let axis = extents.length - 1; axis >= 0; axis--) {
      at += strides[axis]!;
      if (++index[axis]! < extents[axis]!) break;
      at -= strides[axis]! * extents[axis]!;
      index[axis] = 0;
    }
  }
  return { dtype, shape: out, data: values };
}

/**
 * The pattern that undoes `pattern`. It needs the sizes in `open`, all but one of each merged group.
 * @throws {VitrineError} INVALID_ARGUMENT for a bad pattern.
 */
export function invertedPattern(pattern: string): {
  readonly pattern: string;
  readonly open: readonly (readonly string[])[];
} {
  const { to } = parse(pattern);
  const [from, target] = pattern.split("->").map((side) => side.trim()) as [string, string];
  return {
    pattern: `${target} -> ${from}`,
    open: to.map((words) => words.filter((word) => word !== "1")).filter((words) => words.length > 1),
  };
}
