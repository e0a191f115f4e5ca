import { expect, test } from "vitest";
import { shapesDataset } from "../../src/data/datasets/shapes.ts";
import { newPretrained } from "../../src/pretrained/new.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { learningRateRange, type RangeEvent, suggestedRate } from "../../src/train/learning-rate-range-node.ts";
import { fromScratch } from "../../src/train/recipe.ts";

const runtime = await nodeRuntime({ threads: 1 });
const train = shapesDataset({ split: "train", length: 64 });

function options() {
  const model = { imageSize: 32, patchSize: 8, width: 32, depth: 2, heads: 2 };
  const pretrained = newPretrained("vit_tiny_patch16_224", { labels: train.classes, options: model });
  pretrained.model.initialize(1);
  const recipe = { ...fromScratch, batchSize: 16, clipNorm: null, optimizer: "sgd" } as const;
  return { pretrained, train, recipe, seed: 1, runtime, workers: 0 };
}

async function all(events: AsyncIterable<RangeEvent>): Promise<readonly RangeEvent[]> {
  const found: RangeEvent[] = [];
  for await (const event of events) found.push(event);
  return found;
}

test("learning rates grow until the loss explodes, and the weights are put back", async () => {
  const run = options();
  const weights = () => [...run.pretrained.model.variables().values()].map(({ data }) => [...data.data]);
  const before = weights();
  const events = await all(learningRateRange({ ...run, from: 1e-4, to: 1e4, steps: 30 }));
  const steps = events.filter((e) => e.type === "range.step");
  expect(steps[0]!.learningRate).toBe(1e-4);
  for (const [i, { learningRate }] of steps.slice(1).entries())
    expect(learningRate / steps[i]!.learningRate).toBeCloseTo(1e8 ** (1 / 29), 8);
  const end = events.at(-1) as Extract<RangeEvent, { type: "range.end" }>;
  expect(steps.length).toBeLessThan(30);
  expect(end.diverged).toBeGreaterThan(steps.at(-1)!.learningRate);
  expect(end.suggested).toBeGreaterThan(1e-5);
  expect(end.suggested).toBeLessThan(end.diverged!);
  expect(weights()).toEqual(before);
});

test("the same seed gives the same events", async () => {
  const short = { steps: 6, to: 1e-2 };
  expect(await all(learningRateRange({ ...options(), ...short }))).toEqual(
    await all(learningRateRange({ ...options(), ...short })),
  );
});

test("the suggestion is a tenth of the rate with the least loss", () => {
  const rates = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1];
  expect(suggestedRate(rates, [5, 6, 4, 3, 2, 9])).toBeCloseTo(1e-2, 12);
  expect(suggestedRate(rates, [1, 2, 3, 4, 5, 6])).toBeUndefined();
  expect(suggestedRate([], [])).toBeUndefined();
});

test("a range that does not grow is refused", async () => {
  await expect(all(learningRateRange({ ...options(), from: 1, to: 0.1 }))).rejects.toThrow("must grow");
});
