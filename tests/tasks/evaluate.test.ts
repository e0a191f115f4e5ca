import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openFolder } from "../../src/data/datasets/folder-node.ts";
import { encodePng } from "../../src/data/decode-node.ts";
import { newPretrained } from "../../src/pretrained/new.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { evaluate, type LabelledBatch, matchLabels } from "../../src/tasks/evaluate.ts";
import { evaluateDataset } from "../../src/tasks/evaluate-node.ts";

const scratch = mkdtempSync(join(tmpdir(), "vitrine-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** A batch whose pictures are their own logits. */
async function* batchesOf(
  rows: readonly (readonly number[])[],
  labels: readonly number[],
): AsyncGenerator<LabelledBatch> {
  for (let i = 0; i < rows.length; i += 2) {
    const part = rows.slice(i, i + 2);
    yield {
      images: Float32Array.from(part.flat()),
      shape: [part.length, part[0]!.length],
      labels: labels.slice(i, i + 2),
    };
  }
}

const rows = [
  [2, 1, 0, 0, 0, 0, 0],
  [0, 1, 2, 0, 0, 0, 0],
  [0, 5, 0, 0, 0, 0, 0],
  [6, 5, 4, 3, 2, 1, 0],
  [0, 1, 3, 0, 0, 0, 0],
];
const labels = ["a", "b", "c", "d", "e", "f", "g"];

test("accuracy, top five, loss, classes and confusion are what a hand counts", async () => {
  const result = await evaluate(batchesOf(rows, [0, 1, 1, 6, 2]), async (x) => x, labels);
  const loss = rows.map((row, i) => Math.log(row.reduce((s, x) => s + Math.exp(x), 0)) - row[[0, 1, 1, 6, 2][i]!]!);
  expect(result.count).toBe(5);
  expect(result.correct).toBe(3);
  expect(result.accuracy).toBe(0.6);
  expect(result.top5).toBe(0.8);
  expect(result.loss).toBeCloseTo(loss.reduce((s, x) => s + x, 0) / 5, 6);
  expect(result.confusion[1]).toEqual([0, 1, 1, 0, 0, 0, 0]);
  expect(result.confusion[6]).toEqual([1, 0, 0, 0, 0, 0, 0]);
  expect(result.classes[0]).toEqual({ label: "a", precision: 0.5, recall: 1, f1: 2 / 3, support: 1 });
  expect(result.classes[1]).toEqual({ label: "b", precision: 1, recall: 0.5, f1: 2 / 3, support: 2 });
  expect(result.classes[3]).toEqual({
    label: "d",
    precision: Number.NaN,
    recall: Number.NaN,
    f1: Number.NaN,
    support: 0,
  });
});

test("a data set's classes are found among more labels of the model", async () => {
  const dataset = { name: "few", classes: ["g", "a"] };
  expect(matchLabels(dataset, { labels })).toEqual([6, 0]);
  const toLabel = matchLabels(dataset, { labels });
  const result = await evaluate(batchesOf(rows.slice(3, 4), [0]), async (x) => x, labels, toLabel);
  expect(result.confusion[6]![0]).toBe(1);
  expect(() => matchLabels({ name: "few", classes: ["a", "zebra"] }, { labels })).toThrow(
    /it has 7 labels, it does not have zebra in few; name the class folders/,
  );
});

test("labels without names are taken in order, and digits that are names are not", () => {
  const dataset = { name: "shapes", classes: ["circle", "square"] };
  expect(matchLabels(dataset, { labels: ["0", "1"], unnamedLabels: true })).toEqual([0, 1]);
  expect(() => matchLabels(dataset, { labels: ["0", "1"] })).toThrow(/it does not have circle, square/);
  expect(matchLabels({ name: "digits", classes: ["1", "0"] }, { labels: ["0", "1"] })).toEqual([1, 0]);
});

test("nothing to judge is an error", async () => {
  await expect(evaluate(batchesOf([], []), async (x) => x, labels)).rejects.toThrow("at least one readable picture");
});

test("a folder is evaluated, and a file that cannot be read is named", async () => {
  for (const [name, grey] of [
    ["ant", 40],
    ["bee", 200],
  ] as const) {
    mkdirSync(join(scratch, name));
    for (let i = 0; i < 3; i++) {
      const image = { width: 16, height: 16, channels: 1, data: new Uint8Array(256).fill(grey + i) } as const;
      writeFileSync(join(scratch, name, `${i}.png`), await encodePng(image));
    }
  }
  writeFileSync(join(scratch, "bee", "broken.png"), "not a picture");
  const options = { imageSize: 16, patchSize: 4, width: 24, depth: 1, heads: 3, mlpWidth: 48 } as const;
  const pretrained = newPretrained("vit_tiny_patch16_224", { labels: ["ant", "bee"], options });
  const runtime = await nodeRuntime({ threads: 1 });
  const dataset = await openFolder(scratch);
  const done: number[] = [];
  const judge = { workers: 0, onProgress: (count: number) => done.push(count) };
  const result = await evaluateDataset(pretrained, dataset, runtime, judge);
  expect(result.count).toBe(6);
  expect(result.classes.map(({ support }) => support)).toEqual([3, 3]);
  expect(result.badFiles.map(({ file }) => file)).toEqual([join(scratch, "bee", "broken.png")]);
  expect(done.at(-1)).toBe(7);
  await expect(evaluateDataset(pretrained, dataset, runtime, { workers: 0, strict: true })).rejects.toMatchObject({
    code: "DATA_PROBLEM",
  });
  const stopped = evaluateDataset(pretrained, dataset, runtime, { workers: 0, signal: AbortSignal.abort() });
  await expect(stopped).rejects.toMatchObject({ code: "INTERRUPTED" });
});
