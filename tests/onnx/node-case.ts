/** Runs one operator test case of ONNX: import, export again, run, compare. */

import { existsSync, readFileSync } from "node:fs";
import type { VitrineError } from "../../src/errors.ts";
import { isFloat, type NdArray, toFloat32 } from "../../src/graph/dtype.ts";
import { constantValue, type Graph, inputValue } from "../../src/graph/graph.ts";
import type { Value } from "../../src/graph/value.ts";
import { decodeModel, type ImportedModel } from "../../src/onnx/decode.ts";
import { arrayOfTensor } from "../../src/onnx/decode-tensors.ts";
import { encodeModel } from "../../src/onnx/encode.ts";
import { readTensor } from "../../src/onnx/read-messages.ts";
import { type Runtime, toHost } from "../../src/runtime/runtime.ts";

export interface CaseResult {
  readonly status: "passed" | "unsupported" | "untraceable" | "engine" | "wrong";
  readonly reason: string;
}

export interface Case {
  readonly model: Uint8Array;
  readonly inputs: readonly NdArray[];
  readonly outputs: readonly NdArray[];
  readonly rtol: number;
  readonly atol: number;
}

/** A case in ONNX's own layout; `undefined` where its data are no arrays of vitrine's element types. */
export function readCase(folder: string): Case | undefined {
  const arrays = (kind: string): NdArray[] => {
    const list: NdArray[] = [];
    for (let i = 0; existsSync(`${folder}/test_data_set_0/${kind}_${i}.pb`); i++)
      list.push(
        arrayOfTensor(readTensor(readFileSync(`${folder}/test_data_set_0/${kind}_${i}.pb`)), new Map(), folder),
      );
    return list;
  };
  try {
    const tolerance = JSON.parse(readFileSync(`${folder}/tolerance.json`, "utf8")) as { rtol: number; atol: number };
    return {
      model: readFileSync(`${folder}/model.onnx`),
      inputs: arrays("input"),
      outputs: arrays("output"),
      ...tolerance,
    };
  } catch {
    return undefined;
  }
}

/** `declared` sizes are those of the file, symbols included; else those of the data. */
export async function runCase(runtime: Runtime, test: Case, sizes: "declared" | "data" = "data"): Promise<CaseResult> {
  let model: ImportedModel;
  try {
    model = decodeModel(test.model);
  } catch (error) {
    return { status: "unsupported", reason: textOf(error) };
  }
  let graph: Graph;
  try {
    graph = sizes === "declared" ? model.graph() : trace(model, test.inputs);
  } catch (error) {
    return { status: "untraceable", reason: textOf(error) };
  }
  const results: NdArray[] = [];
  try {
    const session = await runtime.createSession(encodeModel(graph));
    const feeds = new Map(
      model.inputs.flatMap(({ name }, i) => (session.inputNames.includes(name) ? [[name, test.inputs[i]!]] : [])),
    );
    const outputs = await session.run(feeds);
    for (const name of model.outputNames) results.push(await toHost(outputs.get(name)!));
    await session.dispose();
  } catch (error) {
    return { status: "engine", reason: textOf(error) };
  }
  for (const [i, result] of results.entries()) {
    const difference = compare(result, test.outputs[i]!, test.rtol, test.atol);
    if (difference) return { status: "wrong", reason: `output ${i}: ${difference}` };
  }
  return { status: "passed", reason: "" };
}

/** Every input free if that can be; else what is not the first input fixed, since ONNX's cases feed even shapes. */
function trace(model: ImportedModel, arrays: readonly NdArray[]): Graph {
  const attempt = (fixed: (array: NdArray, index: number) => boolean): Graph => {
    const inputs: Value[] = [];
    const values: Record<string, Value> = {};
    for (const [i, { name, dtype }] of model.inputs.entries()) {
      const array = arrays[i]!;
      if (fixed(array, i)) values[name] = constantValue(array);
      else inputs.push((values[name] = inputValue(name, dtype, array.shape)));
    }
    const outputs = new Map(Object.entries(model.apply(values)));
    return { inputs, outputs, updates: new Map() };
  };
  try {
    return attempt(() => false);
  } catch {
    try {
      return attempt((_, i) => i > 0);
    } catch {
      return attempt(() => true);
    }
  }
}

function compare(ours: NdArray, theirs: NdArray, rtol: number, atol: number): string | undefined {
  if (ours.dtype !== theirs.dtype) return `${ours.dtype} instead of ${theirs.dtype}`;
  if (String(ours.shape) !== String(theirs.shape)) return `[${ours.shape}] instead of [${theirs.shape}]`;
  const half = isFloat(ours.dtype) && ours.dtype !== "float64";
  const a = half ? toFloat32(ours).data : ours.data;
  const b = half ? toFloat32(theirs).data : theirs.data;
  for (let i = 0; i < a.length; i++) {
    const x = Number(a[i]);
    const y = Number(b[i]);
    if (x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
    if (!(Math.abs(x - y) <= atol + rtol * Math.abs(y))) return `${x} instead of ${y} at ${i}`;
  }
  return undefined;
}

function textOf(error: unknown): string {
  return (error as VitrineError).message;
}
