/**
 * What `vitrine` and `vitrine/web` both offer: tensors and their functions, gradients, compiled functions, errors. A door of its own, for code that
 * shall run in either.
 */

export * from "./compile/index.ts";
export { type ErrorCode, VitrineError } from "./errors.ts";
export * from "./gradient/index.ts";
export { type Dim, type Shape, SymbolicDim, shapeText, symbol } from "./graph/dim.ts";
export {
  type DType,
  fromFloat16,
  type NdArray,
  ndarray,
  type TypedArray,
  toFloat16,
  toFloat32,
} from "./graph/dtype.ts";
export { flops } from "./graph/flops.ts";
export type { Graph } from "./graph/graph.ts";
export { printGraph } from "./graph/print.ts";
export { foldIn, type Key, keyOf, type RandomStream, stream } from "./graph/random.ts";
export type { Distribution, Value, Variable } from "./graph/value.ts";
export {
  type Device,
  type DeviceTensor,
  isDeviceTensor,
  type RunArray,
  type Runtime,
  type Session,
  type SessionOptions,
} from "./runtime/runtime.ts";
export { type SelfCheck, selfCheck } from "./runtime/self-check.ts";
export { type WebDevice, type WebRuntimeOptions, webRuntime } from "./runtime/web.ts";
export * from "./tensor/dims.ts";
export * from "./tensor/elementwise.ts";
export * from "./tensor/movement.ts";
export * from "./tensor/products.ts";
export * from "./tensor/reduce.ts";
export { currentValue, recordUpdate } from "./tensor/scope.ts";
export { input, random, scalar, Tensor, type TensorLike, tap, tensor } from "./tensor/tensor.ts";
