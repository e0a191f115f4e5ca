/** Runs with everything on that a recipe has: what resuming must restore, when they end, and what they say when they fail. */

import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { shapesDataset } from "../../src/data/datasets/shapes.ts";
import type { VitrineError } from "../../src/errors.ts";
import { newPretrained } from "../../src/pretrained/new.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import type { TrainEvent } from "../../src/train/events.ts";
import { fromScratch, type Recipe } from "../../src/train/recipe.ts";
import { type RunOptions, trainInFolder } from "../../src/train/run-node.ts";
import { all, interrupted } from "./runs.ts";

const runtime = await nodeRuntime({ threads: 1 });
const train = shapesDataset({ split: "train", length: 50 });
const validation = shapesDataset({ split: "validation", length: 20 });

const recipe: Recipe = {
  ...fromScratch,
  epochs: 3,
  batchSize: 6,
  accumulate: 2,
  learningRate: 3e-3,
  warmupEpochs: 0.5,
  ema: 0.9,
  emaWarmup: true,
  loss: "bce",
  optimizer: "lamb",
  schedule: "plateau",
  decayEpochs: 1,
  decayRate: 0.5,
  balance: true,
  repeats: 2,
  mixup: 0.2,
  cutmix: 1,
  erase: 0.25,
  autoAugment: "rand-m9-mstd0.5-inc1",
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "run-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const options = (changes: Partial<RunOptions> = {}): RunOptions => {
  const model = { imageSize: 32, patchSize: 8, width: 16, depth: 2, heads: 2, dropPath: 0.2, dropout: 0.1 };
  const pretrained = newPretrained("vit_tiny_patch16_224", { labels: train.classes, options: model });
  pretrained.model.initialize(5);
  return {
    pretrained,
    train,
    validation,
    recipe,
    seed: 3,
    folder: join(folder, "out"),
    runtime,
    workers: 0,
    ...changes,
  };
};

async function result(name: string): Promise<readonly Buffer[]> {
  const checkpoints = join(folder, name, "checkpoints");
  const last = (await readdir(checkpoints)).sort().at(-1)!;
  const files = ["../model", `${last}/model`, `${last}/optimizer`];
  return Promise.all(files.map((file) => readFile(join(checkpoints, `${file}.safetensors`))));
}

test("with all that a recipe has, a run stopped anywhere and continued ends with the same bits", async () => {
  const straight = await all(trainInFolder(options()));
  const expected = await result("out");
  const rates = (events: readonly TrainEvent[]) => events.flatMap((e) => (e.type === "step" ? [e.learningRate] : []));
  for (const steps of [3, 8]) {
    const name = `stopped-${steps}`;
    await interrupted(steps, options({ folder: join(folder, name) }));
    const rest = await all(trainInFolder(options({ folder: join(folder, name), resume: true, workers: 2 })));
    for (const [i, bytes] of (await result(name)).entries())
      expect(bytes.equals(expected[i]!), `file ${i}, stopped after ${steps}`).toBe(true);
    expect(rates(rest)).toEqual(rates(straight).slice(steps));
  }
});

test("the saved model is the average, the checkpoint holds both", async () => {
  await all(trainInFolder(options({ recipe: { ...recipe, epochs: 1 }, validation: undefined })));
  const [model, trained, state] = await result("out");
  expect(model!.equals(trained!)).toBe(false);
  expect(state!.includes("head.weight/average")).toBe(true);
});

test("a damaged last checkpoint is passed over, and the run comes to the same bits from the one before", async () => {
  const run = { checkpointEvery: 3, recipe: { ...recipe, epochs: 2 } };
  await all(trainInFolder(options(run)));
  const expected = await result("out");
  const name = join(folder, "damaged");
  await interrupted(7, options({ ...run, folder: name }));
  const checkpoints = (await readdir(join(name, "checkpoints"))).sort();
  expect(checkpoints).toEqual(["step-00000006", "step-00000007"]);
  const file = join(name, "checkpoints", checkpoints[1]!, "optimizer.safetensors");
  const bytes = await readFile(file);
  bytes[bytes.length >> 1]! ^= 16;
  await writeFile(file, bytes);
  const events = await all(trainInFolder(options({ ...run, folder: name, resume: true })));
  expect(events.find((e) => e.type === "warning")?.message).toContain("step-00000007 is damaged");
  expect(events.find((e) => e.type === "run.start")?.resumedAt).toBe(6);
  for (const [i, one] of (await result("damaged")).entries()) expect(one.equals(expected[i]!)).toBe(true);
});

