/**
 * Declarative rules between the names of one publisher and another's: data, applied lazily, and turned round where nothing is lost.
 * Weights are never edited beyond moving values: an arrangement of axes, a join, a split.
 */

import { VitrineError } from "../errors.ts";
import { allocate, type NdArray, sizeOf } from "../graph/dtype.ts";
import { type AxisSizes, arrange, arrangedShape, invertedPattern } from "./arrange.ts";
import type { WeightInfo, WeightSource } from "./source.ts";

/**
 * One rule. In names, `{i}`, `{j}` and `{k}` stand for a number, `{rest}` for any text, and any other word in braces for one part
 * without `.` and `/`; all must be the same on both sides.
 */
export interface NameRule {
  /** The name there is; several are each arranged, then joined along `axis`. */
  readonly from: string | readonly string[];
  /** The name wanted; several split the tensor into equal parts along `axis`, each then arranged. None drops it. */
  readonly to: string | readonly string[];
  /** Axis of joining or splitting, 0 unless told. */
  readonly axis?: number;
  /** Axes of one tensor, as `arrange` reads it: `"i h k -> (h k) i"`. */
  readonly arrange?: string;
  /** Sizes that the arrangement leaves open. */
  readonly sizes?: AxisSizes;
}

/** How one publisher names a family: its rules, and a name by which its files are known. */
export interface Naming {
  readonly name: string;
  /** Names that a file must all have. */
  readonly marks: readonly string[];
  readonly rules: readonly NameRule[];
}

/** The first naming all of whose marks a source has. */
export function detectNaming(source: WeightSource, namings: readonly Naming[]): Naming | undefined {
  return namings.find(({ marks }) => marks.every((mark) => source.has(mark)));
}

const placeholder = /\{([a-z]+)\}/g;

function matcher(pattern: string): RegExp {
  const escaped = pattern.replace(/[.*+?^$|()[\]\\/]/g, "\\$&");
  return new RegExp(
    `^${escaped.replace(placeholder, (_, word: string) => {
      const what = /^[ijk]$/.test(word) ? "0|[1-9][0-9]*" : word === "rest" ? ".+" : "[^./]+";
      return `(?<${word}>${what})`;
    })}$`,
  );
}

function fill(pattern: string, groups: Readonly<Record<string, string>>): string {
  return pattern.replace(placeholder, (whole, word: string) => groups[word] ?? whole);
}

const list = (names: string | readonly string[]): readonly string[] => (typeof names === "string" ? [names] : names);

function invalidRule(rule: string, { from, to }: NameRule, evidence?: string): VitrineError {
  return new VitrineError("INVALID_ARGUMENT", { rule: `name rule: ${rule}`, evidence, place: `${from} -> ${to}` });
}

/** One tensor of the result: from which names, and which part of `parts` it is. */
interface Derived {
  readonly rule: NameRule | undefined;
  readonly sources: readonly string[];
  readonly part: number;
  readonly parts: number;
}

/**
 * The source under other names. A tensor that no rule names keeps its name. Values are read and moved when asked for.
 * @throws {VitrineError} WEIGHTS_MISMATCH when a rule finds some but not all of its tensors, or two tensors get one name; INVALID_ARGUMENT for a bad rule.
 */
export function applyRules(source: WeightSource, rules: readonly NameRule[]): WeightSource {
  const compiled = rules.map((rule) => {
    const from = list(rule.from);
    if (from.length === 0 || (from.length > 1 && list(rule.to).length !== 1))
      throw invalidRule("it joins, splits or renames", rule);
    return { rule, from, to: list(rule.to), patterns: from.map(matcher) };
  });
  const derived = new Map<string, Derived>();
  const taken = new Set<string>();
  const add = (name: string, entry: Derived): void => {
    const other = derived.get(name);
    if (other)
      throw new VitrineError("WEIGHTS_MISMATCH", {
        rule: "renamed tensors must have names of their own",
        evidence: `${other.sources.join(", ")} and ${entry.sources.join(", ")} would be "${name}"`,
        place: source.place,
      });
    derived.set(name, entry);
  };
  for (const name of source.names()) {
    if (taken.has(name)) continue;
    const hit = compiled
      .flatMap(({ patterns, ...rest }) => patterns.map((pattern) => ({ ...rest, match: pattern.exec(name) })))
      .find(({ match }) => match);
    if (!hit) {
      add(name, { rule: undefined, sources: [name], part: 0, parts: 1 });
      continue;
    }
    const groups = { ...hit.match!.groups };
    const sources = hit.from.map((pattern) => fill(pattern, groups));
    const missing = sources.filter((one) => !source.has(one));
    if (missing.length > 0)
      throw new VitrineError("WEIGHTS_MISMATCH", {
        rule: `"${fill(hit.to[0]!, groups)}" is made of ${sources.length} tensors`,
        evidence: `missing ${missing.join(", ")}`,
        place: source.place,
      });
    for (const one of sources) taken.add(one);
    hit.to.forEach((pattern, part) => {
      add(fill(pattern, groups), { rule: hit.rule, sources, part, parts: hit.to.length });
    });
  }
  const find = (name: string): Derived | undefined => derived.get(name);
  return {
    place: source.place,
    names: () => derived.keys(),
    has: (name) => derived.has(name),
    info: (name) => {
      const entry = find(name);
      return entry ? derivedInfo(source, entry) : source.info(missingName(name));
    },
    read: async (name) => {
      const entry = find(name);
      return entry ? derivedRead(source, entry) : source.read(missingName(name));
    },
    close: () => source.close(),
  };

  /** A name that was renamed away must not be readable under its old name. */
  function missingName(name: string): string {
    if (!source.has(name)) return name;
    throw new VitrineError("UNKNOWN_NAME", {
      rule: "a renamed tensor is read by its new name",
      evidence: `got "${name}"`,
      place: source.place,
    });
  }
}

