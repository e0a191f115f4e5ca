/** The script that a worker thread starts with: a file of the built package, or, from sources, one bundled when it is needed. */

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { VitrineError } from "../errors.ts";

/**
 * The URL of the script of the worker `name`.
 * @param source URL of its TypeScript source, from which the script is made where the package is not built
 */
export async function workerEntry(name: string, source: URL): Promise<URL> {
  if (!import.meta.url.endsWith(".ts")) return builtEntry(name);
  const { build } = await import("esbuild");
  const bundle = await build({
    entryPoints: [fileURLToPath(source)],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
  });
  const text = bundle.outputFiles[0]!.text;
  // Inside node_modules, so that packages are found from there.
  const folder = fileURLToPath(new URL("../../node_modules/.cache/vitrine", import.meta.url));
  const file = `${folder}/${name}-${createHash("sha256").update(text).digest("hex").slice(0, 16)}.mjs`;
  if (!existsSync(file)) {
    await mkdir(folder, { recursive: true });
    const temporary = `${file}.${process.pid}`;
    await writeFile(temporary, text);
    await rename(temporary, file);
  }
  return pathToFileURL(file);
}

/** Parts of the built package lie at most one folder below its root. */
function builtEntry(name: string): URL {
  for (const root of ["./", "../"]) {
    const entry = new URL(`${root}workers/${name}.js`, import.meta.url);
    if (existsSync(fileURLToPath(entry))) return entry;
  }
  throw new VitrineError("NOT_AVAILABLE", {
    rule: "the package must contain the scripts of its worker threads",
    evidence: `workers/${name}.js is not beside ${import.meta.url}`,
    next: "reinstall the package",
  });
}
