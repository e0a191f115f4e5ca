/** Runs the models of `hierarchical-work.ts` in a page, on WebAssembly and on WebGPU. */

import * as engine from "onnxruntime-web/webgpu";
import { type WebDevice, webRuntime } from "../../src/runtime/web.ts";
import { answer, forward, gradients, type Hierarchical } from "./hierarchical-work.ts";
import { makeTalkative } from "./placement.ts";

const builds = { wasm: "", webgpu: ".asyncify" } as const;

const opened = new Map<string, ReturnType<typeof webRuntime>>();

async function open(device: string): ReturnType<typeof webRuntime> {
  const known = opened.get(device);
  if (known) return known;
  const wasmUrl = `/ort/ort-wasm-simd-threaded${builds[device as WebDevice]}.wasm`;
  const runtime = webRuntime({ device: device as WebDevice, wasmUrl });
  opened.set(device, runtime);
  await runtime;
  if (device === "webgpu") makeTalkative(engine);
  return runtime;
}

Object.assign(globalThis, {
  checks: {
    forward: async (device: string, name: Hierarchical) => forward(await open(device), name),
    answer: async (device: string, file: string) =>
      answer(
        await open(device),
        Uint8Array.from(atob(file), (c) => c.charCodeAt(0)),
      ),
    gradients: async (device: string, name: Hierarchical) => gradients(await open(device), name),
  },
});
