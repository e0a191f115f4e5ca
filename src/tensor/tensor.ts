/** `Tensor`: a lazy, immutable handle on a value of the graph. Operations add nodes; nothing runs until a tensor is read or compiled. */

import { VitrineError } from "../errors.ts";
import type { Dim, Shape } from "../graph/dim.ts";
import { codeOfDType, type DType, type NdArray, ndarray, type TypedArray } from "../graph/dtype.ts";
import { constantValue, inputValue, makeNode, randomValue, sizesValue, sizeValue } from "../graph/graph.ts";
import type { Attributes, OpName } from "../graph/ops.ts";
import type { Distribution, Value } from "../graph/value.ts";
import { currentPath, randomSite, recordTap } from "./scope.ts";

/** A tensor, or a number that takes the element type of the other operand. */
export type TensorLike = Tensor | number;

/** Computes the values of tensors; installed by the package's entry for Node or for the browser. */
export type Evaluator = (values: readonly Value[]) => Promise<readonly NdArray[]>;

let evaluator: Evaluator | undefined;

/** Says how `tensor.array()` computes; the entries `vitrine` and `vitrine/web` call it. */
export function installEvaluator(evaluate: Evaluator): void {
  evaluator = evaluate;
}

/** A lazy array: element type, shape and the node that makes it. */
export class Tensor {
  readonly value: Value;

  constructor(value: Value) {
    this.value = value;
  }

  get dtype(): DType {
    return this.value.dtype;
  }

  /** Sizes of the axes, outermost first; a size may be symbolic. */
  get shape(): Shape {
    return this.value.shape;
  }

  get rank(): number {
    return this.value.shape.length;
  }

  /**
   * Computes this tensor.
   * @throws {VitrineError} NOT_AVAILABLE when no runtime is installed (import `vitrine`, or `vitrine/web` in a browser).
   */
  async array(): Promise<NdArray> {
    if (!evaluator)
      throw new VitrineError("NOT_AVAILABLE", {
        rule: "no runtime computes tensors",
        next: 'import "vitrine" in Node or "vitrine/web" in a browser',
      });
    const [result] = await evaluator([this.value]);
    return result!;
  }

  /** this + other, broadcast. */
  add(other: TensorLike): Tensor {
    return apply("Add", [this, like(this, other)]);
  }

  /** this − other, broadcast. */
  sub(other: TensorLike): Tensor {
    return apply("Sub", [this, like(this, other)]);
  }

  /** this · other, element by element, broadcast. */
  mul(other: TensorLike): Tensor {
    return apply("Mul", [this, like(this, other)]);
  }

  /** this / other, element by element, broadcast. */
  div(other: TensorLike): Tensor {
    return apply("Div", [this, like(this, other)]);
  }

  neg(): Tensor {
    return apply("Neg", [this]);
  }

  /** Matrix product over the last two axes, broadcast over the others: [.., n, k] · [.., k, m] → [.., n, m]. */
  matmul(other: Tensor): Tensor {
    return apply("MatMul", [this, other]);
  }

  /** The same elements in another shape; one size may be −1. */
  reshape(shape: Shape): Tensor {
    // One symbolic size alone can be left to the engine, which then needs no arithmetic on sizes.
    const open = shape.flatMap((dim, i) => (typeof dim === "number" ? [] : [i]));
    const alone = open.length === 1 && !shape.includes(-1);
    const target = alone ? shape.map((dim) => (typeof dim === "number" ? dim : -1)) : shape;
    return apply("Reshape", [this, sizes(target)]);
  }

  /** Axes in another order; without `order`, reversed. */
  transpose(order?: readonly number[]): Tensor {
    const perm = order ?? Array.from({ length: this.rank }, (_, i) => this.rank - 1 - i);
    return perm.every((axis, i) => axis === i) ? this : apply("Transpose", [this], { perm });
  }

  toString(): string {
    return `Tensor ${this.dtype} [${this.shape.join(", ")}]`;
  }
}

/** Applies an operator with one output. */
export function apply<K extends OpName>(
  op: K,
  inputs: readonly (Tensor | undefined)[],
  attributes: Partial<Attributes<K>> = {},
): Tensor {
  return new Tensor(
    makeNode(
      op,
      inputs.map((t) => t?.value),
      attributes,
      currentPath(),
    ).outputs[0]!,
  );
}

/** Applies an operator with several outputs. */
export function applyMany<K extends OpName>(
  op: K,
  inputs: readonly (Tensor | undefined)[],
  attributes: Partial<Attributes<K>> = {},
): readonly Tensor[] {
  const node = makeNode(
    op,
    inputs.map((t) => t?.value),
    attributes,
    currentPath(),
  );
  return node.outputs.map((value) => new Tensor(value));
}

/** `other` itself, or the number as a scalar of `tensor`'s element type. */
export function like(tensor: Tensor, other: TensorLike): Tensor {
  return other instanceof Tensor ? other : scalar(other, tensor.dtype);
}

/** A scalar constant. */
export function scalar(value: number, dtype: DType = "float32"): Tensor {
  return new Tensor(constantValue(ndarray(dtype, [], [value])));
}

/** A constant tensor; numbers in C order. */
export function tensor(
  data: TypedArray | readonly number[] | NdArray,
  shape?: readonly number[],
  dtype: DType = "float32",
): Tensor {
  if ("shape" in data) return new Tensor(constantValue(data));
  return new Tensor(constantValue(ndarray(dtype, shape ?? [data.length], data)));
}

/** A constant int64 vector: axes, indices. */
export function ints(values: readonly number[]): Tensor {
  return new Tensor(
    constantValue({ dtype: "int64", shape: [values.length], data: BigInt64Array.from(values, BigInt) }),
  );
}

/** Sizes as an int64 vector; constant where all are numbers. */
export function sizes(shape: Shape): Tensor {
  return shape.every((dim) => typeof dim === "number") ? ints(shape) : new Tensor(sizesValue(shape));
}

/** A size as a scalar of the given element type. */
export function sizeScalar(dim: Dim, dtype: DType = "int64"): Tensor {
  if (typeof dim === "number") return scalar(dim, dtype);
  const size = new Tensor(sizeValue(dim));
  return dtype === "int64" ? size : apply("Cast", [size], { to: codeOfDType(dtype) });
}

/** An input of the computation. */
export function input(name: string, shape: Shape, dtype: DType = "float32"): Tensor {
  return new Tensor(inputValue(name, dtype, shape));
}

/** Random numbers that are new at each run. @param name distinguishes several draws of one module */
export function random(name: string, shape: Shape, distribution: Distribution): Tensor {
  return new Tensor(randomValue(randomSite(name), shape, distribution));
}

/** Names this value `PATH.name` for whoever asks: explanations, tests, exports. It costs nothing where nobody does. */
export function tap(name: string, t: Tensor): Tensor {
  recordTap(name, t.value);
  return t;
}
