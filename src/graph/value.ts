/**
 * What a computation is made of: values, the nodes that make them, and the leaves they start from.
 *
 * A value knows the node that makes it and a node knows its inputs, so a computation needs no container while it is written.
 * Everything here is immutable but a variable's name and data.
 */

import type { Dim, Shape } from "./dim.ts";
import type { DType, NdArray } from "./dtype.ts";
import type { Attributes, OpName } from "./ops.ts";

/** Element type and sizes of a value. */
export interface ValueType {
  readonly dtype: DType;
  readonly shape: Shape;
  /** What a small integer value holds, where that is known while tracing: the sizes behind `Reshape`, `Slice`, `Expand`. */
  readonly known?: readonly Dim[] | undefined;
}

/** One n-dimensional array of a computation. */
export interface Value extends ValueType {
  readonly source: Source;
}

/** Where a value comes from. */
export type Source =
  | { readonly kind: "node"; readonly node: Node; readonly index: number }
  /** Fed at each run. */
  | { readonly kind: "input"; readonly name: string }
  | { readonly kind: "constant"; readonly data: NdArray }
  /** A parameter, a running statistic, an optimiser's moment. */
  | { readonly kind: "variable"; readonly variable: Variable }
  /** An int64 vector (or scalar) of the sizes in `known`, made from the shapes of the inputs. */
  | { readonly kind: "sizes" }
  /** Fresh random numbers at each run, a pure function of (key of the run, site). */
  | { readonly kind: "random"; readonly site: string; readonly distribution: Distribution };

/** Uniform in [0, 1); or `1 / keep` with probability `keep`, else 0 (inverted dropout). */
export type Distribution = { readonly kind: "uniform" } | { readonly kind: "keep"; readonly keep: number };

/** State that outlives a run: its newest value on the host, or, while an executable keeps it, in that executable. */
export interface Variable {
  /** Path in the model (`blocks.0.attn.qkv.weight` in the checkpoint's names); unique within a graph. */
  name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  data: NdArray;
  /** The value that reads this variable; always the same one, so that gradients can be asked of it. */
  readonly value: Value;
}

/** One application of an operator. */
export interface Node<K extends OpName = OpName> {
  readonly op: K;
  readonly inputs: readonly (Value | undefined)[];
  readonly attributes: Attributes<K>;
  readonly outputs: readonly Value[];
  /** Path of the module that was running (`blocks.3.attn`), for errors, profiles and exported names. */
  readonly scope: string;
}
