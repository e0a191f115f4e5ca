import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { shapesDataset } from "../../src/data/datasets/shapes.ts";
import { newPretrained } from "../../src/pretrained/new.ts";
import type { Pretrained } from "../../src/pretrained/pretrained.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import type { TrainEvent } from "../../src/train/events.ts";
import { fromScratch, type Recipe } from "../../src/train/recipe.ts";
import { type RunOptions, trainInFolder } from "../../src/train/run-node.ts";
import { all, interrupted } from "./runs.ts";

const runtime = await nodeRuntime({ threads: 1 });
const train = shapesDataset({ split: "train", length: 50 });
const validation = shapesDataset({ split: "validation", length: 20 });

/** Everything that resuming must restore: dropped paths, mixed batches, erased pixels, layer-wise rates, clipping. */
const recipe: Recipe = {
  ...fromScratch,
  epochs: 3,
  batchSize: 12,
  learningRate: 3e-3,
  layerDecay: 0.8,
  mixup: 0.2,
  cutmix: 1,
  erase: 0.25,
  colorJitter: 0.2,
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "run-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function fresh(): Pretrained {
  const options = { imageSize: 32, patchSize: 8, width: 16, depth: 2, heads: 2, dropPath: 0.2, dropout: 0.1 };
  const pretrained = newPretrained("vit_tiny_patch16_224", { labels: train.classes, options });
  pretrained.model.initialize(5);
  return pretrained;
}

const options = (changes: Partial<RunOptions> = {}): RunOptions => ({
  pretrained: fresh(),
  train,
  validation,
  recipe,
  seed: 3,
  folder: join(folder, "out"),
  runtime,
  workers: 0,
  ...changes,
});

const finalCheckpoint = (name: string): Promise<Buffer[]> =>
  Promise.all(
    ["model", "optimizer"].map((part) =>
      readFile(join(folder, name, "checkpoints", "step-00000012", `${part}.safetensors`)),
    ),
  );

test("a run ends with a model, a recipe, a log and checkpoints", async () => {
  const events = await all(trainInFolder(options()));
  expect(events.map((e) => e.type).filter((type) => type !== "step")).toEqual([
    "run.start",
    ...Array(3).fill(["epoch.end", "checkpoint"]).flat(),
    "run.end",
  ]);
  expect(events.filter((e) => e.type === "step")).toHaveLength(12);
  expect((await readdir(join(folder, "out"))).sort()).toEqual([
    "checkpoints",
    "config.json",
    "log.csv",
    "log.jsonl",
    "model.safetensors",
    "preprocessor_config.json",
    "recipe.json",
    "tensorboard",
  ]);
  const log = (await readFile(join(folder, "out", "log.jsonl"), "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as TrainEvent);
  expect(log.map((e) => e.type)).toEqual(events.map((e) => e.type));
});

test("a run stopped anywhere and continued ends with the same bits", async () => {
  await all(trainInFolder(options()));
  const straight = await finalCheckpoint("out");
  for (const steps of [1, 4, 6, 11]) {
    const name = `stopped-${steps}`;
    await interrupted(steps, options({ folder: join(folder, name) }));
    const events = await all(trainInFolder(options({ folder: join(folder, name), resume: true, workers: 2 })));
    expect(events[0]).toMatchObject({ type: "run.start", resumedAt: steps });
    const resumed = await finalCheckpoint(name);
    for (const [i, bytes] of resumed.entries()) expect(bytes.equals(straight[i]!), `stopped after ${steps}`).toBe(true);
    const log = (await readFile(join(folder, name, "log.jsonl"), "utf8")).trim().split("\n");
    const steppedLines = log
      .map((line) => JSON.parse(line) as TrainEvent)
      .flatMap((e) => (e.type === "step" ? [e.step] : []));
    expect(steppedLines).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
  }
});

test("a second run into the same folder is refused, and the first is untouched", async () => {
  const short = options({ recipe: { ...recipe, epochs: 1 } });
  await all(trainInFolder(short));
  const before = await readFile(join(short.folder, "model.safetensors"));
  await expect(all(trainInFolder(options()))).rejects.toThrow("the output folder must be new or empty");
  expect((await readFile(join(short.folder, "model.safetensors"))).equals(before)).toBe(true);
});

test("continuing with other settings is refused", async () => {
  await interrupted(2, options());
  await expect(all(trainInFolder(options({ resume: true, seed: 4 })))).rejects.toThrow(
    "continued with the data, model, recipe and seed",
  );
});

test("a folder with something else is not written to", async () => {
  await mkdir(join(folder, "out"));
  await writeFile(join(folder, "out", "holiday.txt"), "");
  await expect(all(trainInFolder(options()))).rejects.toThrow("it holds holiday.txt");
  await expect(all(trainInFolder(options({ resume: true })))).rejects.toThrow("it has no recipe.json");
  expect(await readdir(join(folder, "out"))).toEqual(["holiday.txt"]);
});

test("classes of another data set are refused before anything is written", async () => {
  const wrong = { ...fresh(), labels: ["ant", "bee"] };
  await expect(all(trainInFolder(options({ pretrained: wrong })))).rejects.toThrow("must have the same classes");
  expect(await readdir(folder)).toEqual([]);
});

test("many steps on one small batch bring its loss near zero", async () => {
  const few = shapesDataset({ split: "train", length: 10 });
  const easy: Recipe = {
    ...fromScratch,
    epochs: 150,
    batchSize: 10,
    learningRate: 5e-3,
    crop: "none",
    flip: 0,
    labelSmoothing: 0,
    weightDecay: 0,
  };
  const plain = newPretrained("vit_tiny_patch16_224", {
    labels: train.classes,
    options: { imageSize: 32, patchSize: 8, width: 32, depth: 2, heads: 2 },
  });
  const events = await all(
    trainInFolder(options({ pretrained: plain, train: few, validation: undefined, recipe: easy })),
  );
  const last = events.findLast((e) => e.type === "step");
  expect(last?.loss).toBeLessThan(0.05);
});
