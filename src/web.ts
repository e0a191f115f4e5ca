/**
 * The door for browsers: tensors, gradients and compiled functions on WebAssembly or WebGPU, pictures decoded by the page, models loaded from
 * an address.
 *
 * `vitrine/nn`, `vitrine/models` and the other doors named in `vitrine` work beside it.
 */

import { useRuntime } from "./compile/index.ts";
import { webRuntime } from "./runtime/web.ts";

export * from "./core.ts";
export { type DecodeWebOptions, decodeImage } from "./data/decode-web.ts";
export { type LoadWebOptions, loadPretrained } from "./pretrained/load-web.ts";

useRuntime(webRuntime);
