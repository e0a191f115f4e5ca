/**
 * Runs recipes as anybody would, in a process of their own, and prints what they came to beside what they should:
 *
 *     npm run build && node tools/run.mjs bench/recipes.ts [NAME…] [--data ../shared/data] [--seeds 1] [--threads 2] [--main dist/cli/main.js] [--keep DIR]
 *
 * Without NAME it lists the recipes. `--seeds` runs only the first so many. `--keep` leaves the runs' folders there. Exit code 1 if a measured number does not come out again.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { cifar10Folder } from "./cifar-folder.ts";
import { type RecipeFile, readRecipes } from "./recipe-file.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: "string", default: "../shared/data" },
    seeds: { type: "string", default: "1000" },
    threads: { type: "string", default: "2" },
    main: { type: "string", default: "dist/cli/main.js" },
    keep: { type: "string" },
  },
});
const recipes = readRecipes("recipes");
const data = resolve(values.data);
const place = values.keep ? resolve(values.keep) : mkdtempSync(join(tmpdir(), "vitrine-recipes-"));
mkdirSync(place, { recursive: true });

const share = (value: number): string => `${(100 * value).toFixed(2)} %`;

if (positionals.length === 0)
  for (const { name, about, expected, minutes } of recipes.values())
    console.log(
      `${name.padEnd(20)} ${share(expected.accuracy).padStart(8)} ${expected.origin.padEnd(9)} ${String(minutes).padStart(5)} min  ${about}`,
    );

let failed = false;
for (const name of positionals) {
  const recipe = recipes.get(name);
  if (!recipe) throw new Error(`no recipe ${name}; there are ${[...recipes.keys()].join(", ")}`);
  const missing = recipe.needs.filter((path) => !existsSync(join(data, path)));
  if (missing.length > 0) {
    console.log(`${name}: left out, ${data} has no ${missing.join(", ")}`);
    continue;
  }
  failed = !(await measure(recipe)) || failed;
}
if (!values.keep) rmSync(place, { recursive: true });
process.exitCode = failed ? 1 : 0;

/** Prints a recipe's seeds and their median. @returns whether it is what was measured before */
async function measure({
  name,
  before,
  command,
  settings,
  seeds,
  expected,
  minutes,
  hardware,
  make,
}: RecipeFile): Promise<boolean> {
  const made = make ? await cifar10Folder(data, place) : "";
  const first = join(place, `${name}-before`);
  const filled = (words: readonly string[]): readonly string[] =>
    words.map((word) => word.replace("{data}", data).replace("{made}", made).replace("{before}", first));
  const args = filled(command);
  const config = join(place, `${name}.json`);
  writeFileSync(config, JSON.stringify(settings));
  const accuracies: number[] = [];
  for (const seed of seeds.slice(0, Number(values.seeds))) {
    const out = join(place, `${name}-${seed}`);
    rmSync(out, { recursive: true, force: true });
    const started = performance.now();
    if (before) {
      rmSync(first, { recursive: true, force: true });
      vitrine([...filled(before), "--seed", String(seed), "--out", first, "--quiet"]);
    }
    vitrine([...args, "--config", config, "--seed", String(seed), "--out", out, "--no-report", "--quiet"]);
    const took = (performance.now() - started) / 60_000;
    const where = args.indexOf("--data-dir");
    const from = where < 0 ? [] : args.slice(where, where + 2);
    const { accuracy, count } = vitrine(["eval", out, args[1]!, ...from, "--quiet"]) as Record<
      "accuracy" | "count",
      number
    >;
    accuracies.push(accuracy);
    console.log(`${name} seed ${seed}: ${share(accuracy)} of ${count}, ${took.toFixed(1)} min`);
  }
  const median = accuracies.sort((a, b) => a - b)[(accuracies.length - 1) >> 1]!;
  const same = Math.abs(median - expected.accuracy) <= expected.tolerance;
  const reached = median >= expected.accuracy - expected.tolerance;
  const verdict =
    expected.origin === "measured"
      ? same
        ? "as before"
        : "NOT as before"
      : reached
        ? "aim reached"
        : "aim not reached";
  console.log(
    `${name}: ${share(median)}, expected ${share(expected.accuracy)} ± ${share(expected.tolerance)} (${expected.origin}, ${minutes} min on ${hardware}): ${verdict}`,
  );
  return expected.origin === "aim" || same;
}

/** One call of the command line; its `--json` document. */
function vitrine(args: readonly string[]): unknown {
  const all = [resolve(values.main), ...args, "--threads", values.threads, "--json"];
  const { status, stdout } = spawnSync(process.execPath, all, {
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`vitrine ${args.join(" ")} ended with ${status}`);
  return JSON.parse(stdout.toString());
}
