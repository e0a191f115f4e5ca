import { expect, test } from "vitest";
import { shapesDataset } from "../../src/data/datasets/shapes.ts";
import { openLoader } from "../../src/data/loader-node.ts";
import { newPretrained } from "../../src/pretrained/new.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { evaluateDataset } from "../../src/tasks/evaluate-node.ts";
import type { BestEpoch } from "../../src/train/best-epoch.ts";
import type { Means, TrainEvent } from "../../src/train/events.ts";
import { type FitOptions, fit as trained } from "../../src/train/fit.ts";
import type { Learner } from "../../src/train/learner.ts";
import { compileValidation, validate } from "../../src/train/validate.ts";
import { all } from "./runs.ts";

/** Learns nothing: what validation says of its epochs is given. */
const learner = {
  accumulate: 1,
  state: new Map(),
  learn: async () => ({ loss: 1, accuracy: 0.5, gradientNorm: 1 }),
  examples: () => 1,
  averaged: (use) => use(),
  sync: async () => {},
  reset: () => {},
} as Partial<Learner> as Learner;

async function* oneBatch() {
  yield { skipped: [] } as never;
}

async function fitted(validations: readonly Means[], options: Partial<FitOptions> = {}) {
  const kept: number[] = [];
  let epoch = options.resume?.state.step ?? 0;
  const run: FitOptions = {
    learner,
    variables: new Map(),
    parameterCount: 0,
    batches: oneBatch,
    stepsPerEpoch: 1,
    epochs: validations.length,
    learningRate: () => 1,
    seed: 0,
    runId: "run",
    evaluate: async () => validations[epoch++]!,
    onBest: async () => void kept.push(epoch - 1),
    ...options,
  };
  const events = await all(trained(run));
  const ends = events.filter(
    (event): event is Extract<TrainEvent, { type: "epoch.end" }> => event.type === "epoch.end",
  );
  return { kept, ends, end: events.at(-1) };
}

const means = (accuracy: number, balancedAccuracy?: number): Means => ({ loss: 1, accuracy, balancedAccuracy });
/** The first knows one class of many pictures; the second the others, too. */
const unequal = [means(0.9, 0.5), means(0.85, 0.8), means(0.88, 0.7)];

test("where classes are not equally many, the epoch is kept that knows all classes", async () => {
  const { kept, ends, end } = await fitted(unequal);
  expect(kept).toEqual([0, 1]);
  expect(ends.map(({ best, criterion }) => [best, criterion])).toEqual(
    [true, true, false].map((best) => [best, "balanced accuracy"]),
  );
  const best: BestEpoch = { epoch: 1, by: "balanced accuracy", accuracy: 0.85, balancedAccuracy: 0.8 };
  expect(end).toMatchObject({ type: "run.end", best });
});

test("patience counts epochs by the same measure", async () => {
  const { ends, end } = await fitted([...unequal, means(0.95, 0.6), means(0.99, 0.5)], { patience: 2 });
  expect(ends).toHaveLength(4);
  expect(end).toMatchObject({ stoppedEarly: true, best: { epoch: 1 } });
});

test("where all classes are equally many, and by loss, the measure is as asked", async () => {
  const accuracy = await fitted([means(0.5), means(0.7), means(0.6)]);
  expect(accuracy.kept).toEqual([0, 1]);
  expect(accuracy.end).toMatchObject({ best: { epoch: 1, by: "accuracy", accuracy: 0.7 } });
  const loss = [3, 1, 2].map((value) => ({ loss: value, accuracy: value / 4 }));
  const { kept, end } = await fitted(loss, { chooseBy: "loss" });
  expect(kept).toEqual([0, 1]);
  expect(end).toMatchObject({ best: { epoch: 1, by: "loss", loss: 1 } });
});

test("a mean over classes that differs by rounding alone is no better", async () => {
  expect((0.1 + 0.2) / 2).not.toBe(0.3 / 2);
  const { kept } = await fitted([means(0.5, 0.3 / 2), means(0.5, (0.1 + 0.2) / 2)]);
  expect(kept).toEqual([0]);
});

test("a run that chose by accuracy before goes on so", async () => {
  const state = {
    ...{ step: 1, runId: "run", epochSums: { loss: 0, accuracy: 0, steps: 0 }, losses: [1] },
    best: { epoch: 0, by: "accuracy", accuracy: 0.86 } as BestEpoch,
  };
  const { kept, end } = await fitted(unequal, { resume: { state, model: new Map(), optimizer: new Map() } });
  expect(kept).toEqual([2]);
  expect(end).toMatchObject({ best: { epoch: 2, by: "accuracy", accuracy: 0.88 } });
});

test("validation has the accuracy and the mean over the classes that evaluation has, the latter where classes differ", async () => {
  const runtime = await nodeRuntime({ threads: 1 });
  const labels = shapesDataset({ split: "validation", length: 1 }).classes;
  const options = { imageSize: 32, patchSize: 8, width: 16, depth: 1, heads: 2 };
  const pretrained = newPretrained("vit_tiny_patch16_224", { labels, options });
  pretrained.model.initialize(1);
  const { preprocessing, model } = pretrained;
  const executable = await compileValidation(model, preprocessing.inputSize, runtime);
  const found: (number | undefined)[] = [];
  for (const length of [4 * labels.length, 4 * labels.length + 3]) {
    const dataset = shapesDataset({ split: "validation", length });
    const plan = { preprocessing, batchSize: 7, shuffle: false, dropLast: false, seed: 0 };
    const loader = openLoader(dataset, plan, { workers: 0 });
    const { accuracy, balancedAccuracy } = await validate(executable, loader.epoch(0));
    await loader.close();
    const evaluation = await evaluateDataset(pretrained, dataset, runtime, { workers: 0 });
    expect(accuracy).toBeCloseTo(evaluation.accuracy, 12);
    const recalls = evaluation.classes.map(({ recall }) => recall);
    if (balancedAccuracy !== undefined)
      expect(balancedAccuracy).toBeCloseTo(recalls.reduce((sum, recall) => sum + recall, 0) / recalls.length, 12);
    found.push(balancedAccuracy);
  }
  expect(found.map((value) => value === undefined)).toEqual([true, false]);
  await executable.dispose();
});
