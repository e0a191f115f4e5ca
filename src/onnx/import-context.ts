/** What the rules that read one node of a file see of it. */

import { VitrineError } from "../errors.ts";
import type { Dim } from "../graph/dim.ts";
import { type NdArray, ndarray } from "../graph/dtype.ts";
import { constantValue, makeNode, sizesValue, sizeValue } from "../graph/graph.ts";
import { type Attributes, isOpName, type OpName, operatorSpec } from "../graph/ops.ts";
import type { Value } from "../graph/value.ts";
import type { AttributeProto, NodeProto } from "./schema.ts";

/** An attribute's value; tensors as arrays. */
export type AttributeValue = number | string | readonly number[] | readonly string[] | NdArray;

export class ImportContext {
  readonly op: string;
  /** Version of the operator's set. */
  readonly version: number;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputCount: number;
  readonly scope: string;
  readonly #attributes: ReadonlyMap<string, AttributeValue>;

  constructor(
    node: NodeProto,
    version: number,
    attributes: ReadonlyMap<string, AttributeValue>,
    inputs: readonly (Value | undefined)[],
  ) {
    this.op = node.op;
    this.version = version;
    this.inputs = inputs;
    this.outputCount = node.outputs.length;
    this.scope = scopeOf(node);
    this.#attributes = attributes;
  }

  input(index: number): Value {
    return this.inputs[index] ?? this.fail(`input ${index} must be given`);
  }

  number(name: string, fallback: number): number {
    const value = this.#attributes.get(name);
    return typeof value === "number" ? value : fallback;
  }

  text(name: string, fallback: string): string {
    const value = this.#attributes.get(name);
    return typeof value === "string" ? value : fallback;
  }

  numbers(name: string): readonly number[] | undefined {
    const value = this.#attributes.get(name);
    return Array.isArray(value) ? (value as readonly number[]) : undefined;
  }

  array(name: string): NdArray | undefined {
    const value = this.#attributes.get(name);
    return typeof value === "object" && "dtype" in value ? value : undefined;
  }

  has(name: string): boolean {
    return this.#attributes.has(name);
  }

  make<K extends OpName>(
    op: K,
    inputs: readonly (Value | undefined)[],
    attributes: Partial<Attributes<K>> = {},
  ): readonly Value[] {
    return makeNode(op, inputs, attributes, this.scope).outputs;
  }

  /** The operator of the same name with this node's attributes, on these inputs. */
  same(
    inputs: readonly (Value | undefined)[] = this.inputs,
    changes: Readonly<Record<string, AttributeValue>> = {},
  ): readonly Value[] {
    if (!isOpName(this.op)) return this.fail("the operator must be in the union");
    const attributes: Record<string, AttributeValue> = {};
    for (const name of Object.keys(operatorSpec(this.op).attributes ?? {})) {
      const value = changes[name] ?? this.#attributes.get(name);
      if (value !== undefined) attributes[name] = value;
    }
    return this.make(this.op, inputs, attributes as Partial<Attributes<OpName>>);
  }

  /** A constant int64 vector. */
  ints(values: readonly number[]): Value {
    return constantValue(ndarray("int64", [values.length], values));
  }

  /** A constant of the element type of `like`. */
  scalar(value: number, like: Value): Value {
    return constantValue(ndarray(like.dtype, [], [value]));
  }

  sizes(shape: readonly Dim[]): Value {
    return sizesValue(shape);
  }

  fail(rule: string): never {
    throw new VitrineError("UNSUPPORTED_OPERATOR", { rule: `import: ${this.op}: ${rule}`, place: this.scope });
  }
}

/** `blocks.0.attn` of `/blocks/0/attn/MatMul_1`, and of vitrine's own `blocks.0.attn/MatMul_1`. */
function scopeOf({ name }: NodeProto): string {
  return name.split("/").slice(0, -1).filter(Boolean).join(".");
}

/** Integers that are known stand for themselves: the nodes that compute a shape from shapes are not needed. */
export function settle(value: Value): Value {
  const { dtype, shape, known, source } = value;
  if (source.kind !== "node" || dtype !== "int64" || !known || shape.length > 1) return value;
  if (known.every((dim) => typeof dim === "number")) return constantValue(ndarray("int64", shape as number[], known));
  return shape.length === 0 ? sizeValue(known[0]!) : sizesValue(known);
}

/** Attributes as values, without those that vitrine cannot read. */
export function readAttributes(
  node: NodeProto,
  array: (tensor: (AttributeProto & { readonly kind: "tensor" })["value"]) => NdArray,
): ReadonlyMap<string, AttributeValue> {
  const values = new Map<string, AttributeValue>();
  for (const attribute of node.attributes) {
    if (attribute.kind === "tensor") values.set(attribute.name, array(attribute.value));
    else if (attribute.kind !== "other" && attribute.kind !== "reference") values.set(attribute.name, attribute.value);
  }
  return values;
}
