/** Compiled functions. */

export { type CompileOptions, compile, compileGraph, evaluatorFor } from "./compile.ts";
export { Executable, type RunOptions } from "./executable.ts";
export { accumulateGradients, type LossFunction, type LossOutputs, partsFor } from "./micro-batches.ts";
export { type Spec, type Specs, type TensorFunction, traceGraph, withTaps } from "./trace.ts";
export { useRuntime } from "./use-runtime.ts";
