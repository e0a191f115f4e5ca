/** Shape rules of matrix products. */

import { type Dim, equalDims, type Shape } from "../dim.ts";
import { isFloat } from "../dtype.ts";
import type { ValueType } from "../value.ts";
import { broadcastShapes, fitsInto, type InferContext, isNumber } from "./rule.ts";

const inner = "inner sizes must be equal";

/** `[…, m, k] · […, k, n] → […, m, n]`, vectors as numpy treats them. */
export function matMul(c: InferContext): readonly ValueType[] {
  const a = c.input(0);
  const b = c.input(1);
  c.checkDType(a.dtype === b.dtype && isNumber(a.dtype), "element types must be equal numbers");
  return [{ dtype: a.dtype, shape: productShape(c, a.shape, b.shape) }];
}

/** The shape of numpy's `matmul`. */
export function productShape(c: InferContext, a: Shape, b: Shape): Shape {
  const rankA = a.length;
  const rankB = b.length;
  c.check(rankA > 0 && rankB > 0, "the inputs must have an axis");
  if (rankA === 1 || rankB === 1) {
    const k = rankB === 1 ? b[0]! : b[rankB - 2]!;
    c.check(equalDims(a[rankA - 1]!, k), inner);
    return rankB === 1 ? a.slice(0, -1) : [...b.slice(0, -2), b[rankB - 1]!];
  }
  if (!equalDims(a[rankA - 1]!, b[rankB - 2]!)) c.fail(inner);
  if (rankB === 2) return [...a.slice(0, -1), b[1]!];
  const batch = broadcastShapes(a.slice(0, -2), b.slice(0, -2)) ?? c.fail("outer sizes must be equal or 1");
  return [...batch, a[rankA - 2]!, b[rankB - 1]!];
}

export function gemm(c: InferContext<{ readonly transA: number; readonly transB: number }>): readonly ValueType[] {
  const a = c.input(0);
  const b = c.input(1);
  const bias = c.inputs[2];
  const { transA, transB } = c.attributes;
  c.checkDType(
    isNumber(a.dtype) && a.dtype === b.dtype && (!bias || bias.dtype === a.dtype),
    "element types must be equal numbers",
  );
  c.check(a.shape.length === 2 && b.shape.length === 2, "A and B must be matrices");
  const [m, k] = transA ? [a.shape[1]!, a.shape[0]!] : [a.shape[0]!, a.shape[1]!];
  const [k2, n] = transB ? [b.shape[1]!, b.shape[0]!] : [b.shape[0]!, b.shape[1]!];
  c.check(equalDims(k, k2), transA || transB ? `${inner} (transA ${transA}, transB ${transB})` : inner);
  const shape = [m, n];
  if (bias) c.check(fitsInto(bias.shape, shape), "C must broadcast to the product");
  return [{ dtype: a.dtype, shape }];
}

export function fusedMatMul(
  c: InferContext<{
    readonly transA: number;
    readonly transB: number;
    readonly transBatchA: number;
    readonly transBatchB: number;
  }>,
): readonly ValueType[] {
  const a = c.input(0);
  const b = c.input(1);
  const { transA, transB, transBatchA, transBatchB } = c.attributes;
  c.checkDType(a.dtype === b.dtype && isFloat(a.dtype), "element types must be equal and floating-point");
  if (transBatchA || transBatchB)
    c.check(a.shape.length === b.shape.length, "A and B must have the same number of axes");
  const left = transposed(a.shape, transA, transBatchA);
  return [{ dtype: a.dtype, shape: productShape(c, left, transposed(b.shape, transB, transBatchB)) }];
}

/** With `batch`, the first axis is the last but one, and the axes between are the batch. */
function transposed(shape: Shape, matrix: number, batch: number): Shape {
  if (shape.length < 2) return shape;
  const outer = batch ? shape.slice(1, -1) : shape.slice(0, -2);
  const row = batch ? shape[0]! : shape[shape.length - 2]!;
  const column = shape[shape.length - 1]!;
  return matrix ? [...outer, column, row] : [...outer, row, column];
}

export function einsum(c: InferContext<{ readonly equation: string }>): readonly ValueType[] {
  const { dtype } = c.input(0);
  const { terms, output } = parseEquation(c, c.attributes.equation);
  c.check(terms.length === c.inputs.length, `"${c.attributes.equation}" must have a term for each input`);
  const sizes = new Map<string, Dim>();
  let ellipsis: Shape | undefined;
  for (const [i, term] of terms.entries()) {
    const value = c.input(i);
    c.checkDType(value.dtype === dtype && isNumber(dtype), "element types must be equal numbers");
    const rest = value.shape.length - term.filter((axis) => axis !== dots).length;
    c.check(term.includes(dots) ? rest >= 0 : rest === 0, `"${c.attributes.equation}" must name every axis`);
    let at = 0;
    for (const axis of term) {
      if (axis === dots) {
        const outer = value.shape.slice(at, at + rest);
        if (ellipsis && ellipsis.length !== rest) c.fail('"..." must stand for equally many axes');
        ellipsis = broadcastShapes(ellipsis ?? outer, outer) ?? c.fail("outer sizes must be equal or 1");
        at += rest;
        continue;
      }
      const dim = value.shape[at++]!;
      const before = sizes.get(axis);
      if (before === undefined || before === 1) sizes.set(axis, dim);
      else c.check(dim === 1 || equalDims(before, dim), `sizes of axis ${axis} must be equal`);
    }
  }
  const shape = output.flatMap((axis) =>
    axis === dots ? (ellipsis ?? []) : [sizes.get(axis) ?? c.fail(`axis ${axis} of the result must be an input's`)],
  );
  return [{ dtype, shape }];
}

const dots = "...";

interface Equation {
  readonly terms: readonly (readonly string[])[];
  readonly output: readonly string[];
}

const equations = new Map<string, Equation>();

function parseEquation(c: InferContext, text: string): Equation {
  const before = equations.get(text);
  if (before) return before;
  const [left = "", right] = text.replaceAll(" ", "").split("->");
  const split = (term: string): readonly string[] => {
    c.check(/^[A-Za-z]*(\.\.\.)?[A-Za-z]*$/.test(term), `"${text}" must be letters, "...", "," and "->"`);
    return term.match(/\.\.\.|[A-Za-z]/g) ?? [];
  };
  const terms = left.split(",").map(split);
  const equation = { terms, output: right === undefined ? impliedOutput(terms) : split(right) };
  equations.set(text, equation);
  return equation;
}

/** The axes that occur once, in alphabetical order. */
function impliedOutput(terms: readonly (readonly string[])[]): readonly string[] {
  const all = terms.flat();
  const once = all.filter((axis) => axis !== dots && all.filter((other) => other === axis).length === 1).sort();
  return all.includes(dots) ? [dots, ...once] : once;
}
