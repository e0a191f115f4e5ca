import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { smallAugmentation } from "../../src/data/augment.ts";
import { shapesDataset } from "../../src/data/datasets/shapes.ts";
import { type BatchPlan, batchesPerEpoch, epochOrder } from "../../src/data/loader-batch.ts";
import { openLoader } from "../../src/data/loader-node.ts";
import { preprocessingFromTimm } from "../../src/data/preprocess-config.ts";
import { balancedOrder, repeatedOrder } from "../../src/data/sampling.ts";
import { keyOf } from "../../src/graph/random.ts";

const timesOf = (values: Iterable<number>): ReadonlyMap<number, number> => {
  const times = new Map<number, number>();
  for (const value of values) times.set(value, (times.get(value) ?? 0) + 1);
  return times;
};

test("a balanced order shows classes, and the images within each, equally often", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 90 }),
      fc.nat(),
      (labels, length, seed) => {
        const order = balancedOrder(labels, length, keyOf(seed));
        expect(order).toHaveLength(length);
        const classes = timesOf([...order].map((i) => labels[i]!));
        const counts = [...new Set(labels)].map((label) => classes.get(label) ?? 0);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        const images = timesOf(order);
        for (const label of new Set(labels)) {
          const own = labels.flatMap((other, i) => (other === label ? [images.get(i) ?? 0] : []));
          expect(Math.max(...own) - Math.min(...own)).toBeLessThanOrEqual(1);
        }
      },
    ),
  );
});

test("other keys give other orders, the same key the same", () => {
  const labels = Array.from({ length: 30 }, (_, i) => (i < 25 ? 0 : 1));
  expect(balancedOrder(labels, 30, keyOf(1))).toEqual(balancedOrder(labels, 30, keyOf(1)));
  expect(balancedOrder(labels, 30, keyOf(1))).not.toEqual(balancedOrder(labels, 30, keyOf(2)));
});

interface Repeated {
  readonly repeats: number;
  readonly order: readonly number[];
  /** Empty below 256 images, where timm's rounding leaves nothing. */
  readonly epoch: readonly number[];
}
const golden: readonly Repeated[] = JSON.parse(readFileSync(new URL("golden/repeats.json", import.meta.url), "utf8"));

test("an epoch of repeats is timm's, given the same permutation", () => {
  expect(golden.map(({ epoch }) => epoch.length)).toEqual([0, 256, 256, 256, 512]);
  for (const { repeats, order, epoch } of golden.filter((one) => one.epoch.length > 0)) {
    expect([...repeatedOrder(Uint32Array.from(order), repeats)]).toEqual(epoch);
    const whole = Math.floor(epoch.length / repeats);
    expect([...timesOf(epoch).values()].filter((times) => times === repeats)).toHaveLength(whole);
  }
});

test("below timm's round of 256 images an epoch of repeats keeps its length", () => {
  expect([...repeatedOrder(Uint32Array.of(4, 2, 0, 1, 3), 3)]).toEqual([4, 4, 4, 2, 2]);
  const { repeats, order } = golden[0]!;
  expect(repeatedOrder(Uint32Array.from(order), repeats)).toHaveLength(order.length);
});

test("a loader has the batches of the images that an epoch of repeats shows", () => {
  const plan = { batchSize: 100, shuffle: true, repeats: 3, dropLast: false, seed: 1 } as BatchPlan;
  const shown = epochOrder(700, plan, 0, () => 0);
  expect(shown).toHaveLength(512);
  expect(batchesPerEpoch(700, plan)).toBe(6);
  expect(batchesPerEpoch(700, { ...plan, dropLast: true })).toBe(5);
  expect(batchesPerEpoch(700, { ...plan, repeats: 1 })).toBe(7);
  expect(batchesPerEpoch(700, { ...plan, shuffle: false })).toBe(7);
});

test.each([0, 2])("an image that is shown twice is changed twice, with %i workers the same", async (workers) => {
  const dataset = shapesDataset({ split: "train", length: 12 });
  const input = { input_size: [3, 32, 32], mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
  const plan = {
    preprocessing: preprocessingFromTimm(input, "test"),
    augmentation: smallAugmentation,
    batchSize: 6,
    shuffle: true,
    dropLast: true,
    seed: 1,
    repeats: 3,
  };
  const read = async (count: number) => {
    const loader = openLoader(dataset, plan, { workers: count });
    const batches = [];
    for await (const batch of loader.epoch(0)) batches.push(batch);
    await loader.close();
    return batches;
  };
  const batches = await read(workers);
  expect(batches.map(({ images }) => images)).toEqual((await read(0)).map(({ images }) => images));
  for (const { indices, images } of batches) {
    expect(timesOf(indices).size).toBe(2);
    const size = images.length / 6;
    const shown = new Set([0, 1, 2].map((i) => images.subarray(i * size, (i + 1) * size).join()));
    expect(shown.size).toBeGreaterThan(1);
  }
});
