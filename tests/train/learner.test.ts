import { expect, test } from "vitest";
import type { NdArray } from "../../src/graph/dtype.ts";
import { keyOf, stream } from "../../src/graph/random.ts";
import { adamW, modelAverage, sgd, weightDecayGroups } from "../../src/optim/index.ts";
import { newPretrained } from "../../src/pretrained/new.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { mean, sqrt, withPath } from "../../src/tensor/index.ts";
import { compileLearner, type Learner, type LearnerOptions } from "../../src/train/learner.ts";
import { type Classifier, classification, type Objective, type TrainingBatch } from "../../src/train/objective.ts";
import { originText } from "../../src/train/origin.ts";
import { trainedParameters } from "../../src/train/step.ts";

const runtime = await nodeRuntime({ threads: 1 });
const labels = 3;
const imageShape = [3, 16, 16] as const;

function model(): Classifier {
  const options = { imageSize: 16, patchSize: 8, width: 16, depth: 2, heads: 2 };
  const { model: made } = newPretrained("vit_tiny_patch16_224", { labels: ["a", "b", "c"], options });
  made.initialize(7);
  return made;
}

function batchOf(size: number, seed: number): TrainingBatch {
  const random = stream(seed, "images");
  const data = Float32Array.from({ length: size * 3 * 16 * 16 }, () => random.normal());
  const targets = new Float32Array(size * labels);
  for (let i = 0; i < size; i++) targets[i * labels + random.integer(labels)] = 1;
  return {
    images: { dtype: "float32", shape: [size, ...imageShape], data },
    targets: { dtype: "float32", shape: [size, labels], data: targets },
    skipped: [],
  };
}

function joined(batches: readonly TrainingBatch[]): TrainingBatch {
  const join = (arrays: readonly NdArray[]): NdArray => ({
    dtype: "float32",
    shape: [arrays.reduce((rows, { shape }) => rows + shape[0]!, 0), ...arrays[0]!.shape.slice(1)],
    data: Float32Array.from(arrays.flatMap(({ data }) => [...(data as Float32Array)])),
  });
  return { images: join(batches.map((b) => b.images)), targets: join(batches.map((b) => b.targets)), skipped: [] };
}

function learnerOf(classifier: Classifier, batchSize: number, options: Partial<LearnerOptions> = {}): Promise<Learner> {
  const optimizer = adamW(weightDecayGroups(trainedParameters(classifier, options.trained), 0.05), { epsilon: 1e-3 });
  return compileLearner(classifier, { runtime, optimizer, batchSize, imageShape, labels, clipNorm: 1, ...options });
}

const at = (step: number) => ({ step, learningRate: 0.01, key: keyOf(step) });
const dataOf = (classifier: Classifier): ReadonlyMap<string, Float32Array> =>
  new Map([...classifier.variables()].map(([name, { data }]) => [name, (data.data as Float32Array).slice()]));

test("several batches count as the one that they make together", async () => {
  const parts = [0, 1, 2].map((seed) => batchOf(4, seed));
  const [one, other] = [model(), model()];
  const [whole, gathered] = [await learnerOf(one, 12), await learnerOf(other, 4, { accumulate: 3 })];
  for (let step = 0; step < 3; step++) {
    const expected = await whole.learn([joined(parts)], at(step));
    const got = await gathered.learn(parts, at(step));
    expect(got.loss).toBeCloseTo(expected.loss, 5);
    expect(got.accuracy).toBeCloseTo(expected.accuracy, 6);
    expect(got.gradientNorm / expected.gradientNorm).toBeCloseTo(1, 4);
  }
  const expected = dataOf(one);
  for (const [name, data] of dataOf(other))
    for (const [i, value] of data.entries()) expect(Math.abs(value - expected.get(name)![i]!), name).toBeLessThan(2e-5);
  await whole.dispose();
  await gathered.dispose();
});

test("a learner that makes activations again learns the same bits", async () => {
  const [one, other] = [model(), model()];
  const [keeping, again] = [await learnerOf(one, 12), await learnerOf(other, 12, { recompute: true })];
  for (let step = 0; step < 2; step++)
    expect(await again.learn([batchOf(12, step)], at(step))).toEqual(
      await keeping.learn([batchOf(12, step)], at(step)),
    );
  expect(dataOf(other)).toEqual(dataOf(one));
  await keeping.dispose();
  await again.dispose();
});

