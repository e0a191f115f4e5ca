/** What lies where a model is wanted. Node only. */

import { statSync } from "node:fs";
import { VitrineError } from "../errors.ts";

/**
 * What is at a path; `undefined` where nothing is, or nothing can be: a text may be longer than any path.
 * @throws {VitrineError} NOT_FOUND where the system does not let this process look.
 */
export function kindOnDisk(path: string): "directory" | "file" | undefined {
  try {
    return statSync(path).isDirectory() ? "directory" : "file";
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== "EACCES" && code !== "EPERM") return undefined;
    throw new VitrineError("NOT_FOUND", {
      rule: "a model's file or folder must be readable",
      evidence: code,
      place: path,
      cause,
    });
  }
}
