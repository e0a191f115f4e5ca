/** From a function of tensors to something that runs: trace, rewrite, encode, load. */

import type { NdArray } from "../graph/dtype.ts";
import type { Graph } from "../graph/graph.ts";
import type { Value } from "../graph/value.ts";
import { encodeModel } from "../onnx/encode.ts";
import { fillChannels, rewriteForInference, rewriteForProcessor, rewriteForTraining } from "../rewrite/index.ts";
import { type Runtime, type SessionOptions, toHost } from "../runtime/runtime.ts";
import { Executable } from "./executable.ts";
import { inPlaceVariables } from "./in-place.ts";
import { type Specs, type TensorFunction, traceGraph, withTaps } from "./trace.ts";

/** Where and how a function runs. */
export interface CompileOptions {
  /** Where it runs. */
  readonly runtime: Runtime;
  /** Named intermediate values that become outputs (`blocks.0.attn.probs`). */
  readonly taps?: readonly string[];
  /**
   * `embedded` (default where nothing is updated): the model holds the values that variables have now, folded where that helps.
   * `live` (always where variables are updated): each run reads `variable.data`, so that other executables' updates are seen.
   */
  readonly variables?: "embedded" | "live";
  /** Improve the graph before it is loaded; default true. */
  readonly rewrite?: boolean;
  readonly session?: Omit<SessionOptions, "keepOnDevice">;
}

/**
 * Compiles a function of tensors. It is traced once: sizes given by name stay free, and one executable serves them all.
 *
 * Variables that the function updates (`recordUpdate`: optimiser steps, running statistics) keep their state between runs.
 * @throws {VitrineError} whatever tracing throws, UNKNOWN_NAME for unknown taps, RUNTIME_FAILURE when the engine refuses the graph.
 */
export async function compile<S extends Specs>(
  fn: TensorFunction<S>,
  specs: S,
  options: CompileOptions,
): Promise<Executable> {
  const { graph, taps } = traceGraph(fn, specs);
  return compileGraph(withTaps(graph, taps, options.taps ?? []), options);
}

/** Compiles a graph that is already traced or imported. */
export async function compileGraph(graph: Graph, options: Omit<CompileOptions, "taps">): Promise<Executable> {
  const { runtime, rewrite = true } = options;
  const trains = graph.updates.size > 0;
  const live = trains || options.variables === "live";
  const better = rewrite ? await improved(graph, runtime, live) : graph;
  const model = encodeModel(fitDevice(better, runtime), {
    layout: "memory",
    variables: live ? "inputs" : "initializers",
  });
  const keepOnDevice = model.outputs.flatMap((o) => (o.role === "update" ? [o.name] : []));
  const session = await runtime.createSession(model, { memoryPattern: !trains, ...options.session, keepOnDevice });
  return new Executable(runtime, model, session, inPlaceVariables(better));
}

/** Computes values that depend on no input: what `tensor.array()` and constant folding use. */
export function evaluatorFor(runtime: Runtime): (values: readonly Value[]) => Promise<readonly NdArray[]> {
  return async (values) => {
    const outputs = new Map(values.map((value, i) => [`value_${i}`, value]));
    const model = encodeModel(fitDevice({ inputs: [], outputs, updates: new Map() }, runtime));
    const session = await runtime.createSession(model);
    try {
      const results = await session.run(new Map());
      return await Promise.all(values.map((_, i) => toHost(results.get(`value_${i}`)!)));
    } finally {
      await session.dispose();
    }
  };
}

/** The graph in the form that a device computes fast. */
async function improved(graph: Graph, runtime: Runtime, live: boolean): Promise<Graph> {
  const better =
    graph.updates.size > 0
      ? rewriteForTraining(graph)
      : await rewriteForInference(graph, { evaluate: evaluatorFor(runtime), variables: live ? "live" : "embedded" });
  return runtime.device === "cpu" ? rewriteForProcessor(better) : better;
}

/** The graph in the form that a device computes rightly. */
function fitDevice(graph: Graph, { device }: Runtime): Graph {
  return device === "webgpu" ? fillChannels(graph) : graph;
}
