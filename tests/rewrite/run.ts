/** Running graphs before and after a rewrite on the same numbers. */

import { expect } from "vitest";
import type { Dim } from "../../src/graph/dim.ts";
import { type DType, type NdArray, ndarray, sizeOf } from "../../src/graph/dtype.ts";
import { type Graph, rootsOf, topologicalOrder } from "../../src/graph/graph.ts";
import type { OpName } from "../../src/graph/ops.ts";
import { fillUniform, keyOf } from "../../src/graph/random.ts";
import type { Value } from "../../src/graph/value.ts";
import { encodeModel } from "../../src/onnx/encode.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { toHost } from "../../src/runtime/runtime.ts";
import type { Tensor } from "../../src/tensor/index.ts";

/** A graph of tensors. */
export function graphOf(inputs: readonly Tensor[], outputs: Readonly<Record<string, Tensor>>): Graph {
  return {
    inputs: inputs.map((t) => t.value),
    outputs: new Map(Object.entries(outputs).map(([name, t]) => [name, t.value])),
    updates: new Map(),
  };
}

/** Uniform numbers in [−1, 1). */
export function randomArray(seed: number, shape: readonly number[], dtype: DType = "float32"): NdArray {
  const data = fillUniform(keyOf(seed), new Float32Array(sizeOf(shape))).map((u) => 2 * u - 1);
  return ndarray(dtype, shape, data);
}

/** The outputs of a graph on inputs by name, from the engine without rewrites of its own. */
export async function run(
  graph: Graph,
  feeds: Readonly<Record<string, NdArray>>,
): Promise<Readonly<Record<string, NdArray>>> {
  const session = await (await nodeRuntime({ threads: 1 })).createSession(encodeModel(graph), {
    optimization: "disabled",
  });
  const results = await session.run(new Map(session.inputNames.map((name) => [name, feeds[name]!])));
  const host: Record<string, NdArray> = {};
  for (const [name, array] of results) host[name] = await toHost(array);
  await session.dispose();
  return host;
}

/** Computes values that depend on no input. */
export async function evaluate(values: readonly Value[]): Promise<readonly NdArray[]> {
  const outputs = new Map(values.map((value, i) => [`v${i}`, value]));
  const results = await run({ inputs: [], outputs, updates: new Map() }, {});
  return values.map((_, i) => results[`v${i}`]!);
}

/** Expects the same outputs from every graph within float32 rounding, relative to the largest number of an output. */
export async function expectSameNumbers(
  before: Graph,
  after: Graph | readonly Graph[],
  feeds: Readonly<Record<string, NdArray>>,
  tolerance = 2e-6,
): Promise<void> {
  const expected = await run(before, feeds);
  for (const graph of [after].flat() as readonly Graph[]) {
    if (graph === before) continue;
    const actual = await run(graph, feeds);
    expect(Object.keys(actual)).toEqual(Object.keys(expected));
    for (const [name, want] of Object.entries(expected)) {
      const got = actual[name]!;
      expect([got.dtype, got.shape], name).toEqual([want.dtype, want.shape]);
      const wanted = numbersOf(want);
      const given = numbersOf(got);
      const largest = Math.max(1, ...wanted.map(Math.abs));
      const error = Math.max(0, ...wanted.map((v, i) => Math.abs(v - given[i]!)));
      expect(error / largest, name).toBeLessThanOrEqual(tolerance);
    }
  }
}

function numbersOf({ data }: NdArray): readonly number[] {
  return Array.from(data as Iterable<number | bigint>, Number);
}

/** Operators of a graph in the order of the data flow. */
export function opsOf(graph: Graph): readonly OpName[] {
  return topologicalOrder(rootsOf(graph)).map((node) => node.op);
}

/** Outputs of all nodes with one operator. */
export function shapesOf(graph: Graph, op: OpName): readonly (readonly Dim[])[] {
  return topologicalOrder(rootsOf(graph)).flatMap((node) => (node.op === op ? [node.outputs[0]!.shape] : []));
}

/** Multiply-adds, twice, of all matrix products. @param bindings what symbols stand for */
export function productFlops(graph: Graph, sizeOfDim: (dim: Dim) => number): number {
  let flops = 0;
  for (const node of topologicalOrder(rootsOf(graph))) {
    if (node.op !== "Gemm" && node.op !== "MatMul") continue;
    const [a] = node.inputs;
    const transA = node.op === "Gemm" && (node.attributes as unknown as { readonly transA: number }).transA === 1;
    const inner = sizeOfDim(a!.shape.at(transA ? -2 : -1)!);
    flops += 2 * inner * node.outputs[0]!.shape.reduce((n: number, dim) => n * sizeOfDim(dim), 1);
  }
  return flops;
}
