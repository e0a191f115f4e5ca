/** Runs what `webgpu-faults-work.ts` holds, and golden files, on WebGPU. */

import * as engine from "onnxruntime-web/webgpu";
import { webRuntime } from "../../src/runtime/web.ts";
import { parseGolden, verifyGolden } from "../../src/tasks/verify.ts";
import { makeTalkative } from "./placement.ts";
import { compute, type Faulty } from "./webgpu-faults-work.ts";

const opened = webRuntime({ device: "webgpu", wasmUrl: "/ort/ort-wasm-simd-threaded.asyncify.wasm" }).then(
  (runtime) => {
    makeTalkative(engine);
    return runtime;
  },
);

/** Names of the values of a golden file that are off. */
async function verify(url: string): Promise<readonly string[]> {
  const golden = parseGolden(new Uint8Array(await (await fetch(url)).arrayBuffer()), url);
  const rows = await verifyGolden(golden, await opened);
  return rows.filter(({ ok }) => !ok).map(({ name }) => name);
}

Object.assign(globalThis, { checks: { compute: async (name: Faulty) => compute(await opened, name), verify } });
