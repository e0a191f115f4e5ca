import { expect, test } from "vitest";
import { shapesDataset } from "../../src/data/datasets/shapes.ts";
import { stratifiedSplit, subset } from "../../src/data/datasets/subset.ts";
import { splitWithCopies } from "../../src/inspect/split.ts";

const shapes = shapesDataset({ split: "train", seed: 0, size: 32 });
const data = subset(
  shapes,
  Uint32Array.from({ length: 200 }, (_, i) => i),
);

test("without copies it is the plain split", () => {
  expect(splitWithCopies(data, 0.1, 3, [])).toEqual(stratifiedSplit(data, 0.1, 3));
});

test("copies stay together, every picture is in one part, for any seed", () => {
  const copies = [
    [0, 17, 40],
    [3, 150],
    [5, 6, 7, 8, 9],
  ];
  for (let seed = 0; seed < 40; seed++) {
    const [first, second] = splitWithCopies(data, 0.2, seed, copies);
    expect([...first, ...second].sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i));
    const sides = new Set(second);
    for (const group of copies) expect(new Set(group.map((i) => sides.has(i))).size).toBe(1);
  }
});
