/** Which operators of a graph ONNX Runtime leaves to the processor, read from its log: it tells nowhere else. */

import type { InferenceSession } from "onnxruntime-common";

/** The part of the engine that its log depends on. */
interface Engine {
  readonly InferenceSession: { create: unknown };
  readonly env: { logLevel?: "verbose" | "info" | "warning" | "error" | "fatal" };
}

/** Lets the engine of a page say where it places nodes; it does so only in its most talkative log. */
export function makeTalkative({ InferenceSession, env }: Engine): void {
  const create = InferenceSession.create as (...args: readonly unknown[]) => Promise<InferenceSession>;
  (InferenceSession as { create: unknown }).create = (model: unknown, options: object) =>
    create.call(InferenceSession, model, { ...options, logSeverityLevel: 0, logVerbosityLevel: 1 });
  env.logLevel = "verbose";
}

/**
 * Operators that the engine's log says are computed on the processor, in alphabetical order, each as often as there is; `all of a graph` where it has
 * the whole graph, whose operators the log does not name.
 */
export function leftToProcessor(log: readonly string[]): readonly string[] {
  const found: string[] = [];
  let onProcessor = false;
  for (const line of log) {
    const device = /placed on \[(\w+)\]/.exec(line)?.[1];
    const operator = /\] {2,}(\w+) \(.*\)/.exec(line)?.[1];
    if (device === "CPUExecutionProvider" && line.includes("All nodes placed")) found.push("all of a graph");
    if (device) onProcessor = device === "CPUExecutionProvider";
    else if (onProcessor && operator) found.push(operator);
    else onProcessor = false;
  }
  return found.sort();
}
