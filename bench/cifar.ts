/**
 * CIFAR-10 on the 10,000 different training images of `cifar10/`, from random weights and from ImageNet's, beside timm: with the same recipe, and in the same time.
 *
 *     PYTHON=/path/to/python node tools/run.mjs bench/cifar.ts [--data ../shared/data] [--keep DIR] [--only scratch,tuned] [--epochs N] [--images N] [--test N] [--seed 0]
 *
 * Ours trains first. timm's loader, transforms, optimiser, scheduler and loop then train as many epochs; and where the times differ by more than a tenth, once
 * more as many as fit into the time that ours took. Test accuracy after the last epoch; seconds without the last evaluation. With `--keep` what was measured is not measured again, so that the bench can be run in
 * portions. Without PYTHON only ours is measured.
 */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { openFolder } from "../src/data/datasets/folder-node.ts";
import { loadPretrained } from "../src/pretrained/load-node.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import { evaluateDataset } from "../src/tasks/evaluate-node.ts";
import { presets } from "../src/train/presets.ts";
import { fineTuning, type Recipe } from "../src/train/recipe.ts";
import { trainInFolder } from "../src/train/run-node.ts";
import { cifar10Folder } from "./cifar-folder.ts";
import { datasetOf, filesOf, type JobImages, type LoopJob, modelOf, timmArguments } from "./loop-job.ts";

const { values } = parseArgs({
  options: {
    data: { type: "string", default: "../shared/data" },
    keep: { type: "string" },
    only: { type: "string", default: "scratch,tuned" },
    epochs: { type: "string" },
    images: { type: "string", default: "10000" },
    test: { type: "string", default: "10000" },
    workers: { type: "string", default: "2" },
    threads: { type: "string", default: "2" },
    seed: { type: "string", default: "0" },
  },
});
const data = resolve(values.data);
const place = values.keep ? resolve(values.keep) : mkdtempSync(join(tmpdir(), "vitrine-cifar-"));
mkdirSync(place, { recursive: true });
const plain = "vit_tiny_patch16_224";
const seed = Number(values.seed);

/** Every so many images, so that about `count` remain. */
async function images(part: "train" | "test", count: number): Promise<JobImages> {
  const all = await openFolder(join(await cifar10Folder(data, place), part));
  const each = all.length / Math.min(count, all.length);
  return filesOf(all, (_, i) => Math.floor(i / each) !== Math.floor((i - 1) / each));
}

const shared = {
  ...{ threads: Number(values.threads), workers: Number(values.workers), seed, model: plain, classes: 10 },
  train: await images("train", Number(values.images)),
  test: await images("test", Number(values.test)),
};
const asked: Partial<Recipe> = values.epochs === undefined ? {} : { epochs: Number(values.epochs) };
/** No batch is larger than all images. */
const fitting = (recipe: Recipe): Recipe => ({
  ...recipe,
  batchSize: Math.min(recipe.batchSize, Number(values.images)),
});

const jobs: Readonly<Record<string, () => Promise<LoopJob>>> = {
  // The preset, with its augmentation and mixing, in two thirds of its epochs.
  scratch: async () => {
    const { options: ours, preprocessing, recipe } = presets.cifar10!;
    return {
      ...shared,
      ours,
      options: timmArguments(ours),
      preprocessing,
      recipe: fitting({ ...recipe, epochs: 20, ...asked }),
    };
  },
  // Images of 96 pixels, three times their own size: 36 patches.
  tuned: async () => {
    const weights = join(data, "vit-tiny-imagenet/model.safetensors");
    const { preprocessing } = await loadPretrained(weights, { arch: plain, resize: { imageSize: 96, rule: "timm" } });
    const recipe = fitting({
      ...fineTuning,
      epochs: 6,
      batchSize: 64,
      learningRate: 3e-4,
      cropScale: [0.6, 1],
      ...asked,
    });
    return { ...shared, weights, ours: {}, options: { img_size: 96 }, preprocessing, recipe };
  },
};

/** What one training came to. */
interface Result {
  readonly epochs: number;
  readonly seconds: number;
  readonly accuracy: number;
}

async function ours(job: LoopJob): Promise<Result> {
  const { recipe, workers } = job;
  const train = await datasetOf(job.train, job.classes);
  const pretrained = await modelOf(job, train.classes);
  const runtime = await nodeRuntime({ threads: job.threads });
  const folder = join(place, "run");
  rmSync(folder, { recursive: true, force: true });
  const start = performance.now();
  for await (const event of trainInFolder({ pretrained, train, recipe, seed, folder, runtime, workers }))
    if (event.type === "epoch.end") console.error(`  epoch ${event.epoch + 1}: loss ${event.train.loss.toFixed(3)}`);
  const seconds = (performance.now() - start) / 1000;
  const { accuracy } = await evaluateDataset(pretrained, await datasetOf(job.test!, job.classes), runtime);
  return { epochs: recipe.epochs, seconds, accuracy };
}

function theirs(python: string, job: LoopJob, epochs: number): Result {
  const file = join(place, "job.json");
  writeFileSync(file, JSON.stringify({ ...job, recipe: { ...job.recipe, epochs } }));
  const text = execFileSync(python, ["tools/timm-peer.py", file, "train"], { encoding: "utf8" });
  return { epochs, ...(JSON.parse(text.trim().split("\n").at(-1)!) as Omit<Result, "epochs">) };
}

const known = join(place, "measured.json");
const measured: Record<string, Result> = existsSync(known) ? JSON.parse(readFileSync(known, "utf8")) : {};
async function once(name: string, measure: () => Promise<Result> | Result): Promise<Result> {
  measured[name] ??= await measure();
  writeFileSync(known, JSON.stringify(measured, null, 1));
  return measured[name];
}

const { PYTHON } = process.env;
try {
  console.log("| start | side | epochs | seconds | test accuracy |\n|---|---|---|---|---|");
  for (const name of values.only.split(",")) {
    if (!jobs[name]) throw new Error(`no ${name}; there are ${Object.keys(jobs).join(", ")}`);
    const job = await jobs[name]();
    const tell = (side: string, { epochs, seconds, accuracy }: Result): void =>
      console.log(`| ${name} | ${side} | ${epochs} | ${seconds.toFixed(0)} | ${(100 * accuracy).toFixed(2)} % |`);
    const our = await once(`${name} vitrine ${seed}`, () => ours(job));
    tell("vitrine", our);
    if (!PYTHON) continue;
    const same = await once(`${name} timm ${seed}`, () => theirs(PYTHON, job, job.recipe.epochs));
    tell("timm, same recipe", same);
    const times = our.seconds / same.seconds;
    if (Math.abs(times - 1) <= 0.1) continue;
    const epochs = Math.max(1, Math.round(same.epochs * times));
    tell("timm, same time", await once(`${name} timm in time ${seed}`, () => theirs(PYTHON, job, epochs)));
  }
} finally {
  if (!values.keep) rmSync(place, { recursive: true, force: true });
}
