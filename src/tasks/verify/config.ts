/** Reading the arguments that a golden file says its reference was given. */

import { VitrineError } from "../../errors.ts";
import type { GoldenFile } from "./golden-file.ts";

/**
 * A number of the configuration.
 * @throws {VitrineError} INVALID_FILE when it is missing and has no fall-back, or is no number.
 */
export function configNumber({ config, case: place }: GoldenFile, name: string, fallback?: number): number {
  const value = config[name] ?? fallback;
  if (typeof value === "number") return value;
  throw new VitrineError("INVALID_FILE", {
    rule: `the configuration's "${name}" must be a number`,
    evidence: `got ${JSON.stringify(value) ?? "none"}`,
    place,
  });
}
