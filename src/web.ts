/**
 * The door for browsers: tensors, gradients and compiled functions on WebAssembly or WebGPU, and pictures decoded by the page.
 *
 * `vitrine/nn`, `vitrine/models` and the other doors named in `vitrine` work beside it.
 */

import { useRuntime } from "./compile/index.ts";
import { webRuntime } from "./runtime/web.ts";

export * from "./core.ts";
export { type DecodeWebOptions, decodeImage } from "./data/decode-web.ts";

useRuntime(webRuntime);
