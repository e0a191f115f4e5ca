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

/** The folder of the model that sends pictures to the others. */
const router = "router";

/** Where the package's router is. */
export function packagedRouter(): string {
  return join(packageFolder(), "models", router);
}

/** What a model reads: a model of words comes with a tokenizer. */
export type PackagedKind = "images" | "words";

/** Folders of the packaged checkpoints of one kind, by name. */
export function packagedModels(
  folder: string = join(packageFolder(), "models"),
  kind: PackagedKind = "images",
): ReadonlyMap<string, string> {
  if (!existsSync(folder)) return new Map();
  const entries = readdirSync(folder, { withFileTypes: true }).filter((entry) => {
    const own = join(folder, entry.name);
    const isModel = entry.isDirectory() && entry.name !== router && existsSync(join(own, "config.json"));
    return isModel && holdsWords(own) === (kind === "words");
  });
  return new Map(entries.map(({ name }) => [name, join(folder, name)]));
}

/** Whether a folder holds a model of words, and not one of images. */
export function holdsWords(folder: string): boolean {
  return readdirSync(folder).some((file) =>
    /^(?:tokenizer|vocab|encoder)\b.*\.json$|^source_vocabulary\.txt$/.test(file),
  );
}
