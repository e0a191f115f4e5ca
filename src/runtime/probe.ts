/** Finds out whether a device works, since a missing driver only shows when a session runs. */

import { VitrineError } from "../errors.ts";
import { inputValue, makeNode } from "../graph/graph.ts";
import { encodeModel } from "../onnx/encode.ts";
import type { Runtime } from "./runtime.ts";

/**
 * Runs one addition.
 * @param next what the user can do when it fails
 * @throws {VitrineError} NOT_AVAILABLE when the device cannot run it.
 */
export async function probe(runtime: Runtime, next: string): Promise<void> {
  const x = inputValue("x", "float32", [2]);
  const y = makeNode("Add", [x, x], {}, "probe").outputs[0]!;
  const model = encodeModel({ inputs: [x], outputs: new Map([["y", y]]), updates: new Map() });
  try {
    const session = await runtime.createSession(model);
    await session.run(new Map([["x", { dtype: "float32", shape: [2], data: Float32Array.of(1, 2) }]]));
    await session.dispose();
  } catch (cause) {
    throw new VitrineError("NOT_AVAILABLE", {
      rule: `the device ${runtime.device} must be usable`,
      evidence: cause instanceof VitrineError ? (cause.fields.evidence ?? cause.message) : String(cause),
      next,
      cause,
    });
  }
}
