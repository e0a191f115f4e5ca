/**
 * The whole training loop (decode, augment, step) beside timm's loader and loop, same model, images, batches and changes of images: images/s of each, which take turns
 * epoch by epoch; medians.
 *
 *     PYTHON=/path/to/python node tools/run.mjs bench/loop.ts [--data ../shared/data] [--repetitions 5] [--only NAME,…] [--images 1280] [--workers 2] [--threads 2]
 *
 * That Python needs torch, torchvision and timm; without PYTHON only ours is measured. Threads compute, `--workers` threads or processes make batches; both sides
 * have the same numbers, and `--theirs N` gives the other side another number of workers. `--images` is the length of an epoch where there are more.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { openFolder } from "../src/data/datasets/folder-node.ts";
import { chooseRecipe } from "../src/inspect/choose-recipe.ts";
import { loadPretrained } from "../src/pretrained/load-node.ts";
import { presetForPictures, presets } from "../src/train/presets.ts";
import { fineTuning, fromScratch, type Recipe } from "../src/train/recipe.ts";
import { cameraFolder } from "./camera-folder.ts";
import { cifar10Folder } from "./cifar-folder.ts";
import { Contestant, median } from "./contestant.ts";
import { filesOf, type LoopJob, timmArguments } from "./loop-job.ts";

const { values } = parseArgs({
  options: {
    data: { type: "string", default: "../shared/data" },
    repetitions: { type: "string", default: "5" },
    only: { type: "string" },
    images: { type: "string", default: "1280" },
    workers: { type: "string", default: "2" },
    theirs: { type: "string" },
    threads: { type: "string", default: "2" },
  },
});
const data = resolve(values.data);
const most = Number(values.images);
const scratch = mkdtempSync(join(tmpdir(), "vitrine-loop-"));
const shared = { threads: Number(values.threads), workers: Number(values.workers), seed: 0 };
const plain = "vit_tiny_patch16_224";

/** Photographs of any size, from published weights. */
async function photographs(changes: Partial<Recipe>): Promise<LoopJob> {
  const train = await openFolder(join(data, "hymenoptera/train"));
  const weights = join(data, "vit-tiny-imagenet/model.safetensors");
  const { preprocessing } = await loadPretrained(weights, { arch: plain });
  const recipe = { ...fineTuning, ...changes, labelSmoothing: 0 };
  const files = filesOf(train, (_, i) => i < most);
  return { ...shared, train: files, model: plain, ours: {}, options: {}, weights, classes: 2, preprocessing, recipe };
}

/** Photographs as a camera makes them, for the model that `train` takes where nobody names one. @param kept as `train` does it: made smaller, and kept in memory */
async function fromCamera(kept: boolean): Promise<LoopJob> {
  const all = await openFolder(await cameraFolder(join(data, "hymenoptera/train"), scratch, Math.min(most, 64)));
  const [shorterSide, images] = [3024, all.length];
  const { options: ours, preprocessing, recipe: base } = presetForPictures(shorterSide);
  const [smallestClass, largestClass, inputSide] = [images, images, preprocessing.inputSize[1]];
  const facts = { images, classes: [], smallestClass, largestClass, weights: false, base, shorterSide, inputSide };
  const { presize } = chooseRecipe(facts).recipe;
  return {
    ...shared,
    train: filesOf(all),
    ...{ model: plain, ours, options: timmArguments(ours), classes: 2, preprocessing },
    ...{ recipe: { ...base, batchSize: 16, presize: kept ? presize : null }, room: kept ? 2.5e9 : undefined },
  };
}

/** Small PNG files, mixed, as the preset has them. */
async function smallFiles(changes: Partial<Recipe>): Promise<LoopJob> {
  const { options: ours, preprocessing, recipe } = presets.cifar10!;
  const all = await openFolder(join(await cifar10Folder(data, scratch), "train"));
  const lossless = filesOf(all, (file) => file.endsWith(".png"));
  const entries = lossless.kind === "files" ? lossless.entries : [];
  const each = Math.max(1, Math.floor(entries.length / most));
  return {
    ...shared,
    train: { kind: "files", entries: entries.filter((_, i) => i % each === 0).slice(0, most) },
    ...{ model: plain, ours, options: timmArguments(ours), classes: 10, preprocessing },
    recipe: { ...recipe, ...changes, batchSize: Math.min(recipe.batchSize, most) },
  };
}