test("a run that gets no better ends early, and stays ended when it is continued", async () => {
  // With steps of no length nothing gets better after the first epoch.
  const stuck: Recipe = { ...recipe, epochs: 6, patience: 2, learningRate: 1e-30, minLearningRate: 0, ema: null };
  const events = await all(trainInFolder(options({ recipe: stuck })));
  expect(events.filter((e) => e.type === "epoch.end")).toHaveLength(3);
  expect(events.at(-1)).toMatchObject({ type: "run.end", stoppedEarly: true, best: { epoch: 0 } });
  const again = await all(trainInFolder(options({ recipe: stuck, resume: true })));
  expect(again.map((e) => e.type)).toEqual(["run.start", "run.end"]);
});

test("a run whose numbers break says at which step and where, and keeps its checkpoint", async () => {
  const wild: Recipe = {
    ...recipe,
    learningRate: 1e30,
    warmupEpochs: 0,
    optimizer: "sgd",
    clipNorm: null,
    loss: "cross-entropy",
  };
  const run = all(trainInFolder(options({ recipe: wild, checkpointEvery: 1 })));
  await expect(run).rejects.toMatchObject({ code: "RUNTIME_FAILURE" } satisfies Partial<VitrineError>);
  await expect(run).rejects.toThrow(/at step 2.*it begins in the forward pass, in .+ \(\w+\).*smaller learning rate/s);
  await expect(run).rejects.toThrow("the checkpoint of step 1 is kept");
  expect(await readdir(join(folder, "out", "checkpoints"))).toEqual(["step-00000001"]);
});

test("weights that a step made overflow are told from weights that were broken", async () => {
  const wild: Recipe = {
    ...recipe,
    learningRate: 1e38,
    weightDecay: 10,
    warmupEpochs: 0,
    optimizer: "lion",
    clipNorm: null,
    ema: null,
  };
  const run = all(trainInFolder(options({ recipe: wild })));
  await expect(run).rejects.toThrow(/the step before made the parameter .+ overflow; train again with a smaller/);
  await expect(run).rejects.not.toThrow(/the checkpoint of step/);
  const broken = options({ folder: join(folder, "broken") });
  broken.pretrained.model.variables().get("norm.bias")!.data.data[0] = Number.NaN;
  await expect(all(trainInFolder(broken))).rejects.toThrow(
    "the parameter norm.bias is not finite; begin with other weights",
  );
});

test("a folder that is removed meanwhile stops the run, and is not made again", async () => {
  const run = options();
  const events = trainInFolder(run);
  const failed = (async () => {
    for await (const event of events)
      if (event.type === "step" && event.step === 2) await rm(run.folder, { recursive: true });
  })();
  await expect(failed).rejects.toMatchObject({ code: "STORAGE_FAILURE" } satisfies Partial<VitrineError>);
  expect(await readdir(folder)).toEqual([]);
});

test("histograms of weights and gradients come with each epoch, of every parameter", async () => {
  const run = options({ recipe: { ...recipe, epochs: 2 }, histograms: true });
  const events = (await all(trainInFolder(run))).filter((e) => e.type === "weights");
  expect(events.map(({ epoch, step }) => [epoch, step])).toEqual([
    [0, 4],
    [1, 8],
  ]);
  const names = [...run.pretrained.model.parameters().keys()];
  for (const { weights, gradients } of events)
    for (const spread of [weights, gradients]) expect(Object.keys(spread)).toEqual(names);
  const { counts, min, max } = events[1]!.weights["head.weight"]!;
  expect(counts.reduce((a, b) => a + b)).toBe(16 * train.classes.length);
  expect(min).toBeLessThan(max);
  const log = await readFile(join(folder, "out", "log.jsonl"), "utf8");
  expect(log).not.toContain('"weights"');
});

test("more batches to a step than there are is refused", async () => {
  await expect(all(trainInFolder(options({ recipe: { ...recipe, accumulate: 9 } })))).rejects.toThrow(
    "an epoch must have the batches of one step, got 8, accumulate is 9",
  );
});
