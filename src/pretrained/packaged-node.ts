/** Checkpoints that come with the package, in its folder `models/`. */

import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The package's own folder: the nearest one above this file with a `package.json`, from sources and from the bundle alike. */
export function packageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json")) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

/** Folders of the packaged checkpoints, by name. */
export function packagedModels(folder: string = join(packageFolder(), "models")): ReadonlyMap<string, string> {
  if (!existsSync(folder)) return new Map();
  const entries = readdirSync(folder, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && existsSync(join(folder, entry.name, "config.json")),
  );
  return new Map(entries.map(({ name }) => [name, join(folder, name)]));
}
