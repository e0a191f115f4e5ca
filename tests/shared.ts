/** Where the reference material lies that is too large for the repository; tests that need it are skipped where it is absent. */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = process.env.VITRINE_SHARED ?? fileURLToPath(new URL("../../shared", import.meta.url));

/** True where the folder with reference numbers, photographs and weights is present. */
export const hasShared: boolean = existsSync(`${root}/goldens`);

/** Path of something in that folder. */
export function sharedPath(...parts: readonly string[]): string {
  return [root, ...parts].join("/");
}
