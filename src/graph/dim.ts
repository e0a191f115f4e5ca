/**
 * Sizes of axes: plain numbers, or integer polynomials in named symbols (`b`, `4·t`, `b·197`, `⌊(H + 2)/2⌋`).
 *
 * Polynomials are kept in one canonical form, so that two sizes are equal exactly when their texts are.
 */

import { VitrineError } from "../errors.ts";

/** The size of one axis. */
export type Dim = number | SymbolicDim;
/** Sizes of all axes, outermost first. */
export type Shape = readonly Dim[];

/** An integer polynomial in symbols and floored quotients; make one with `symbol` and the functions below. */
export class SymbolicDim {
  /** Sorted by the text of their factors. */
  readonly terms: readonly Term[];
  /** Canonical text, equal for equal sizes. */
  readonly text: string;

  constructor(terms: readonly Term[]) {
    this.terms = terms;
    this.text = terms.map(termText).join("+").replaceAll("+-", "-");
  }

  toString(): string {
    return this.text;
  }
}

/** `coefficient` times the product of `factors`; no factors: a constant. */
interface Term {
  readonly coefficient: number;
  readonly factors: readonly Factor[];
}

type Factor =
  | { readonly kind: "symbol"; readonly text: string }
  | { readonly kind: "quotient"; readonly text: string; readonly numerator: SymbolicDim; readonly divisor: number };

/** A free size with a name: batch, sequence length. */
export function symbol(name: string): SymbolicDim {
  if (!/^[A-Za-z_][\w.]*$/.test(name))
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "symbol: a name is letters, digits, _ and .",
      evidence: `got "${name}"`,
    });
  return new SymbolicDim([{ coefficient: 1, factors: [{ kind: "symbol", text: name }] }]);
}

/** True for a size that is not yet a number. */
export function isSymbolic(dim: Dim): dim is SymbolicDim {
  return typeof dim !== "number";
}

/** True where two sizes are the same number or the same polynomial. */
export function equalDims(a: Dim, b: Dim): boolean {
  return a === b || (isSymbolic(a) && isSymbolic(b) && a.text === b.text);
}

/** True where ranks and all sizes are equal. */
export function equalShapes(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => equalDims(dim, b[i]!));
}

/** Sum of sizes; a number where the symbols cancel. */
export function addDims(...dims: readonly Dim[]): Dim {
  if (dims.every((dim) => typeof dim === "number")) return dims.reduce((sum: number, dim) => sum + (dim as number), 0);
  return fromTerms(dims.flatMap(termsOf));
}

/** a − b. */
export function subDims(a: Dim, b: Dim): Dim {
  return addDims(a, mulDims(b, -1));
}

/** Product of sizes; 1 of none. */
export function mulDims(...dims: readonly Dim[]): Dim {
  if (dims.every((dim) => typeof dim === "number"))
    return dims.reduce((product: number, dim) => product * (dim as number), 1);
  const products = dims.map(termsOf).reduce((left, right) =>
    left.flatMap((l) =>
      right.map((r) => ({
        coefficient: l.coefficient * r.coefficient,
        factors: [...l.factors, ...r.factors].sort(byText),
      })),
    ),
  );
  return fromTerms(products);
}

/** ⌊a / divisor⌋ for a positive integer divisor. */
export function floorDivDim(a: Dim, divisor: number): Dim {
  if (typeof a === "number") return Math.floor(a / divisor);
  // One form for equal quotients: coefficients are reduced to [0, divisor), then the fraction is.
  const whole = a.terms.map((t) => ({ ...t, coefficient: Math.floor(t.coefficient / divisor) }));
  const rest = fromTerms(
    a.terms.map((t) => ({ ...t, coefficient: t.coefficient - divisor * Math.floor(t.coefficient / divisor) })),
  );
  const exact = fromTerms(whole);
  return typeof rest === "number" ? exact : addDims(exact, fraction(rest, divisor));
}

