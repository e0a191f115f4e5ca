/** What the shape rules of all operators share: the view of one node, its errors, broadcasting, windows into known sizes. */

import { type ErrorCode, VitrineError } from "../../errors.ts";
import { type Dim, equalDims, isSymbolic, type Shape, shapeText } from "../dim.ts";
import type { DType } from "../dtype.ts";
import type { Attributes, OpName } from "../ops.ts";
import type { Value, ValueType } from "../value.ts";

/** Element types and shapes of all outputs that an operator can have. */
export type InferRule<K extends OpName> = (context: InferContext<Attributes<K>>) => readonly ValueType[];

/** What a rule sees of a node. */
export class InferContext<A = unknown> {
  readonly op: OpName;
  readonly inputs: readonly (Value | undefined)[];
  readonly attributes: A;
  readonly scope: string;

  constructor(op: OpName, inputs: readonly (Value | undefined)[], attributes: A, scope: string) {
    this.op = op;
    this.inputs = inputs;
    this.attributes = attributes;
    this.scope = scope;
  }

  /** The input at `index`; fails where it is absent. */
  input(index: number): Value {
    return this.inputs[index] ?? this.fail(`input ${index} is missing`);
  }

  /** Stops with an error that names the operator, the input shapes and the module. */
  fail(rule: string): never {
    return this.#stop("SHAPE_MISMATCH", rule, (v) => (v.known ? `(${v.known.join(", ")})` : shapeText(v.shape)));
  }

  /** Stops with an error that names the operator, the element types with the input shapes, and the module. */
  failDType(rule: string): never {
    return this.#stop("DTYPE_MISMATCH", rule, (v) => `${v.dtype}${shapeText(v.shape)}`);
  }

  check(holds: boolean, rule: string): void {
    if (!holds) this.fail(rule);
  }

  checkDType(holds: boolean, rule: string): void {
    if (!holds) this.failDType(rule);
  }

  /** An axis counted from the front. */
  axis(axis: number, rank: number): number {
    if (!(axis >= -rank && axis < rank)) this.fail(`axis ${axis} must lie in [${-rank}, ${rank - 1}]`);
    return axis < 0 ? axis + rank : axis;
  }

  /** Distinct axes counted from the front. */
  axes(axes: readonly number[], rank: number): readonly number[] {
    const counted = axes.map((axis) => this.axis(axis, rank));
    this.check(new Set(counted).size === counted.length, "axes must be distinct");
    return counted;
  }

  /** What the input at `index` holds; fails where that is not known while tracing, or the input is no scalar or vector. */
  known(index: number, name: string): readonly Dim[] {
    const value = this.input(index);
    this.check(value.shape.length <= 1, `${name} must be a scalar or vector`);
    return value.known ?? constantNumbers(value) ?? this.fail(`${name} must be known while tracing`);
  }

  /** As `known`, where sizes with symbols cannot be used. */
  numbers(index: number, name: string): readonly number[] {
    const known = this.known(index, name);
    if (known.some(isSymbolic)) this.fail(`${name} must be numbers`);
    return known as readonly number[];
  }

  /** As `numbers`, `undefined` where the input is absent. */
  optionalNumbers(index: number, name: string): readonly number[] | undefined {
    return this.inputs[index] && this.numbers(index, name);
  }

  #stop(code: ErrorCode, rule: string, show: (value: Value) => string): never {
    const got = this.inputs.map((v) => (v ? show(v) : "none")).join(" · ");
    throw new VitrineError(code, {
      rule: `${this.op}: ${rule}`,
      evidence: got && `got ${got}`,
      place: this.scope || undefined,
    });
  }
}

/** The numbers of a small constant of any element type whose storage holds numbers. */
export function constantNumbers({ source }: Value): readonly number[] | undefined {
  if (source.kind !== "constant" || source.data.data.length > 1024) return undefined;
  const { dtype, data } = source.data;
  return dtype === "float16" || dtype === "bfloat16"
    ? undefined
    : Array.from(data as Iterable<number | bigint>, Number);
}

/** The two shapes broadcast as numpy does; `undefined` where they cannot be. A symbol fits only itself and 1. */
export function broadcastShapes(a: Shape, b: Shape): Shape | undefined {
  if (a === b) return a;
  const [long, short] = a.length >= b.length ? [a, b] : [b, a];
  const offset = long.length - short.length;
  let out: Dim[] | undefined;
  for (let i = 0; i < short.length; i++) {
    const x = long[offset + i]!;
    const y = short[i]!;
    if (y === 1 || equalDims(x, y)) continue;
    if (x !== 1) return undefined;
    out ??= [...long];
    out[offset + i] = y;
  }
  return out ?? long;
}

/** True where `shape` can be broadcast to `target` without changing `target`. */
export function fitsInto(shape: Shape, target: Shape): boolean {
  const offset = target.length - shape.length;
  return offset >= 0 && shape.every((dim, i) => dim === 1 || equalDims(dim, target[offset + i]!));
}

/** The shape with the size of one axis replaced. */
export function withDim(shape: Shape, axis: number, dim: Dim): Shape {
  const out = [...shape];
  out[axis] = dim;
  return out;
}

export function isNumber(dtype: DType): boolean {
  return dtype !== "bool";
}

export function isIndex(dtype: DType): boolean {
  return dtype === "int64" || dtype === "int32";
}
