/** Runs a Vision Transformer on WebGPU, and watches where the arrays of each run lie and which operators the engine leaves to the processor. */

import * as engine from "onnxruntime-web/webgpu";
import { isDeviceTensor, type Runtime, type Session } from "../../src/runtime/runtime.ts";
import { webRuntime } from "../../src/runtime/web.ts";
import { makeTalkative } from "./placement.ts";
import { forward, type Training, train } from "./webgpu-work.ts";

/** Arrays of one run, in the device's memory and in the page's. */
export interface Places {
  readonly fedOnDevice: number;
  readonly fedFromHost: readonly string[];
  readonly leftOnDevice: number;
  readonly downloaded: readonly string[];
}

const runs: Places[] = [];

function watched(runtime: Runtime): Runtime {
  return {
    ...runtime,
    async createSession(...args) {
      const session = await runtime.createSession(...args);
      const run: Session["run"] = async (feeds, fetches) => {
        const results = await session.run(feeds, fetches);
        const names = (arrays: typeof feeds, device: boolean): string[] =>
          [...arrays].flatMap(([name, array]) => (isDeviceTensor(array) === device ? [name] : []));
        runs.push({
          fedOnDevice: names(feeds, true).length,
          fedFromHost: names(feeds, false),
          leftOnDevice: names(results, true).length,
          downloaded: names(results, false),
        });
        return results;
      };
      return {
        inputNames: session.inputNames,
        outputNames: session.outputNames,
        run,
        dispose: () => session.dispose(),
      };
    },
  };
}

async function open(): Promise<Runtime> {
  const runtime = watched(await webRuntime({ device: "webgpu", wasmUrl: "/ort/ort-wasm-simd-threaded.asyncify.wasm" }));
  makeTalkative(engine);
  runs.length = 0;
  return runtime;
}

Object.assign(globalThis, {
  checks: {
    forward: async (): Promise<readonly number[]> => forward(await open()),
    train: async (): Promise<Training & { readonly runs: readonly Places[] }> => {
      const training = await train(await open());
      return { ...training, runs: [...runs] };
    },
  },
});
