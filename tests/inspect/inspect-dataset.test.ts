import { expect, test } from "vitest";
import type { Dataset, Sample } from "../../src/data/datasets/dataset.ts";
import { shapesDataset } from "../../src/data/datasets/shapes.ts";
import { subset } from "../../src/data/datasets/subset.ts";
import { VitrineError } from "../../src/errors.ts";
import { findingsOf } from "../../src/inspect/findings.ts";
import { inspectDataset } from "../../src/inspect/inspect-dataset.ts";

const shapes = shapesDataset({ split: "train", seed: 0, size: 32 });
const part = (indices: readonly number[]): Dataset => subset(shapes, Uint32Array.from(indices));
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

/** The same data set with some images that cannot be read, and labels that are others. */
function spoilt(dataset: Dataset, broken: readonly number[], labels: Readonly<Record<number, number>> = {}): Dataset {
  const labelOf = (index: number): number => labels[index] ?? dataset.labelOf(index);
  return {
    ...dataset,
    labelOf,
    async get(index): Promise<Sample> {
      if (broken.includes(index))
        throw new VitrineError("INVALID_FILE", { rule: "it must be an image", place: "x.png" });
      return { ...(await dataset.get(index)), label: labelOf(index) };
    },
  };
}

test("what is planted is found: a leak, a conflict, a copy and a broken file", async () => {
  const train = spoilt(part([...range(0, 40), 7, 9]), [3], { 41: (shapes.labelOf(9) + 1) % shapes.classes.length });
  const validation = part([...range(40, 60), 20, 21]);
  const inspection = await inspectDataset({ train, validation });
  expect(inspection.unreadable).toMatchObject([{ split: "train", index: 3, file: "x.png" }]);
  const members = (one: (typeof inspection.copies)[number]) =>
    one.members.map(({ split, index }) => `${split} ${index}`);
  expect(inspection.copies.map((one) => [members(one), one.exact, one.acrossSplits, one.labelsDiffer])).toEqual([
    [["train 7", "train 40"], true, false, false],
    [["train 9", "train 41"], true, false, true],
    [["train 20", "validation 20"], true, true, false],
    [["train 21", "validation 21"], true, true, false],
  ]);
  const groups = inspection.groups.get("validation")!;
  expect([groups[20], groups[21]]).toEqual([20, 21]);
  const findings = findingsOf(inspection);
  expect(findings.filter(({ level }) => level === "warning").map(({ code }) => code)).toEqual([
    "leak",
    "conflict",
    "unreadable",
  ]);
  expect(findings[0]!.text).toBe(
    "LEAK: 2 validation or test images show the same as an image of another split; accuracy there will look better than it is",
  );
});

test("sizes and counts are those of the data", async () => {
  const inspection = await inspectDataset({ train: part(range(0, 30)) });
  const [train] = inspection.splits;
  expect(train).toMatchObject({ images: 30, width: { least: 32, median: 32, greatest: 32 } });
  expect(train!.perClass.reduce((a, b) => a + b)).toBe(30);
  expect(findingsOf(inspection).map(({ code }) => code)).toContain("few");
});

test("an uneven data set is said to be one", async () => {
  const byClass = (label: number, count: number): number[] =>
    range(0, 20_000)
      .filter((i) => shapes.labelOf(i) === label)
      .slice(0, count);
  const rest = shapes.classes.flatMap((_, label) => byClass(label, label === 0 ? 25 : 5));
  const finding = findingsOf(await inspectDataset({ train: part(rest) })).find(({ code }) => code === "imbalance");
  expect(finding?.text).toContain("5.0 times as many");
});

test("it stops on request", async () => {
  const stop = new AbortController();
  stop.abort();
  await expect(inspectDataset({ train: part([0, 1]) }, { signal: stop.signal })).rejects.toMatchObject({
    code: "INTERRUPTED",
  });
});
