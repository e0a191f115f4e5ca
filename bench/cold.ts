/**
 * How long a cold `vitrine classify` of one photograph takes, from the start of the process to its end.
 *
 *     npm run build && node tools/run.mjs bench/cold.ts PHOTO WEIGHTS [ARCH] [RUNS]
 */

import { spawnSync } from "node:child_process";
import { resolve } from "node:path";

const [photo, weights, arch = "vit_tiny_patch16_224", runs = "20"] = process.argv.slice(2);
if (!photo || !weights) throw new Error("usage: bench/cold.ts PHOTO WEIGHTS [ARCH] [RUNS]");
const args = [resolve("dist/cli/main.js"), "classify", photo, "--model", weights, "--arch", arch, "--json"];
const seconds = Array.from({ length: Number(runs) }, () => {
  const before = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return (performance.now() - before) / 1000;
}).sort((a, b) => a - b);
const at = (share: number): string => `${seconds[Math.floor(share * (seconds.length - 1))]!.toFixed(2)} s`;
console.log(`${arch}: median ${at(0.5)}, fastest ${at(0)}, slowest ${at(1)} of ${seconds.length} cold runs`);