/** Small grey images in memory; the preset's stem has no counterpart in timm for such images, so patches are plain. */
async function inMemory(): Promise<LoopJob> {
  const ours = { imageSize: 28, patchSize: 4, channels: 1 as const, width: 96, depth: 4, heads: 3, mlpWidth: 192 };
  return {
    ...shared,
    train: { kind: "idx", folder: join(data, "fashion-mnist"), count: 5 * most },
    ...{ model: plain, ours, options: timmArguments(ours), classes: 10 },
    preprocessing: presets["fashion-mnist"]!.preprocessing,
    recipe: { ...fromScratch, batchSize: 128, crop: "none", flip: 0.5 },
  };
}

const cases: Readonly<Record<string, readonly [about: string, job: () => Promise<LoopJob>]>> = {
  photographs: ["ViT-Ti/16 224 on JPEG photographs, crop and flip", () => photographs({})],
  "photographs-randaugment": [
    "the same with RandAugment m9 and random erasing",
    () => photographs({ autoAugment: "rand-m9-mstd0.5-inc1", erase: 0.25 }),
  ],
  camera: ["ViT 192 × 6 of 128 pixels on JPEG photographs of 12 megapixels, crop and flip", () => fromCamera(false)],
  "camera-kept": ["the same as `train` does it: made smaller, and kept in memory", () => fromCamera(true)],
  cifar10: ["ViT 192 × 9 on PNG of 32 pixels, shifts, mixup and CutMix", () => smallFiles({})],
  "cifar10-randaugment": [
    "the same, crops and RandAugment, nothing mixed",
    () =>
      smallFiles({ crop: "resized", cropScale: [0.6, 1], autoAugment: "rand-m9-mstd0.5-inc1", mixup: 0, cutmix: 0 }),
  ],
  "fashion-mnist": ["ViT 96 × 4 on IDX of 28 pixels, flip", inMemory],
};

/** Images that an epoch of whole batches has. */
function imagesOf({ train, recipe: { batchSize } }: LoopJob): number {
  const count = train.kind === "idx" ? train.count : train.entries.length;
  return Math.floor(count / batchSize) * batchSize;
}

const megabytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
const { PYTHON } = process.env;
const wanted = values.only?.split(",") ?? Object.keys(cases);
console.log(`threads ${shared.threads}, workers ${shared.workers}, ${values.repetitions} alternating epochs, medians`);
console.log("| loop | batch | images | vitrine images/s | timm images/s | times as fast | vitrine MB | timm MB |");
console.log("|---|---|---|---|---|---|---|---|");
try {
  for (const name of wanted) {
    const [about, make] = cases[name] ?? [];
    if (!make) throw new Error(`no case ${name}; there are ${Object.keys(cases).join(", ")}`);
    const job = await make();
    const file = join(scratch, `${name}.json`);
    const theirFile = join(scratch, `${name}-theirs.json`);
    writeFileSync(file, JSON.stringify(job));
    writeFileSync(theirFile, JSON.stringify({ ...job, workers: Number(values.theirs ?? job.workers) }));
    const ours = new Contestant(process.execPath, ["tools/run.mjs", "bench/loop-subject.ts", file]);
    await ours.read();
    const theirs = PYTHON ? new Contestant(PYTHON, ["tools/timm-peer.py", theirFile, "race"]) : undefined;
    await theirs?.read();
    const times: { readonly ours: number[]; readonly theirs: number[] } = { ours: [], theirs: [] };
    for (let i = 0; i < Number(values.repetitions); i++) {
      times.ours.push(await ours.repeat());
      if (theirs) times.theirs.push(await theirs.repeat());
    }
    const images = imagesOf(job);
    const our = images / median(times.ours);
    const their = theirs ? images / median(times.theirs) : Number.NaN;
    const memory = [await ours.end(), (await theirs?.end()) ?? Number.NaN].map(megabytes);
    const cells = [
      about,
      job.recipe.batchSize,
      images,
      our.toFixed(1),
      their.toFixed(1),
      (our / their).toFixed(2),
      ...memory,
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
