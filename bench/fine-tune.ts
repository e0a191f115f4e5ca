/**
 * Linear probe, adapters and full fine-tuning on a folder of photographs, beside the same three in PyTorch with timm and PEFT with the same settings: seconds and
 * validation accuracy of each seed.
 *
 *     PYTHON=/path/to/python node tools/run.mjs bench/fine-tune.ts DATA WEIGHTS ARCHITECTURE [--seeds 5] [--epochs N] [--only probe,lora,full] [--threads 2] [--set NAME=JSON]…
 *
 * DATA has `train/` and `val/`; that Python needs torch, timm and peft, and without PYTHON only our side is measured. The two sides take turns.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openFolder, splitFolders } from "../src/data/datasets/folder-node.ts";
import { loadPretrained } from "../src/pretrained/load-node.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import { adapterTuning, fineTuning, probing, type Recipe, recipeFrom } from "../src/train/recipe.ts";
import { trainInFolder } from "../src/train/run-node.ts";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: "string", default: "5" },
    epochs: { type: "string" },
    only: { type: "string", default: "probe,lora,full" },
    threads: { type: "string", default: "2" },
    set: { type: "string", multiple: true, default: [] },
  },
});
const [data = "", weights = "", arch = ""] = positionals;
const threads = Number(values.threads);
const bases: Readonly<Record<string, Recipe>> = { probe: probing, lora: adapterTuning, full: fineTuning };
const changes = Object.fromEntries(
  values.set.map((one) => [one.slice(0, one.indexOf("=")), JSON.parse(one.slice(one.indexOf("=") + 1))]),
);
if (values.epochs) changes.epochs = Number(values.epochs);

/** What one training came to. */
interface Result {
  readonly seconds: number;
  /** Validation accuracy after each epoch. */
  readonly accuracies: readonly number[];
}

const folders = await splitFolders(data);
const train = await openFolder(folders.train);
const validation = await openFolder(folders.validation!, { classes: train.classes });
const scratch = mkdtempSync(join(tmpdir(), "fine-tune-"));

async function ours(recipe: Recipe, seed: number): Promise<Result> {
  const pretrained = await loadPretrained(weights, { arch, newHead: { labels: train.classes, seed } });
  const runtime = await nodeRuntime({ threads });
  const folder = join(scratch, `${recipe.tune}-${seed}`);
  const accuracies: number[] = [];
  const start = performance.now();
  for await (const event of trainInFolder({ pretrained, train, validation, recipe, seed, folder, runtime, workers: 2 }))
    if (event.type === "epoch.end") accuracies.push(event.validation!.accuracy);
  return { seconds: (performance.now() - start) / 1000, accuracies };
}

async function theirs(python: string, recipe: Recipe, seed: number): Promise<Result> {
  const { preprocessing } = await loadPretrained(weights, { arch });
  const list = ({ source: { files, labels } }: typeof train) => files.map((file, i) => [file, labels[i]]);
  const job = { weights, arch, threads, seed, preprocessing, recipe, train: list(train), validation: list(validation) };
  const path = join(scratch, "job.json");
  writeFileSync(path, JSON.stringify(job));
  const text = execFileSync(python, ["tools/torch-fine-tune.py", path], { encoding: "utf8" });
  return JSON.parse(text.trim().split("\n").at(-1)!) as Result;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const median = (numbers: readonly number[]): number => [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!;

try {
  console.log(`${train.length} + ${validation.length} images, ${threads} threads`);
  for (const tune of values.only.split(",")) {
    const recipe = recipeFrom(bases[tune]!, changes, "--set");
    const sides: Record<string, Result[]> = {};
    for (let seed = 1; seed <= Number(values.seeds); seed++) {
      const runs: [string, () => Promise<Result>][] = [["vitrine", () => ours(recipe, seed)]];
      const { PYTHON } = process.env;
      if (PYTHON) runs.push(["torch + timm + peft", () => theirs(PYTHON, recipe, seed)]);
      for (const [side, run] of runs) {
        const result = await run();
        sides[side] = [...(sides[side] ?? []), result];
        const best = percent(Math.max(...result.accuracies));
        const last = percent(result.accuracies.at(-1)!);
        console.log(`${tune} seed ${seed} ${side}: ${result.seconds.toFixed(1)} s, last ${last}, best ${best}`);
      }
    }
    for (const [side, results] of Object.entries(sides)) {
      const seconds = median(results.map((one) => one.seconds)).toFixed(1);
      const last = percent(median(results.map(({ accuracies }) => accuracies.at(-1)!)));
      const best = percent(median(results.map(({ accuracies }) => Math.max(...accuracies))));
      console.log(`${tune} median ${side}: ${seconds} s, last ${last}, best ${best}`);
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
