import { expect, test } from "vitest";
import { bucketed, commonLength } from "../../../src/data/text/buckets.ts";
import { windowBatches, windowStarts } from "../../../src/data/text/windows.ts";
import { stream } from "../../../src/graph/random.ts";

const random = stream(5);
const sentence = (): readonly number[] => Array<number>(1 + random.integer(30)).fill(7);
const pairs = { source: Array.from({ length: 400 }, sentence), target: Array.from({ length: 400 }, sentence) };

test.each([1, 8])("every pair is in one batch, and no batch is larger than asked for (multiple %i)", (multiple) => {
  const batches = bucketed(pairs, { words: 200, multiple, seed: 1 }, 0);
  expect(batches.flat().sort((a, b) => a - b)).toEqual(pairs.source.map((_, i) => i));
  for (const batch of batches) {
    const lengths = batch.map((i) =>
      multiple === 1 ? pairs.target[i]!.length : commonLength(pairs.source[i]!, pairs.target[i]!, multiple),
    );
    expect(batch.length * Math.max(...lengths, ...batch.map((i) => pairs.source[i]!.length))).toBeLessThanOrEqual(200);
    if (multiple > 1) expect(new Set(lengths).size).toBe(1);
  }
});

test("epochs have equally many batches, of other pairs in another order, and the same again when asked again", () => {
  const plan = { words: 200, multiple: 1, seed: 1 };
  const [first, second] = [bucketed(pairs, plan, 0), bucketed(pairs, plan, 1)];
  expect(second).toHaveLength(first.length);
  expect(second).not.toEqual(first);
  expect(bucketed(pairs, plan, 0)).toEqual(first);
  expect(bucketed(pairs, { ...plan, seed: 2 }, 0)).not.toEqual(first);
});

test("pairs of like length are together: little of a batch is padding", () => {
  const alike = { source: pairs.target, target: pairs.target };
  const batches = bucketed(alike, { words: 200, multiple: 1, seed: 1 }, 0);
  const padded = batches.reduce(
    (sum, batch) => sum + batch.length * Math.max(...batch.map((i) => alike.target[i]!.length)),
    0,
  );
  const words = alike.target.reduce((sum, { length }) => sum + length, 0);
  expect(words / padded).toBeGreaterThan(0.9);
});

test("windows lie side by side in the text, from another begin in each epoch, and one id follows each", () => {
  const plan = { window: 10, batchSize: 4, seed: 3 };
  const length = 237;
  const begins = [0, 1, 2, 3, 4, 5].map((epoch) => {
    const starts = windowStarts(length, plan, epoch);
    expect(starts).toHaveLength(windowBatches(length, plan));
    const all = starts.flat();
    expect(new Set(all).size).toBe(all.length);
    expect(Math.max(...all) + plan.window).toBeLessThan(length);
    expect(new Set(all.map((start) => start % plan.window)).size).toBe(1);
    expect(windowStarts(length, plan, epoch)).toEqual(starts);
    return all[0]! % plan.window;
  });
  expect(new Set(begins).size).toBeGreaterThan(1);
});
