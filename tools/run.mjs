/** Runs a TypeScript file of this repository: `node tools/run.mjs FILE ARGUMENT…`. */

import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";

const [file, ...args] = process.argv.slice(2);
const folder = "node_modules/.cache/vitrine/run";
mkdirSync(folder, { recursive: true });
const outfile = join(folder, `${basename(file, ".ts")}.mjs`);
await build({ entryPoints: [file], outfile, bundle: true, format: "esm", platform: "node", packages: "external", target: "node20", sourcemap: "inline", logLevel: "warning" });
process.exitCode = spawnSync(process.execPath, ["--enable-source-maps", outfile, ...args], { stdio: "inherit" }).status ?? 1;
