/** The engine of the page in the place of Node's. */

import type { Runtime } from "../../../src/runtime/runtime.ts";
import { webRuntime } from "../../../src/runtime/web.ts";

let opened: Promise<Runtime> | undefined;

export const nodeRuntime = (): Promise<Runtime> =>
  (opened ??= webRuntime({ wasmUrl: "/ort/ort-wasm-simd-threaded.wasm" }));
