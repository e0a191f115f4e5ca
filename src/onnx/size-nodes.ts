/** Symbolic sizes inside an ONNX file: read from the shapes of the inputs, computed with integer operators. */

import { VitrineError } from "../errors.ts";
import { type Dim, isSymbolic, type SymbolicDim } from "../graph/dim.ts";
import type { Value } from "../graph/value.ts";
import type { AttributeProto } from "./schema.ts";

/** What the writer of a file lends to this part. */
export interface SizeWriter {
  /** Adds a node of ONNX's own domain and returns the name of its output. */
  node(op: string, inputs: readonly string[], attributes: readonly AttributeProto[], label: string): string;
  /** Adds an int64 vector and returns its name. */
  vector(values: readonly number[]): string;
}

/** Where a symbol's number comes from: ⌊(size of `input` at `axis` − offset) / factor⌋. */
interface Origin {
  readonly input: string;
  readonly axis: number;
  readonly factor: number;
  readonly offset: number;
}

/** Makes the nodes for sizes, each distinct size once. */
export class SizeNodes {
  readonly #writer: SizeWriter;
  readonly #origins: ReadonlyMap<string, Origin>;
  /** Names of one-element vectors by the text of the size. */
  readonly #elements = new Map<string, string>();
  readonly #whole = new Map<string, string>();

  constructor(writer: SizeWriter, inputs: readonly Value[]) {
    this.#writer = writer;
    this.#origins = originsOf(inputs);
  }

  /** The name of an int64 vector of sizes, or of a scalar when `scalar` is set. */
  name(sizes: readonly Dim[], scalar: boolean): string {
    const key = `${scalar ? "scalar" : "vector"} ${sizes.join(",")}`;
    const before = this.#whole.get(key);
    if (before !== undefined) return before;
    const name = scalar ? this.#scalar(sizes[0]!) : this.#vector(sizes);
    this.#whole.set(key, name);
    return name;
  }

  #scalar(size: Dim): string {
    return this.#writer.node("Squeeze", [this.#element(size), this.#writer.vector([0])], [], `sizes/${size}:scalar`);
  }

  #vector(sizes: readonly Dim[]): string {
    const parts: string[] = [];
    let numbers: number[] = [];
    const flush = (): void => {
      if (numbers.length > 0) parts.push(this.#writer.vector(numbers));
      numbers = [];
    };
    for (const size of sizes) {
      if (typeof size === "number") numbers.push(size);
      else {
        flush();
        parts.push(this.#element(size));
      }
    }
    flush();
    if (parts.length === 1) return parts[0]!;
    return this.#writer.node("Concat", parts, [{ name: "axis", kind: "int", value: 0 }], `sizes/${sizes.join(",")}`);
  }

  /** A vector of one size. */
  #element(size: Dim): string {
    if (!isSymbolic(size)) return this.#writer.vector([size]);
    const before = this.#elements.get(size.text);
    if (before !== undefined) return before;
    const name = this.#polynomial(size);
    this.#elements.set(size.text, name);
    return name;
  }

  #polynomial(size: SymbolicDim): string {
    const only = size.terms.length === 1 ? size.terms[0] : undefined;
    if (only && only.coefficient === 1 && only.factors.length === 1) {
      const factor = only.factors[0]!;
      if (factor.kind === "symbol") return this.#symbol(factor.text);
      return this.#op("Div", this.#element(factor.numerator), this.#writer.vector([factor.divisor]), size.text);
    }
    const terms = size.terms.map((term) => {
      const factors = term.factors.map((factor) =>
        factor.kind === "symbol"
          ? this.#symbol(factor.text)
          : this.#op("Div", this.#element(factor.numerator), this.#writer.vector([factor.divisor]), factor.text),
      );
      if (term.coefficient !== 1 || factors.length === 0) factors.push(this.#writer.vector([term.coefficient]));
      return factors.reduce((a, b) => this.#op("Mul", a, b, size.text));
    });
    return terms.reduce((a, b) => this.#op("Add", a, b, size.text));
  }

  #symbol(name: string): string {
    const before = this.#elements.get(name);
    if (before !== undefined) return before;
    const origin = this.#origins.get(name);
    if (!origin)
      throw new VitrineError("INVALID_ARGUMENT", {
        rule: `export: size "${name}" must be readable from the shape of an input`,
        evidence: "no input has it as an axis",
        next: `give an input an axis of size "${name}"`,
      });
    const { input, axis, factor, offset } = origin;
    const range: AttributeProto[] = [
      { name: "start", kind: "int", value: axis },
      { name: "end", kind: "int", value: axis + 1 },
    ];
    let size = this.#writer.node("Shape", [input], range, `sizes/${name}`);
    if (offset !== 0) size = this.#op("Sub", size, this.#writer.vector([offset]), name);
    if (factor !== 1) size = this.#op("Div", size, this.#writer.vector([factor]), name);
    this.#elements.set(name, size);
    return size;
  }

  #op(op: string, a: string, b: string, label: string): string {
    return this.#writer.node(op, [a, b], [], `sizes/${label}`);
  }
}

/** For each symbol, the axis that shows it most directly: itself first, else a linear form of it alone. */
function originsOf(inputs: readonly Value[]): ReadonlyMap<string, Origin> {
  const origins = new Map<string, Origin>();
  for (const { source, shape } of inputs) {
    if (source.kind !== "input") continue;
    for (const [axis, dim] of shape.entries()) {
      if (!isSymbolic(dim)) continue;
      const linear = linearForm(dim);
      if (!linear) continue;
      const before = origins.get(linear.symbol);
      const direct = linear.factor === 1 && linear.offset === 0;
      if (!before || (direct && (before.factor !== 1 || before.offset !== 0)))
        origins.set(linear.symbol, { input: source.name, axis, factor: linear.factor, offset: linear.offset });
    }
  }
  return origins;
}

function linearForm(
  dim: SymbolicDim,
): { readonly symbol: string; readonly factor: number; readonly offset: number } | undefined {
  const [term, constant, ...more] = dim.terms;
  const factor = term?.factors[0];
  if (!term || factor?.kind !== "symbol" || term.factors.length !== 1 || more.length > 0) return undefined;
  if (constant && constant.factors.length > 0) return undefined;
  return { symbol: factor.text, factor: term.coefficient, offset: constant?.coefficient ?? 0 };
}
