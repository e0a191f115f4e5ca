/** A function of tensors as a graph. */

import { VitrineError } from "../errors.ts";
import { type Dim, isSymbolic, type Shape, symbol } from "../graph/dim.ts";
import type { DType } from "../graph/dtype.ts";
import { type Graph, inputValue } from "../graph/graph.ts";
import type { Value } from "../graph/value.ts";
import { Tensor, trace } from "../tensor/index.ts";

/** Element type (float32 where only sizes are given) and sizes of an input; a name is a free size: `["b", 3, 224, 224]`. */
export type Spec = readonly (Dim | string)[] | { readonly dtype: DType; readonly shape: readonly (Dim | string)[] };

/** Inputs by name. */
export type Specs = Readonly<Record<string, Spec>>;

/** A function that a graph is traced from: inputs by name → outputs by name. */
export type TensorFunction<S extends Specs> = (
  inputs: { readonly [K in keyof S]: Tensor },
) => Readonly<Record<string, Tensor>>;

/** Element type and shape of a spec. */
export function parseSpec(spec: Spec): { readonly dtype: DType; readonly shape: Shape } {
  const isShape = (s: Spec): s is readonly (Dim | string)[] => Array.isArray(s);
  const sizes = isShape(spec) ? spec : spec.shape;
  const shape = sizes.map((size) => (typeof size === "string" ? symbol(size) : size));
  for (const size of shape)
    if (!isSymbolic(size) && !(Number.isInteger(size) && size >= 0))
      throw new VitrineError("INVALID_ARGUMENT", {
        rule: "spec: a size is a whole number or a name",
        evidence: `got [${sizes.join(", ")}]`,
      });
  return { dtype: isShape(spec) ? "float32" : spec.dtype, shape };
}

/** Traces a function once, with symbols for its inputs. */
export function traceGraph<S extends Specs>(
  fn: TensorFunction<S>,
  specs: S,
): { readonly graph: Graph; readonly taps: ReadonlyMap<string, Value> } {
  const inputs = Object.entries(specs).map(([name, spec]) => {
    const { dtype, shape } = parseSpec(spec);
    return [name, new Tensor(inputValue(name, dtype, shape))] as const;
  });
  const { result, taps, updates } = trace(() => fn(Object.fromEntries(inputs) as { [K in keyof S]: Tensor }));
  const outputs = new Map(Object.entries(result).map(([name, t]) => [name, t.value]));
  return { graph: { inputs: inputs.map(([, t]) => t.value), outputs, updates }, taps };
}

/**
 * The graph with taps as further outputs, under their full names.
 * @throws {VitrineError} UNKNOWN_NAME when the trace has no such tap; the message lists some that it has.
 */
export function withTaps(graph: Graph, taps: ReadonlyMap<string, Value>, names: readonly string[]): Graph {
  const outputs = new Map(graph.outputs);
  for (const name of names) {
    const value = taps.get(name);
    if (!value)
      throw new VitrineError("UNKNOWN_NAME", {
        rule: `there is no tap "${name}"`,
        evidence: `this model has ${[...taps.keys()].slice(0, 8).join(", ")}${taps.size > 8 ? `, … (${taps.size})` : ""}`,
      });
    outputs.set(name, value);
  }
  return { ...graph, outputs };
}
