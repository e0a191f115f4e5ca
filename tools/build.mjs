/**
 * Builds `dist/`: one bundle per door of the package, with shared chunks, and type declarations beside them (`--no-types`: without).
 * `--cli DIR` builds the command line alone, into another folder: what its tests run.
 */

import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, rmSync } from "node:fs";
import { build } from "esbuild";
import { workers } from "./workers.mjs";

const { exports: doors } = JSON.parse(readFileSync("package.json", "utf8"));

/** `./dist/nn/index.js` ← `src/nn/index.ts`. */
const sourceOf = (file) => file.replace("./dist/", "src/").replace(/\.js$/, ".ts");

const entries = {
  "cli/main": "src/cli/main.ts",
  ...workers,
};
const cli = process.argv.includes("--cli") ? process.argv[process.argv.indexOf("--cli") + 1] : undefined;
const folder = cli ?? "dist";
for (const target of cli ? [] : Object.values(doors)) {
  const file = target.default ?? target;
  if (file.endsWith(".js")) entries[file.slice("./dist/".length, -3)] = sourceOf(file);
}

rmSync(folder, { recursive: true, force: true });
await build({
  entryPoints: entries,
  outdir: folder,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "neutral",
  conditions: ["node"],
  mainFields: ["module", "main"],
  packages: "external",
  external: ["node:*"],
  target: "node20",
  sourcemap: true,
  // Summaries and errors print the names of classes.
  keepNames: true,
  logLevel: "warning",
});
chmodSync(`${folder}/cli/main.js`, 0o755);
if (!cli && !process.argv.includes("--no-types"))
  execFileSync("npx", ["tsc", "-p", "tsconfig.build.json"], { stdio: "inherit" });
