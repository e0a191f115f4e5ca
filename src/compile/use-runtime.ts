/** Where `tensor.array()` computes. */

import type { Runtime } from "../runtime/runtime.ts";
import { installEvaluator } from "../tensor/index.ts";
import { evaluatorFor } from "./compile.ts";

/**
 * Makes `tensor.array()` compute on a runtime, for the whole process or page. The doors of the package name one already: `vitrine`
 * the processor, `vitrine/web` WebAssembly; call this for another device or another place of the engine's files.
 * @param runtime a runtime, or what opens one when the first tensor is read
 */
export function useRuntime(runtime: Runtime | (() => Promise<Runtime>)): void {
  let evaluate: Promise<ReturnType<typeof evaluatorFor>> | undefined;
  installEvaluator(async (values) => {
    evaluate ??= Promise.resolve(typeof runtime === "function" ? runtime() : runtime).then(evaluatorFor);
    return (await evaluate)(values);
  });
}
