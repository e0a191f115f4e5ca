/** What runs in the browser for runtime.test.ts. */

import { symbol } from "../../src/graph/dim.ts";
import { type NdArray, ndarray } from "../../src/graph/dtype.ts";
import { inputValue, makeNode, makeVariable } from "../../src/graph/graph.ts";
import { encodeModel } from "../../src/onnx/encode.ts";
import { isDeviceTensor, type RunArray, toHost } from "../../src/runtime/runtime.ts";
import { type SelfCheck, selfCheck } from "../../src/runtime/self-check.ts";
import { type WebDevice, webRuntime } from "../../src/runtime/web.ts";

const builds = { wasm: "", webgpu: ".asyncify" } as const;

const open = (device: WebDevice): ReturnType<typeof webRuntime> =>
  webRuntime({ device, wasmUrl: `/ort/ort-wasm-simd-threaded${builds[device]}.wasm` });

/** One weight, halved by each run: w' = w − w/2; y = x · w. */
async function halve(device: WebDevice): Promise<readonly number[][]> {
  const x = inputValue("x", "float32", [symbol("b"), 2]);
  const w = makeVariable("w", "float32", [2, 2], () => ndarray("float32", [2, 2], [8, 0, 0, 16]));
  const y = makeNode("MatMul", [x, w.value], {}, "").outputs[0]!;
  const half = makeNode("Mul", [w.value, constant(0.5)], {}, "").outputs[0]!;
  const next = makeNode("Sub", [w.value, half], {}, "").outputs[0]!;
  const graph = { inputs: [x], outputs: new Map([["y", y]]), updates: new Map([[w, next]]) };
  const runtime = await open(device);
  const session = await runtime.createSession(encodeModel(graph, { variables: "inputs" }), {
    keepOnDevice: ["next:w"],
    memoryPattern: false,
  });
  let weight: RunArray = w.data;
  const seen: number[][] = [];
  for (let step = 0; step < 3; step++) {
    const feed: NdArray = ndarray("float32", [step + 1, 2], new Float32Array(2 * step + 2).fill(1));
    const results = await session.run(
      new Map<string, RunArray>([
        ["x", feed],
        ["w", weight],
      ]),
    );
    if (isDeviceTensor(weight)) weight.dispose();
    weight = results.get("next:w")!;
    if (isDeviceTensor(weight) !== (device === "webgpu")) throw new Error("the weight is in the wrong memory");
    seen.push(Array.from((await toHost(results.get("y")!)).data as Float32Array));
  }
  seen.push(Array.from((await toHost(weight)).data as Float32Array));
  await session.dispose();
  return seen;
}

function constant(value: number): ReturnType<typeof inputValue> {
  const data = ndarray("float32", [], [value]);
  return { dtype: data.dtype, shape: data.shape, source: { kind: "constant", data } };
}

const check = async (device: WebDevice): Promise<SelfCheck & { readonly threads: number }> => {
  const runtime = await open(device);
  return { ...(await selfCheck(runtime)), threads: runtime.threads };
};

Object.assign(globalThis, {
  checks: {
    wasm: () => check("wasm"),
    webgpu: () => check("webgpu"),
    halveWasm: () => halve("wasm"),
    halveWebgpu: () => halve("webgpu"),
  },
});
