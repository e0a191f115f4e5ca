import { expect, test } from "vitest";
import type { Image } from "../../src/data/image.ts";
import { preprocess } from "../../src/data/preprocess.ts";
import { newPretrained } from "../../src/pretrained/new.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { best, classifier } from "../../src/tasks/classify.ts";

const runtime = await nodeRuntime({ threads: 1 });
const labels = ["ant", "bee", "cat", "dog"];
const options = { imageSize: 16, patchSize: 4, width: 24, depth: 1, heads: 3, mlpWidth: 48 } as const;
const pretrained = newPretrained("vit_tiny_patch16_224", { labels, options });
pretrained.model.initialize(1);

const picture = (seed: number): Image => ({
  width: 20 + seed,
  height: 17,
  channels: 3,
  data: Uint8Array.from({ length: (20 + seed) * 17 * 3 }, (_, i) => (i * 31 * (seed + 1)) % 256),
});

test("the best labels come first, with the softmax of the logits", () => {
  const predictions = best(Float32Array.of(1, 3, 3, -2), labels, 3);
  expect(predictions.map(({ label }) => label)).toEqual(["bee", "cat", "ant"]);
  const total = Math.exp(1) + 2 * Math.exp(3) + Math.exp(-2);
  expect(predictions[0]!.score).toBeCloseTo(Math.exp(3) / total, 6);
  expect(predictions[2]!.score).toBeCloseTo(Math.exp(1) / total, 6);
  expect(best(Float32Array.of(1000, 0), ["a", "b"], 5).map(({ score }) => score)).toEqual([1, 0]);
});

test("many pictures give what each gives alone, in their order", async () => {
  const model = await classifier(pretrained, runtime);
  const pictures = Array.from({ length: 19 }, (_, i) => picture(i));
  const { data, shape } = await model.logits(pictures);
  expect(shape).toEqual([19, 4]);
  for (const i of [0, 7, 8, 18]) {
    const { data: alone } = await model.logits([pictures[i]!]);
    for (let j = 0; j < 4; j++) expect(data[i * 4 + j]).toBeCloseTo(alone[j] as number, 5);
  }
  const [first] = await model.classify([pictures[3]!], { top: 2 });
  expect(first!.length).toBe(2);
  expect(first![0]!.label).toBe(labels[first![0]!.index]);
  expect(first![0]!.score).toBeGreaterThan(first![1]!.score);
  expect((await model.classify([pictures[3]!]))[0]!.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 6);
  await model.dispose();
});

test("prepared inputs give the same logits as their pictures", async () => {
  const model = await classifier(pretrained, runtime);
  const { data } = preprocess(picture(2), pretrained.preprocessing);
  const prepared = await model.logitsOfInputs({ dtype: "float32", shape: [1, 3, 16, 16], data });
  expect(prepared).toEqual(await model.logits([picture(2)]));
  await model.dispose();
});

test("a model without labels is no classifier", async () => {
  const features = newPretrained("vit_tiny_patch16_224", { labels: [], options });
  await expect(classifier(features, runtime)).rejects.toThrow(
    "a classifier must have labels, this model gives features",
  );
});