/** ⌊a / divisor⌋ whose coefficients lie in [0, divisor). */
function fraction(a: SymbolicDim, divisor: number): Dim {
  const inner = a.terms.find((t) => t.coefficient === 1 && t.factors.length === 1 && t.factors[0]!.kind === "quotient");
  const quotient = inner?.factors[0];
  if (inner && quotient?.kind === "quotient") {
    // ⌊(⌊x/m⌋ + y)/n⌋ = ⌊(x + m·y)/(m·n)⌋
    const others = fromTerms(a.terms.filter((t) => t !== inner));
    return floorDivDim(addDims(quotient.numerator, mulDims(quotient.divisor, others)), quotient.divisor * divisor);
  }
  const shared = a.terms.reduce(
    (gcd, t) => (t.factors.length === 0 ? gcd : greatestDivisor(gcd, t.coefficient)),
    divisor,
  );
  const numerator = fromTerms(
    a.terms.map((t) => ({ ...t, coefficient: Math.floor(t.coefficient / shared) })),
  ) as SymbolicDim;
  const reduced = divisor / shared;
  const text = `floor(${numerator.terms.length === 1 ? numerator.text : `(${numerator.text})`}/${reduced})`;
  return new SymbolicDim([{ coefficient: 1, factors: [{ kind: "quotient", text, numerator, divisor: reduced }] }]);
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

/** ⌈a / divisor⌉. */
export function ceilDivDim(a: Dim, divisor: number): Dim {
  return floorDivDim(addDims(a, divisor - 1), divisor);
}

/** a / b where it divides as a polynomial; `undefined` where it does not. */
export function divideExactly(a: Dim, b: Dim): Dim | undefined {
  if (b === 0) return undefined;
  if (typeof a === "number" && typeof b === "number") return a % b === 0 ? a / b : undefined;
  // Long division: the leading term of a product is the product of the leading terms.
  const divisor = leadingTerm(b);
  let quotient: Dim = 0;
  let rest = a;
  while (rest !== 0) {
    const part = divideTerm(leadingTerm(rest), divisor);
    if (part === undefined) return undefined;
    quotient = addDims(quotient, part);
    rest = subDims(rest, mulDims(part, b));
  }
  return quotient;
}

/** The first term in lexicographic order of its powers. */
function leadingTerm(dim: Dim): Term {
  return termsOf(dim).reduce((leading, term) => (isHigher(term.factors, leading.factors) ? term : leading));
}

function isHigher(a: readonly Factor[], b: readonly Factor[]): boolean {
  for (let i = 0; i < a.length && i < b.length; i++) if (a[i]!.text !== b[i]!.text) return a[i]!.text < b[i]!.text;
  return a.length > b.length;
}

function divideTerm(a: Term, b: Term): Dim | undefined {
  if (a.coefficient % b.coefficient !== 0) return undefined;
  const factors = [...a.factors];
  for (const factor of b.factors) {
    const at = factors.findIndex((f) => f.text === factor.text);
    if (at < 0) return undefined;
    factors.splice(at, 1);
  }
  return fromTerms([{ coefficient: a.coefficient / b.coefficient, factors }]);
}

/** Product of all sizes: the number of elements. */
export function sizeOfShape(shape: Shape): Dim {
  return mulDims(1, ...shape);
}

/** Names of the symbols in a size. */
export function symbolsOf(dim: Dim): readonly string[] {
  if (typeof dim === "number") return [];
  const names = dim.terms.flatMap((t) =>
    t.factors.flatMap((f) => (f.kind === "symbol" ? [f.text] : symbolsOf(f.numerator))),
  );
  return [...new Set(names)];
}

/**
 * The number a size has when its symbols are bound.
 * @throws {VitrineError} INVALID_ARGUMENT when a symbol is unbound.
 */
export function evaluateDim(dim: Dim, bindings: ReadonlyMap<string, number>): number {
  if (typeof dim === "number") return dim;
  return dim.terms.reduce(
    (sum, t) => sum + t.factors.reduce((product, f) => product * evaluateFactor(f, bindings), t.coefficient),
    0,
  );
}

/** `[b, 197, 768]`. */
export function shapeText(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

function evaluateFactor(factor: Factor, bindings: ReadonlyMap<string, number>): number {
  if (factor.kind === "quotient") return Math.floor(evaluateDim(factor.numerator, bindings) / factor.divisor);
  const value = bindings.get(factor.text);
  if (value === undefined)
    throw new VitrineError("INVALID_ARGUMENT", { rule: `size "${factor.text}" is not bound by any input` });
  return value;
}

function termsOf(dim: Dim): readonly Term[] {
  return typeof dim === "number" ? [{ coefficient: dim, factors: [] }] : dim.terms;
}

function fromTerms(terms: readonly Term[]): Dim {
  const sums = new Map<string, Term>();
  for (const term of terms) {
    const key = term.factors.map((f) => f.text).join("*");
    const before = sums.get(key)?.coefficient ?? 0;
    sums.set(key, { coefficient: before + term.coefficient, factors: term.factors });
  }
  // Constants last, so that texts read `t+1`.
  const kept = [...sums]
    .filter(([, t]) => t.coefficient !== 0)
    .sort(([a], [b]) => (a === "" ? 1 : b === "" ? -1 : a < b ? -1 : 1));
  if (kept.length === 0) return 0;
  if (kept.length === 1 && kept[0]![0] === "") return kept[0]![1].coefficient;
  return new SymbolicDim(kept.map(([, t]) => t));
}

function termText({ coefficient, factors }: Term): string {
  const product = factors.map((f) => f.text).join("*");
  if (product === "") return String(coefficient);
  return coefficient === 1 ? product : coefficient === -1 ? `-${product}` : `${coefficient}*${product}`;
}

function byText(a: Factor, b: Factor): number {
  return a.text < b.text ? -1 : a.text > b.text ? 1 : 0;
}
