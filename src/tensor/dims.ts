/** Shapes by axis words: checked where they are written. */

import { VitrineError } from "../errors.ts";
import { type Dim, divideExactly, equalDims, mulDims, shapeText } from "../graph/dim.ts";
import { currentPath } from "./scope.ts";
import type { Tensor } from "./tensor.ts";

/** Axis words whose sizes are always numbers; all others (`b`, `n`, `t`, `H`, `W` …) may be symbols. */
type FixedAxis = "c" | "d" | "a" | "k" | "e" | "p" | "v" | "labels";

type Words<Pattern extends string> = Pattern extends `${infer Head} ${infer Tail}` ? Head | Words<Tail> : Pattern;

/** Sizes of the axes by the words of a pattern. */
export type Dims<Pattern extends string> = {
  readonly [W in Exclude<Words<Pattern>, "" | "_" | `${number}`>]: W extends FixedAxis ? number : Dim;
};

const fixed: ReadonlySet<string> = new Set<FixedAxis>(["c", "d", "a", "k", "e", "p", "v", "labels"]);

/**
 * The sizes of a tensor's axes by name: `const { b, n, d } = dims(x, "b n d")`. A number in the pattern must be the size, `_` is any size.
 * @throws {VitrineError} SHAPE_MISMATCH when rank or a stated size differs, or an axis that must be a number is symbolic.
 */
export function dims<const Pattern extends string>(x: Tensor, pattern: Pattern): Dims<Pattern> {
  const words = pattern.trim().split(/\s+/);
  const fail = (rule: string): never => {
    throw new VitrineError("SHAPE_MISMATCH", {
      rule: `dims: ${rule}`,
      evidence: `got ${shapeText(x.shape)}`,
      place: currentPath(),
    });
  };
  if (words.length !== x.rank) fail(`expected [${words.join(", ")}]`);
  const found: Record<string, Dim> = {};
  for (const [i, word] of words.entries()) {
    const dim = x.shape[i]!;
    if (/^\d+$/.test(word)) {
      if (dim !== Number(word)) fail(`expected [${words.join(", ")}]`);
    } else if (word !== "_") {
      if (found[word] !== undefined && !equalDims(found[word], dim))
        fail(`axes called ${word} must be equal in [${words.join(", ")}]`);
      if (fixed.has(word) && typeof dim !== "number") fail(`${word} must be a number in [${words.join(", ")}]`);
      found[word] = dim;
    }
  }
  return found as Dims<Pattern>;
}

/**
 * Reshapes and transposes by axis words, as einops does: `rearrange(x, "b n (a k) -> b a n k", { a: heads })`.
 * @param sizes sizes of words inside parentheses, all but one of each group
 * @throws {VitrineError} SHAPE_MISMATCH when the tensor does not fit the left side, INVALID_ARGUMENT when the two sides have other words.
 */
export function rearrange(x: Tensor, pattern: string, sizes: Readonly<Record<string, Dim>> = {}): Tensor {
  const fail = (rule: string): never => {
    throw new VitrineError("SHAPE_MISMATCH", {
      rule: `rearrange "${pattern}": ${rule}`,
      evidence: `got ${shapeText(x.shape)}`,
      place: currentPath(),
    });
  };
  const [left, right] = pattern.split("->").map(groupsOf);
  if (!left || !right || left.flat().sort().join(" ") !== right.flat().sort().join(" "))
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "rearrange: both sides must have the same axes",
      evidence: `got "${pattern}"`,
      place: currentPath(),
    });
  if (left.length !== x.rank) fail(`left side has ${left.length} axes`);
  const known = new Map<string, Dim>(Object.entries(sizes));
  for (const [i, group] of left.entries()) {
    const whole = x.shape[i]!;
    const open = group.filter((word) => !known.has(word));
    const given = mulDims(1, ...group.filter((word) => known.has(word)).map((word) => known.get(word)!));
    if (open.length > 1) fail(`sizes of ${open.slice(1).join(", ")} must be given`);
    const rest = divideExactly(whole, given);
    if (rest === undefined || (open.length === 0 && rest !== 1)) fail(`(${group.join(" ")}) must make ${whole}`);
    if (open.length === 1) known.set(open[0]!, rest!);
  }
  const shapeFor = (groups: readonly (readonly string[])[]): Dim[] =>
    groups.map((group) => mulDims(1, ...group.map((word) => known.get(word)!)));
  const words = left.flat();
  const order = right.flat().map((word) => words.indexOf(word));
  const apart = left.every((group) => group.length === 1) ? x : x.reshape(words.map((word) => known.get(word)!));
  const moved = apart.transpose(order);
  return right.every((group) => group.length === 1) ? moved : moved.reshape(shapeFor(right));
}

/** `b n (a k)` → [["b"], ["n"], ["a", "k"]]. */
function groupsOf(side: string): string[][] {
  return [...side.matchAll(/\(([^)]*)\)|(\S+)/g)].map(([, group, word]) =>
    word ? [word] : group!.trim().split(/\s+/).filter(Boolean),
  );
}
