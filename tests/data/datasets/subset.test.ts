import fc from "fast-check";
import { expect, test } from "vitest";
import { memoryDataset } from "../../../src/data/datasets/memory.ts";
import { reopenDataset } from "../../../src/data/datasets/reopen-node.ts";
import { shapesDataset } from "../../../src/data/datasets/shapes.ts";
import { sampled, stratifiedSplit, subset } from "../../../src/data/datasets/subset.ts";

test("a subset's images and labels are those of the whole, here and on a worker thread", async () => {
  const whole = shapesDataset({ length: 30 });
  const part = subset(whole, Uint32Array.of(7, 3, 29), "three");
  const again = reopenDataset(structuredClone(part.source));
  for (const dataset of [part, again]) {
    expect([dataset.name, dataset.length, dataset.classes]).toEqual(["three", 3, whole.classes]);
    for (const [i, index] of [7, 3, 29].entries()) {
      expect(dataset.labelOf(i)).toBe(whole.labelOf(index));
      expect(await dataset.get(i)).toEqual(await whole.get(index));
    }
  }
});

test("a split has every image once, and each class in its proportion", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 8, maxLength: 200 }),
      fc.double({ min: 0.05, max: 0.5, noNaN: true }),
      fc.nat(1000),
      (labels, share, seed) => {
        const dataset = labelled(labels);
        const [first, second] = stratifiedSplit(dataset, share, seed);
        expect([...first, ...second].sort((a, b) => a - b)).toEqual(labels.map((_, i) => i));
        expect(stratifiedSplit(dataset, share, seed)).toEqual([first, second]);
        for (const label of [0, 1, 2, 3]) {
          const members = labels.filter((one) => one === label).length;
          const held = [...second].filter((i) => labels[i] === label).length;
          expect(held).toBeLessThanOrEqual(Math.max(0, members - 1));
          expect(Math.abs(held - share * members)).toBeLessThanOrEqual(1);
        }
      },
    ),
  );
});

test("another seed splits otherwise", () => {
  const dataset = labelled(Array.from({ length: 100 }, (_, i) => i % 4));
  expect(stratifiedSplit(dataset, 0.2, 0)).not.toEqual(stratifiedSplit(dataset, 0.2, 1));
});

test("a sample of a periodic data set has all classes", () => {
  const dataset = sampled(shapesDataset({ length: 1000 }), 100, 0);
  expect(dataset.length).toBe(100);
  expect(new Set(Array.from({ length: 100 }, (_, i) => dataset.labelOf(i))).size).toBe(10);
});

function labelled(labels: readonly number[]) {
  return memoryDataset({
    kind: "memory",
    name: "labels",
    classes: ["a", "b", "c", "d"],
    labels: Uint16Array.from(labels),
    channels: 1,
    sizes: Uint16Array.of(1, 1),
    pixels: new Uint8Array(labels.length),
  });
}
