import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { shapesDataset } from "../../src/data/datasets/shapes.ts";
import { ndarray } from "../../src/graph/dtype.ts";
import { newPretrained } from "../../src/pretrained/new.ts";
import type { Pretrained } from "../../src/pretrained/pretrained.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { distillation } from "../../src/train/distillation.ts";
import { fromScratch } from "../../src/train/recipe.ts";
import { trainInFolder } from "../../src/train/run-node.ts";
import { batchGradients, batchSpecs } from "../../src/train/step.ts";
import { expectClose } from "../golden.ts";
import { drawn } from "../models/drawn.ts";

interface Case {
  readonly token: boolean;
  readonly kind: "hard" | "soft";
  readonly weight: number;
  readonly temperature: number;
  readonly loss: number;
  readonly gradients: Readonly<Record<string, readonly number[]>>;
}

const cases = JSON.parse(readFileSync(new URL("golden/distillation.json", import.meta.url), "utf8")) as readonly Case[];
const runtime = await nodeRuntime({ threads: 1 });
const labels = ["a", "b", "c", "d", "e"];

async function tiny(distilled: boolean, names: readonly string[] = labels, imageSize = 16): Promise<Pretrained> {
  const sizes = { imageSize, patchSize: 8, width: 24, depth: 1, heads: 3, mlpWidth: 48 };
  const name = distilled ? "deit_tiny_distilled_patch16_224" : "vit_tiny_patch16_224";
  const pretrained = await newPretrained(name, { labels: names, options: sizes });
  for (const [path, variable] of pretrained.model.variables()) variable.data = drawn(path, variable.shape);
  return pretrained;
}

test.each(cases)("loss and gradients are DeiT's: token $token, $kind, α $weight, τ $temperature", async (one) => {
  const { kind, temperature, weight } = one;
  const [student, teacher] = [await tiny(one.token), await tiny(false)];
  const how = kind === "hard" ? { kind } : { kind, temperature };
  const objective = await distillation({ student, teacher, runtime, how, weight });
  const names = Object.keys(one.gradients);
  const options = {
    ...{ runtime, batchSize: 4, imageShape: [3, 16, 16] as const, labels: 5, objective, optimizer: undefined! },
    trained: (name: string) => names.includes(name),
  };
  const gradientsOf = batchGradients(student.model, options);
  await using step = await compile(
    (inputs) => {
      const { outputs, gradients } = gradientsOf(inputs);
      return { loss: outputs.loss, ...Object.fromEntries(gradients.map((g, i) => [`g${i}`, g])) };
    },
    batchSpecs(options),
    { runtime },
  );
  const targets = new Float32Array(20).fill(0.02);
  for (const [i, label] of [1, 3, 0, 4].entries()) targets[i * 5 + label] = 0.92;
  const teacherLogits = drawn("teacher.weight", [4, 5]);
  const got = await step.run({
    images: drawn("image", [4, 3, 16, 16]),
    targets: ndarray("float32", [4, 5], targets),
    teacher: { ...teacherLogits, data: (teacherLogits.data as Float32Array).map((x) => 2 * x) },
  });
  expect(Number(got.loss!.data[0])).toBeCloseTo(one.loss, 5);
  const trained = [...student.model.parameters().keys()].filter((name) => names.includes(name));
  for (const [i, name] of trained.entries()) {
    const { shape } = student.model.parameters().get(name)!.variable;
    expectClose(got[`g${i}`]!, ndarray("float32", shape, one.gradients[name]!), { rtol: 1e-3, atol: 2e-6 }, name);
  }
  await objective.dispose();
});

test("the teacher sees the student's pixels in its own scale", async () => {
  const [student, same] = [await tiny(false), await tiny(false)];
  const teacher = { ...same, preprocessing: { ...same.preprocessing, mean: [0.4, 0.5, 0.6], std: [0.1, 0.2, 0.3] } };
  const objective = await distillation({ student, teacher, runtime, how: { kind: "hard" }, weight: 0.5 });
  const images = drawn("image", [11, 3, 16, 16]);
  const { teacher: got } = await objective.feeds!({ images, targets: images, skipped: [] });
  const { mean, std } = student.preprocessing;
  const moved = (images.data as Float32Array).map((x, i) => {
    const c = Math.floor(i / 256) % 3;
    return (x * std[c]! + mean[c]! - teacher.preprocessing.mean[c]!) / teacher.preprocessing.std[c]!;
  });
  await using run = await compile(
    ({ images }) => ({ logits: same.model.forward(images) }),
    { images: ["b", 3, 16, 16] },
    { runtime },
  );
  const want = (await run.run({ images: { ...images, data: moved } })).logits!;
  expectClose(got!, want, { rtol: 1e-4, atol: 1e-5 });
  await objective.dispose();
});

test("a teacher of other labels or other images is refused", async () => {
  const student = await tiny(true);
  const learn = (teacher: Pretrained) =>
    distillation({ student, teacher, runtime, how: { kind: "hard" }, weight: 0.5 });
  await expect(learn(await tiny(false, ["a", "b"]))).rejects.toThrow(/student's labels, got 2 for 5/);
  await expect(learn(await tiny(false, labels, 32))).rejects.toThrow(/3 × 16 × 16, got 3 × 32 × 32/);
});

test("a student learns from its teacher in a run", async () => {
  const train = shapesDataset({ split: "train", length: 24 });
  const [student, teacher] = [await tiny(true, train.classes, 32), await tiny(false, train.classes, 32)];
  const objective = await distillation({ student, teacher, runtime, how: { kind: "hard" }, weight: 1 });
  const folder = await mkdtemp(join(tmpdir(), "distil-"));
  const recipe = {
    ...fromScratch,
    epochs: 8,
    batchSize: 12,
    learningRate: 5e-3,
    crop: "none",
    warmupEpochs: 0,
  } as const;
  const losses: number[] = [];
  const options = {
    pretrained: student,
    train,
    recipe,
    objective,
    seed: 1,
    folder: join(folder, "out"),
    runtime,
    workers: 0,
  };
  for await (const event of trainInFolder(options)) if (event.type === "epoch.end") losses.push(event.train.loss);
  expect(losses.at(-1)).toBeLessThan(losses[0]! / 2);
  await objective.dispose();
  await rm(folder, { recursive: true });
});
