/** Compiled functions. */

export { type CompileOptions, compile, compileGraph, evaluatorFor } from "./compile.ts";
export { Executable, type RunOptions } from "./executable.ts";
export { type Spec, type Specs, type TensorFunction, traceGraph, withTaps } from "./trace.ts";
