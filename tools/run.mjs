/** Runs a TypeScript file of this repository: `node tools/run.mjs FILE ARGUMENT…`. */

import { spawnSync } from "node:child_process";
import { basename } from "node:path";
import { build } from "esbuild";
import { workers } from "./workers.mjs";

const [file, ...args] = process.argv.slice(2);
const name = basename(file, ".ts");
const outdir = `node_modules/.cache/vitrine/run/${name}`;
await build({
  entryPoints: { [name]: file, ...workers },
  outdir,
  bundle: true,
  format: "esm",
  platform: "node",
  packages: "external",
  target: "node20",
  sourcemap: "inline",
  logLevel: "warning",
});
process.exitCode =
  spawnSync(process.execPath, ["--enable-source-maps", `${outdir}/${name}.js`, ...args], { stdio: "inherit" }).status ??
  1;
