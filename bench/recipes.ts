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
import { type Expected, type RecipeFile, readRecipes, type Training } from "./recipe-file.ts";

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

/** What a recipe is judged by, and how it is written. */
interface Figure {
  readonly name: "accuracy" | "BLEU" | "loss";
  readonly expected: number;
  text(value: number): string;
  /** Of what `vitrine eval` said. */
  of(evaluation: Record<string, unknown>): number;
  /** Options of `vitrine eval`. */
  readonly options: readonly string[];
}

function figureOf(expected: Expected): Figure {
  const accuracy = (value: number): string => `${(100 * value).toFixed(2)} %`;
  if ("accuracy" in expected)
    return {
      ...{ name: "accuracy", expected: expected.accuracy, text: accuracy, options: [] },
      of: (evaluation) => evaluation.accuracy as number,
    };
  if ("bleu" in expected)
    return {
      ...{ name: "BLEU", expected: expected.bleu, text: (value) => value.toFixed(2), options: ["--beams", "4"] },
      of: ({ bleu }) => (bleu as { readonly score: number }).score,
    };
  return {
    ...{ name: "loss", expected: expected.loss, text: (value) => value.toFixed(4), options: [] },
    of: (evaluation) => evaluation.loss as number,
  };
}

if (positionals.length === 0)
  for (const { name, about, expected, minutes } of recipes.values()) {
    const figure = figureOf(expected);
    console.log(
      `${name.padEnd(25)} ${figure.name.padEnd(8)} ${figure.text(figure.expected).padStart(8)} ${expected.origin.padEnd(9)} ${String(minutes).padStart(5)} min  ${about}`,
    );
  }

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
  before = [],
  command,
  settings,
  seeds,
  expected,
  minutes,
  hardware,
  make,
}: RecipeFile): Promise<boolean> {
  const made = make ? await cifar10Folder(data, place) : "";
  const figure = figureOf(expected);
  const filled = (words: readonly string[], earlier: string): readonly string[] =>
    words.map((word) =>
      word
        .replace("{data}", data)
        .replace("{made}", made)
        .replace("{before}", earlier)
        .replace(/\{part (\d+)\}/, (_, part: string) => earlier.replace(/\d+$/, part)),
    );
  /** One part, from the folder of the part before. */
  const train = (part: Training, out: string, earlier: string, seed: number): void => {
    const config = `${out}.json`;
    writeFileSync(config, JSON.stringify(part.settings));
    rmSync(out, { recursive: true, force: true });
    const its = Object.keys(part.settings).length > 0 ? ["--config", config] : [];
    const quiet = part.command[0] === "train" ? unreported(figure) : [];
    vitrine([...filled(part.command, earlier), ...its, "--seed", String(seed), "--out", out, ...quiet, "--quiet"]);
  };
  const found: number[] = [];
  for (const seed of seeds.slice(0, Number(values.seeds))) {
    const out = join(place, `${name}-${seed}`);
    const started = performance.now();
    let earlier = "";
    for (const [i, part] of before.entries()) {
      train(part, `${out}-part-${i + 1}`, earlier, seed);
      earlier = `${out}-part-${i + 1}`;
    }
    train({ command, settings }, out, earlier, seed);
    const took = (performance.now() - started) / 60_000;
    const args = filled(command, earlier);
    const evaluation = vitrine(["eval", out, args[1]!, ...kept(args), ...figure.options, "--quiet"]);
    const { count } = evaluation as { readonly count: number };
    const value = figure.of(evaluation as Record<string, unknown>);
    found.push(value);
    console.log(`${name} seed ${seed}: ${figure.name} ${figure.text(value)} of ${count}, ${took.toFixed(1)} min`);
  }
  const median = found.sort((a, b) => a - b)[(found.length - 1) >> 1]!;
  const { tolerance } = expected;
  const same = Math.abs(median - figure.expected) <= tolerance;
  const reached =
    figure.name === "loss" ? median <= figure.expected + tolerance : median >= figure.expected - tolerance;
  const verdict =
    expected.origin === "measured"
      ? same
        ? "as before"
        : "NOT as before"
      : reached
        ? "aim reached"
        : "aim not reached";
  console.log(
    `${name}: ${figure.text(median)}, expected ${figure.text(figure.expected)} ± ${figure.text(tolerance)} (${expected.origin}, ${minutes} min on ${hardware}): ${verdict}`,
  );
  return expected.origin === "aim" || same;
}

/** Texts have no report that could be left out. */
function unreported({ name }: Figure): readonly string[] {
  return name === "accuracy" ? ["--no-report"] : [];
}

/** The options of a training that its evaluation needs, too. */
function kept(args: readonly string[]): readonly string[] {
  return ["--data-dir", "--languages"].flatMap((option) => {
    const where = args.indexOf(option);
    return where < 0 ? [] : args.slice(where, where + 2);
  });
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
