/** Lazy tensors and the functions on them. */

export * from "./dims.ts";
export * from "./elementwise.ts";
export * from "./movement.ts";
export * from "./products.ts";
export * from "./recurrent.ts";
export * from "./reduce.ts";
export {
  currentPath,
  currentValue,
  insideModule,
  recordUpdate,
  type Trace,
  trace,
  withPath,
  withRepeat,
} from "./scope.ts";
export * from "./tensor.ts";
