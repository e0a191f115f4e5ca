/** Where the code of a worker thread lies: in the built package, or, when running from TypeScript sources, bundled on the spot. */

import { existsSync, mkdirSync, renameSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { VitrineError } from "../errors.ts";

const bundled = new Map<string, URL>();

/**
 * The file to start a worker thread from.
 *
 * The build writes each worker to `dist/workers/NAME.js`. From sources, `source` is bundled by esbuild, a development dependency, into `node_modules/.cache`.
 * @param name - `loader`, `session`, …
 * @param source - the worker's TypeScript file, `new URL("./loader-worker-node.ts", import.meta.url)`.
 * @throws {VitrineError} NOT_AVAILABLE when neither is there.
 */
export function workerEntry(name: string, source: URL): URL {
  const here = import.meta.url;
  if (!here.endsWith(".ts")) {
    // The bundler may have put this code beside `workers/` or one folder deeper.
    const built = ["workers", "../workers"]
      .map((folder) => new URL(`${folder}/${name}.js`, here))
      .find((url) => existsSync(url));
    if (built !== undefined) return built;
    throw new VitrineError("NOT_AVAILABLE", {
      rule: "a worker thread needs its file in dist/workers",
      evidence: `no ${name}.js`,
      next: "build the package again",
    });
  }
  const known = bundled.get(name);
  if (known !== undefined) return known;
  const { buildSync } = createRequire(here)("esbuild") as typeof import("esbuild");
  const folder = fileURLToPath(new URL("../../node_modules/.cache/vitrine/workers", here));
  mkdirSync(folder, { recursive: true });
  const target = `${folder}/${name}.mjs`;
  // Several processes may do this at once: each writes a file of its own and then renames it.
  const draft = `${folder}/${name}-${process.pid}.mjs`;
  buildSync({
    entryPoints: [fileURLToPath(source)],
    outfile: draft,
    bundle: true,
    platform: "node",
    format: "esm",
    packages: "external",
    logLevel: "silent",
  });
  renameSync(draft, target);
  const url = pathToFileURL(target);
  bundled.set(name, url);
  return url;
}
