/** A model that begins as another is now. */

import { VitrineError } from "../../errors.ts";
import type { Module } from "../../nn/module.ts";

/**
 * Gives a model the numbers of another of the same shape; each goes on with arrays of its own.
 * @returns `to`
 * @throws {VitrineError} SHAPE_MISMATCH for a variable that `from` has not, or has in another shape.
 */
export function copyWeights<M extends Module>(to: M, from: Module): M {
  const sources = from.variables();
  for (const [name, variable] of to.variables()) {
    const source = sources.get(name);
    if (source?.shape.join() !== variable.shape.join())
      throw new VitrineError("SHAPE_MISMATCH", {
        rule: `copyWeights: ${name} is [${variable.shape.join(", ")}]`,
        evidence: source ? `got [${source.shape.join(", ")}]` : "the other model has none",
      });
    variable.data = { ...source.data, data: source.data.data.slice() };
  }
  return to;
}
