/** Einstein sums: the gradient of an operand is the sum in which it and the result change places. */

import { type Dim, equalDims, type Shape } from "../../graph/dim.ts";
import { ndarray } from "../../graph/dtype.ts";
import { apply, expand, type Tensor, tensor } from "../../tensor/index.ts";
import { unbroadcast } from "../broadcast.ts";
import type { GradientContext } from "../rule.ts";

const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** Letters of the axes of each operand and of the result, with every ellipsis written out. */
interface Subscripts {
  readonly operands: readonly string[];
  readonly result: string;
}

/** ∂loss/∂operand for each operand of an `Einsum`. */
export function einsumGradients({
  attributes,
  cotangent,
  inputs,
  needs,
  fail,
}: GradientContext<"Einsum">): readonly (Tensor | undefined)[] {
  const operands = inputs.filter((t) => t !== undefined);
  const { operands: terms, result } = writtenOut(
    attributes.equation.replaceAll(" ", ""),
    operands.map((t) => t.rank),
    cotangent(0).rank,
  );
  const sizes = new Map<string, Dim>();
  for (const [i, term] of terms.entries())
    for (const [axis, letter] of [...term].entries()) {
      const dim = operands[i]!.shape[axis]!;
      const before = sizes.get(letter);
      if (before === undefined || equalDims(before, 1)) sizes.set(letter, dim);
    }

  const gradientOf = (index: number): Tensor => {
    const parts: Tensor[] = [cotangent(0)];
    const subscripts: string[] = [result];
    for (const [i, t] of operands.entries())
      if (i !== index) {
        parts.push(t);
        subscripts.push(terms[i]!);
      }
    // A letter that an operand repeats reads its diagonal: the gradient stands on the diagonal, which an identity matrix selects.
    let free = [...alphabet].filter((letter) => !sizes.has(letter));
    let target = "";
    const targetSizes: Dim[] = [];
    for (const letter of terms[index]!) {
      targetSizes.push(sizes.get(letter)!);
      if (!target.includes(letter)) {
        target += letter;
        continue;
      }
      const size = sizes.get(letter)!;
      if (typeof size !== "number") return fail(`the diagonal of axis "${letter}" must have a known size`);
      const second = free[0]!;
      free = free.slice(1);
      target += second;
      parts.push(identity(size, cotangent(0)));
      subscripts.push(letter + second);
    }
    // Letters that only this operand has were summed over: the gradient is the same along them.
    const present = [...target].filter((letter) => subscripts.some((s) => s.includes(letter)));
    const contracted = apply("Einsum", parts, { equation: `${subscripts.join(",")}->${present.join("")}` });
    const own = operands[index]!;
    if (present.length === target.length) return unbroadcast(contracted, own);
    const placed: Shape = [...target].map((letter, i) => (present.includes(letter) ? targetSizes[i]! : 1));
    return unbroadcast(expand(contracted.reshape(placed), targetSizes), own);
  };
  return operands.map((_, i) => (needs(i) ? gradientOf(i) : undefined));
}

function writtenOut(equation: string, ranks: readonly number[], resultRank: number): Subscripts {
  const [left, right] = equation.split("->") as [string, string | undefined];
  const terms = left.split(",");
  const free = [...alphabet].filter((letter) => !equation.includes(letter));
  const widest = Math.max(0, ...terms.map((term, i) => (term.includes("...") ? ranks[i]! - term.length + 3 : 0)));
  const shared = free.slice(0, widest).join("");
  const write = (term: string, rank: number): string => {
    const width = rank - (term.length - 3);
    return term.includes("...") ? term.replace("...", shared.slice(widest - width)) : term;
  };
  const operands = terms.map((term, i) => write(term, ranks[i]!));
  if (right !== undefined) return { operands, result: write(right, resultRank) };
  // Without an arrow: the shared axes, then the letters that occur once, in order of the alphabet.
  const letters = left.replaceAll(/[.,]/g, "");
  const once = [...new Set(letters)].filter((letter) => letters.split(letter).length === 2).sort();
  return { operands, result: shared + once.join("") };
}

function identity(size: number, like: Tensor): Tensor {
  const data = Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0));
  return tensor(ndarray(like.dtype, [size, size], data));
}