function derivedInfo(source: WeightSource, { rule, sources, parts }: Derived): WeightInfo {
  const infos = sources.map((name) => source.info(name));
  if (!rule) return infos[0]!;
  const axis = rule.axis ?? 0;
  const pattern = rule.arrange;
  if (parts > 1) {
    const { dtype, shape } = infos[0]!;
    const split = partShape(shape, axis, parts, sources[0]!);
    return { dtype, shape: pattern ? arrangedShape(split, pattern, rule.sizes) : split };
  }
  const shapes = infos.map(({ shape }) => (pattern ? arrangedShape(shape, pattern, rule.sizes) : shape));
  return { dtype: infos[0]!.dtype, shape: shapes.length > 1 ? joinedShape(infos, shapes, axis, sources) : shapes[0]! };
}

async function derivedRead(source: WeightSource, { rule, sources, part, parts }: Derived): Promise<NdArray> {
  const moved = (array: NdArray) => (rule?.arrange ? arrange(array, rule.arrange, rule.sizes) : array);
  const axis = rule?.axis ?? 0;
  if (parts > 1) return moved(split(await source.read(sources[0]!), axis, part, parts, sources[0]!));
  const arrays: NdArray[] = [];
  for (const name of sources) arrays.push(moved(await source.read(name)));
  return arrays.length > 1 ? join(arrays, axis, sources) : arrays[0]!;
}

function mismatch(rule: string, evidence: string, names: readonly string[]): VitrineError {
  return new VitrineError("SHAPE_MISMATCH", { rule, evidence, place: names.join(", ") });
}

function joinedShape(
  infos: readonly WeightInfo[],
  shapes: readonly (readonly number[])[],
  axis: number,
  names: readonly string[],
): number[] {
  const first = shapes[0]!;
  const fits = shapes.every(
    (shape) => shape.length === first.length && shape.every((size, i) => i === axis || size === first[i]),
  );
  if (!fits || axis >= first.length)
    throw mismatch(`tensors are joined along axis ${axis} only`, `got [${shapes.join("] [")}]`, names);
  const types = infos.map(({ dtype }) => dtype);
  if (new Set(types).size > 1)
    throw new VitrineError("DTYPE_MISMATCH", {
      rule: "joined tensors have one type",
      evidence: `got ${types}`,
      place: names.join(", "),
    });
  return first.map((size, i) => (i === axis ? shapes.reduce((sum, shape) => sum + shape[axis]!, 0) : size));
}

function partShape(shape: readonly number[], axis: number, parts: number, name: string): number[] {
  if (axis >= shape.length || shape[axis]! % parts !== 0)
    throw mismatch(`a tensor is split into ${parts} equal parts along axis ${axis}`, `got [${shape}]`, [name]);
  return shape.map((size, i) => (i === axis ? size / parts : size));
}

function join(arrays: readonly NdArray[], axis: number, names: readonly string[]): NdArray {
  const { dtype } = arrays[0]!;
  const shape = joinedShape(
    arrays,
    arrays.map((array) => array.shape),
    axis,
    names,
  );
  const data = allocate(dtype, sizeOf(shape));
  const outer = sizeOf(shape.slice(0, axis));
  let at = 0;
  for (let row = 0; row < outer; row++)
    for (const array of arrays) {
      const length = array.data.length / outer;
      data.set(array.data.subarray(row * length, (row + 1) * length) as never, at);
      at += length;
    }
  return { dtype, shape, data };
}

function split(array: NdArray, axis: number, part: number, parts: number, name: string): NdArray {
  const shape = partShape(array.shape, axis, parts, name);
  const data = allocate(array.dtype, sizeOf(shape));
  const outer = sizeOf(shape.slice(0, axis));
  const length = data.length / outer;
  for (let row = 0; row < outer; row++) {
    const start = (row * parts + part) * length;
    data.set(array.data.subarray(start, start + length) as never, row * length);
  }
  return { dtype: array.dtype, shape, data };
}

/**
 * The rules that lead back: applied to the result, or to gradients of it, they give the publisher's names and axes again.
 * Dropped tensors do not come back.
 * @param sizes - Sizes of axes that the rules merge, by their word (`{ h: 12 }` for `(h k)`).
 * @throws {VitrineError} INVALID_ARGUMENT for a rule without a way back, or a size that is missing.
 */
export function invertRules(rules: readonly NameRule[], sizes: AxisSizes = {}): NameRule[] {
  return rules.flatMap((rule) => {
    const { from, to, axis } = rule;
    if (list(to).length === 0) return [];
    const words = (names: string) =>
      [...names.matchAll(placeholder)]
        .map(([, word]) => word)
        .sort()
        .join();
    const ways = new Set([...list(from), ...list(to)].map(words));
    if (ways.size > 1) throw invalidRule("both sides must have the same placeholders to be turned round", rule);
    const back: NameRule = { from: to, to: from, ...(axis === undefined ? {} : { axis }) };
    if (rule.arrange === undefined) return [back];
    const { pattern, open } = invertedPattern(rule.arrange);
    const known = { ...rule.sizes, ...sizes };
    for (const group of open) {
      const unknown = group.filter((word) => !(word in known));
      if (unknown.length > 1)
        throw invalidRule("merged axes need sizes to be split again", rule, `give one of ${unknown.join(", ")}`);
    }
    const needed = Object.entries(known).filter(([word]) => open.flat().includes(word));
    return [{ ...back, arrange: pattern, ...(needed.length > 0 ? { sizes: Object.fromEntries(needed) } : {}) }];
  });
}
