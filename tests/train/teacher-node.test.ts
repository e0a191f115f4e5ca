import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { shapesDataset } from "../../src/data/datasets/shapes.ts";
import { newPretrained } from "../../src/pretrained/new.ts";
import type { Pretrained } from "../../src/pretrained/pretrained.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { learningRateRange } from "../../src/train/learning-rate-range-node.ts";
import { fromScratch, type Recipe } from "../../src/train/recipe.ts";
import { type RunOptions, trainInFolder } from "../../src/train/run-node.ts";
import { all, interrupted } from "./runs.ts";

const runtime = await nodeRuntime({ threads: 1 });
const train = shapesDataset({ split: "train", length: 50 });
const recipe: Recipe = {
  ...fromScratch,
  epochs: 2,
  batchSize: 12,
  learningRate: 3e-3,
  mixup: 0.2,
  distillation: "soft",
  distillationAlpha: 0.7,
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "teacher-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function vit(name: string, seed: number, changes: object = {}, labels: readonly string[] = train.classes): Pretrained {
  const options = { imageSize: 32, patchSize: 8, width: 16, depth: 2, heads: 2, dropout: 0.1, ...changes };
  const pretrained = newPretrained(name, { labels, options });
  pretrained.model.initialize(seed);
  return pretrained;
}
const student = (): Pretrained => vit("deit_tiny_distilled_patch16_224", 5);
const teacher = (seed = 6): Pretrained => vit("vit_tiny_patch16_224", seed);

const options = (changes: Partial<RunOptions> = {}): RunOptions => ({
  pretrained: student(),
  teacher: teacher(),
  train,
  recipe,
  seed: 3,
  folder: join(folder, "out"),
  runtime,
  workers: 0,
  ...changes,
});

const final = (name: string): Promise<Buffer[]> =>
  Promise.all(
    ["model", "optimizer"].map((part) =>
      readFile(join(folder, name, "checkpoints", "step-00000008", `${part}.safetensors`)),
    ),
  );

test("a distilled run stopped anywhere and continued ends with the same bits", async () => {
  await all(trainInFolder(options()));
  const straight = await final("out");
  for (const steps of [2, 5]) {
    const name = `stopped-${steps}`;
    await interrupted(steps, options({ folder: join(folder, name) }));
    await all(trainInFolder(options({ folder: join(folder, name), resume: true, workers: 2 })));
    for (const [i, bytes] of (await final(name)).entries()) expect(bytes.equals(straight[i]!)).toBe(true);
  }
});

test("teacher, kind, weight and temperature each change what is learnt, and an absent teacher does too", async () => {
  const hard: Recipe = { ...recipe, distillation: "hard" };
  const runs: Record<string, Partial<RunOptions>> = {
    soft: {},
    other: { teacher: teacher(7) },
    hard: { recipe: hard },
    weight: { recipe: { ...hard, distillationAlpha: 0.2 } },
    temperature: { recipe: { ...recipe, distillationTemperature: 1 } },
    none: { teacher: undefined, recipe: { ...recipe, distillation: "none" } },
  };
  const ends: string[] = [];
  for (const [name, changes] of Object.entries(runs)) {
    await all(trainInFolder(options({ ...changes, folder: join(folder, name) })));
    ends.push((await final(name))[0]!.toString("base64"));
  }
  expect(new Set(ends).size).toBe(ends.length);
});

test("a run goes on with no other teacher", async () => {
  await interrupted(2, options());
  await expect(all(trainInFolder(options({ resume: true, teacher: teacher(7) })))).rejects.toThrow(
    "continued with the data, model, recipe and seed",
  );
});

test("with hard labels of weight one, the token for the teacher learns and the one for the labels does not", async () => {
  const one = student();
  const before = (name: string): Float32Array => one.model.parameters().get(name)!.variable.data.data.slice() as never;
  const [head, headDist] = [before("head.weight"), before("head_dist.weight")];
  const hard: Recipe = { ...recipe, distillation: "hard", distillationAlpha: 1, weightDecay: 0 };
  await all(trainInFolder(options({ pretrained: one, recipe: hard })));
  expect(before("head.weight")).toEqual(head);
  expect(before("head_dist.weight")).not.toEqual(headDist);
});

test("a probe learns from a teacher too, and only its heads do", async () => {
  const one = student();
  const block = one.model.parameters().get("blocks.1.mlp.fc1.weight")!.variable.data.data.slice();
  await all(trainInFolder(options({ pretrained: one, recipe: { ...recipe, tune: "probe" } })));
  expect(one.model.parameters().get("blocks.1.mlp.fc1.weight")!.variable.data.data).toEqual(block);
});

test("a range test learns from the teacher too", async () => {
  const losses = async (changes: Partial<RunOptions>): Promise<readonly number[]> => {
    const events = learningRateRange({ ...options(changes), steps: 4 });
    const found: number[] = [];
    for await (const event of events) if (event.type === "range.step") found.push(event.loss);
    return found;
  };
  const none = { teacher: undefined, recipe: { ...recipe, distillation: "none" } as const };
  expect(await losses({})).not.toEqual(await losses(none));
});

test.each([
  ["without a teacher", { teacher: undefined }, /distillation is soft, and there is no teacher.*--teacher/],
  ["with a teacher and no distillation", { recipe: { ...recipe, distillation: "none" } as const }, /hard or soft/],
  ["of other classes", { teacher: vit("vit_tiny_patch16_224", 1, {}, ["a", "b"]) }, /student's labels, got 2 for 10/],
  ["of other images", { teacher: vit("vit_tiny_patch16_224", 1, { imageSize: 16 }) }, /3 × 32 × 32, got 3 × 16 × 16/],
])("a recipe %s is refused before anything is written", async (_, changes, message) => {
  await expect(all(trainInFolder(options(changes)))).rejects.toThrow(message);
  expect(await readdir(folder)).toEqual([]);
});
