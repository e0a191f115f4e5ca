/** What the package says of itself. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageFolder } from "../pretrained/packaged-node.ts";

/** Version of the package at work. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageFolder(), "package.json"), "utf8")) as { version: string };
  return version;
}
