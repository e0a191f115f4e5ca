/**
 * What the process' exit code says, in one place.
 *
 * | code | meaning |
 * |---|---|
 * | 0 | done |
 * | 1 | the job failed, or a check did not hold |
 * | 2 | wrong usage: an unknown verb, option or name, or a value outside its range |
 * | 130, 143 | stopped by Ctrl-C (SIGINT), by SIGTERM |
 */

import { type ErrorCode, VitrineError } from "../errors.ts";

export const done = 0;
export const failed = 1;
export const wrongUsage = 2;

/** Errors that are about what was typed, not about what was found. */
const usageCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["INVALID_ARGUMENT", "UNKNOWN_NAME"]);

/** The exit code of a process that a signal stopped. */
export function exitCodeOfSignal(name: unknown): number {
  return name === "SIGTERM" ? 143 : 130;
}

/** The exit code for an error of a verb. */
export function exitCodeOf(error: unknown, signal?: AbortSignal): number {
  if (!(error instanceof VitrineError)) return failed;
  if (error.code === "INTERRUPTED") return exitCodeOfSignal(signal?.reason);
  return usageCodes.has(error.code) ? wrongUsage : failed;
}