test.each([1, 2])(
  "the averaged weights are seen while they are asked for, and the trained ones afterwards (accumulate %i)",
  async (accumulate) => {
    const classifier = model();
    const average = modelAverage(classifier.variables().values(), { decay: 0.75 });
    const learner = await learnerOf(classifier, 4, { average, accumulate });
    const batches = Array.from({ length: accumulate }, (_, i) => batchOf(4, i));
    const history: ReadonlyMap<string, Float32Array>[] = [];
    for (let step = 0; step < 4; step++) {
      await learner.learn(batches, at(step));
      await learner.sync();
      history.push(dataOf(classifier));
    }
    const name = "blocks.0.attn.qkv.weight";
    const expected = history
      .slice(1)
      .reduce((mean, now) => mean.map((value, i) => 0.75 * value + 0.25 * now.get(name)![i]!), history[0]!.get(name)!);
    const seen = await learner.averaged(async () => dataOf(classifier));
    for (const [i, value] of seen.get(name)!.entries()) expect(value).toBeCloseTo(expected[i]!, 6);
    expect(dataOf(classifier)).toEqual(history[3]);
    // What was exchanged is exchanged back also when the use fails, and training goes on from it.
    await expect(learner.averaged(() => Promise.reject(new Error("disk full")))).rejects.toThrow("disk full");
    expect(dataOf(classifier)).toEqual(history[3]);
    await learner.learn(batches, at(4));
    expect(dataOf(classifier)).not.toEqual(history[3]);
    await learner.dispose();
  },
);

test("parameters that are not trained stay, and have no state", async () => {
  const classifier = model();
  const before = dataOf(classifier);
  const learner = await learnerOf(classifier, 4, { trained: (name) => name.startsWith("head.") });
  expect([...learner.state.keys()].every((name) => name.startsWith("head."))).toBe(true);
  await learner.learn([batchOf(4, 0)], at(0));
  for (const [name, data] of dataOf(classifier)) {
    if (name.startsWith("head.")) expect(data, name).not.toEqual(before.get(name));
    else expect(data, name).toEqual(before.get(name));
  }
  await learner.dispose();
});

test("gradients of a batch are those that a step goes along", async () => {
  const classifier = model();
  const optimizer = sgd(weightDecayGroups(classifier.parameters(), 0));
  const learner = await learnerOf(classifier, 4, { optimizer, clipNorm: undefined });
  const before = dataOf(classifier);
  const batch = batchOf(4, 0);
  const gradients = await learner.gradientsOf(batch, keyOf(0));
  const { gradientNorm } = await learner.learn([batch], at(0));
  let squares = 0;
  for (const [name, { data }] of gradients) {
    const after = classifier.variables().get(name)!.data.data;
    for (const [i, g] of (data as Float32Array).entries()) {
      squares += g * g;
      expect(Number(after[i])).toBeCloseTo(before.get(name)![i]! - 0.01 * g, 6);
    }
  }
  expect(Math.sqrt(squares) / gradientNorm).toBeCloseTo(1, 5);
  await learner.dispose();
});

test.each([1, 2])("what is not finite is found where it begins (accumulate %i)", async (accumulate) => {
  const classifier = model();
  const learner = await learnerOf(classifier, 4, { accumulate });
  const batches = Array.from({ length: accumulate }, (_, i) => batchOf(4, i));
  await learner.learn(batches, at(0));
  expect(await learner.originOfNonFinite(batches, keyOf(1))).toEqual({ place: "", kind: "squares" });
  const blind = batchOf(4, accumulate - 1);
  blind.images.data[7] = Number.NaN;
  const found = async (wrong: readonly TrainingBatch[]): Promise<string> => {
    const { loss, gradientNorm } = await learner.learn(wrong, at(1));
    expect([loss, gradientNorm].every(Number.isFinite)).toBe(false);
    return originText(await learner.originOfNonFinite(wrong, keyOf(1)));
  };
  // Weights so large that the product of queries and keys overflows.
  const weight = classifier.variables().get("blocks.1.attn.qkv.weight")!;
  weight.data = { ...weight.data, data: new Float32Array(weight.data.data.length).fill(3e37) };
  expect(await found(batches)).toMatch(/^it begins in the forward pass, in blocks\.1\.attn/);
  const broken = model();
  for (const [name, variable] of classifier.variables()) variable.data = broken.variables().get(name)!.data;
  expect(await found([...batches.slice(1), blind])).toBe('the input "images" is not finite');
  await learner.dispose();
});

test("a gradient that overflows alone is told from a loss that does", async () => {
  const classifier = model();
  const plain = classification(classifier);
  const objective: Objective = {
    loss: (part) => {
      const { loss, logits } = plain.loss(part);
      // The root of zero is finite, its slope is not.
      return { loss: loss.add(withPath("root", () => mean(sqrt(logits.mul(0))))), logits };
    },
  };
  const learner = await learnerOf(classifier, 4, { objective });
  const { loss, gradientNorm } = await learner.learn([batchOf(4, 0)], at(0));
  expect(Number.isFinite(loss)).toBe(true);
  expect(Number.isFinite(gradientNorm)).toBe(false);
  expect(await learner.originOfNonFinite([batchOf(4, 0)], keyOf(0))).toMatchObject({ place: "root", kind: "backward" });
  await learner.dispose();
});
