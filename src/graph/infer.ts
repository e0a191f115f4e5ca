/**
 * Element types and shapes of every operator's outputs: one exhaustive table.
 * @source https://onnx.ai/onnx/operators/ (each operator's "Summary", "Attributes" and "Type Constraints").
 */

import { VitrineError } from "../errors.ts";
import { type Dim, equalDims, type Shape, shapeText } from "./dim.ts";
import type { Attributes, OpName } from "./ops.ts";
import type { Value, ValueType } from "./value.ts";

/** What a rule sees of a node. */
export interface InferContext<K extends OpName> {
  readonly inputs: readonly (Value | undefined)[];
  readonly attributes: Attributes<K>;
  /** Stops with an error that names the operator, the input shapes and the module. */
  fail(rule: string): never;
  /** The input at `index`; fails where it is absent. */
  input(index: number): Value;
}

export type InferRule<K extends OpName> = (context: InferContext<K>) => readonly ValueType[];
