import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { photoAugmentation, smallAugmentation } from "../../src/data/augment.ts";
import type { Dataset } from "../../src/data/datasets/dataset.ts";
import { openFolder } from "../../src/data/datasets/folder-node.ts";
import { holdInMemory } from "../../src/data/datasets/memory.ts";
import { shapesDataset } from "../../src/data/datasets/shapes.ts";
import { encodePng } from "../../src/data/decode-node.ts";
import type { Batch, BatchPlan } from "../../src/data/loader-batch.ts";
import { type LoaderOptions, openLoader } from "../../src/data/loader-node.ts";
import { preprocessingFromTimm } from "../../src/data/preprocess-config.ts";

const preprocessing = preprocessingFromTimm({ input_size: [3, 32, 32], crop_pct: 1 }, "test");
const plan: BatchPlan = {
  preprocessing,
  augmentation: smallAugmentation,
  mix: { mixup: 0.8, cutmix: 1 },
  soften: 0.1,
  batchSize: 8,
  shuffle: true,
  dropLast: true,
  seed: 11,
};

async function batches(dataset: Dataset, of: BatchPlan, options: LoaderOptions, epoch = 0, from = 0): Promise<Batch[]> {
  const loader = openLoader(dataset, of, options);
  try {
    const all: Batch[] = [];
    for await (const batch of loader.epoch(epoch, from)) all.push(batch);
    return all;
  } finally {
    await loader.close();
  }
}

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "vitrine-loader-"));
  const shapes = shapesDataset({ length: 20 });
  for (let i = 0; i < 20; i++) {
    const { image, label } = await shapes.get(i);
    const into = join(folder, `class-${label % 2}`);
    mkdirSync(into, { recursive: true });
    writeFileSync(join(into, `${String(i).padStart(2, "0")}.png`), await encodePng(image));
  }
  writeFileSync(join(folder, "class-0", "05.png"), "not an image");
});
afterAll(() => rmSync(folder, { recursive: true }));

test("batches are the same with no, one and three workers, and differ between epochs and seeds", async () => {
  const dataset = shapesDataset({ length: 50 });
  const inline = await batches(dataset, plan, { workers: 0 }, 2);
  expect(inline.length).toBe(6);
  expect(inline[0]!.shape).toEqual([8, 3, 32, 32]);
  expect(inline[0]!.images.length).toBe(8 * 3 * 32 * 32);
  expect(inline[0]!.targets!.length).toBe(80);
  expect(await batches(dataset, plan, { workers: 1 }, 2)).toEqual(inline);
  expect(await batches(dataset, plan, { workers: 3, ahead: 5 }, 2)).toEqual(inline);
  expect((await batches(dataset, plan, { workers: 0 }, 3))[0]!.indices).not.toEqual(inline[0]!.indices);
  expect((await batches(dataset, { ...plan, seed: 12 }, { workers: 0 }, 2))[0]!.indices).not.toEqual(
    inline[0]!.indices,
  );
});

test("an epoch can begin in the middle", async () => {
  const dataset = shapesDataset({ length: 50 });
  const whole = await batches(dataset, plan, { workers: 1 }, 1);
  expect(await batches(dataset, plan, { workers: 1 }, 1, 4)).toEqual(whole.slice(4));
});

test("every image comes once an epoch, in the data set's order without shuffling, the last batch short", async () => {
  const dataset = shapesDataset({ length: 21 });
  const evaluation: BatchPlan = { preprocessing, batchSize: 8, shuffle: false, dropLast: false, seed: 0 };
  const plain = await batches(dataset, evaluation, { workers: 2 });
  expect(plain.map((b) => b.labels.length)).toEqual([8, 8, 5]);
  expect(plain.flatMap((b) => [...b.indices])).toEqual(Array.from({ length: 21 }, (_, i) => i));
  expect(plain[0]!.targets).toBeUndefined();
  const shuffled = await batches(dataset, { ...evaluation, shuffle: true }, { workers: 2 });
  expect(shuffled.flatMap((b) => [...b.indices]).sort((a, b) => a - b)).toEqual(
    Array.from({ length: 21 }, (_, i) => i),
  );
});

test("a bad file is named, counted once, replaced in training and left out in evaluation", async () => {
  const dataset = await openFolder(folder);
  const training: BatchPlan = { ...plan, batchSize: 5, augmentation: photoAugmentation };
  const loader = openLoader(dataset, training, { workers: 2 });
  try {
    for (const epoch of [0, 1]) {
      const sizes: number[] = [];
      for await (const batch of loader.epoch(epoch)) sizes.push(batch.labels.length);
      expect(sizes).toEqual([5, 5, 5, 5]);
    }
    expect(loader.badFiles.length).toBe(1);
    expect(loader.badFiles[0]!.file).toMatch(/class-0.05\.png$|class-1.05\.png$/);
    expect(loader.badFiles[0]!.reason).toContain("05.png");
  } finally {
    await loader.close();
  }
  const evaluation: BatchPlan = { preprocessing, batchSize: 5, shuffle: false, dropLast: false, seed: 0 };
  const seen = await batches(dataset, evaluation, { workers: 1 });
  expect(seen.reduce((n, b) => n + b.labels.length, 0)).toBe(dataset.length - 1);
  expect(seen.flatMap((b) => b.files).some((file) => file.endsWith("05.png") && file.includes("class-0"))).toBe(false);
});

test("a bad file is fatal under strict, and the error keeps its code across the thread", async () => {
  const dataset = await openFolder(folder);
  const evaluation: BatchPlan = { preprocessing, batchSize: 5, shuffle: false, dropLast: false, seed: 0 };
  await expect(batches(dataset, evaluation, { workers: 1, strict: true })).rejects.toMatchObject({
    code: "DATA_PROBLEM",
  });
  const none = { ...dataset, source: { ...dataset.source, files: dataset.source.files.map((f) => `${f}.gone`) } };
  await expect(batches(none, { ...plan, batchSize: 5 }, { workers: 1 })).rejects.toMatchObject({
    code: "DATA_PROBLEM",
    fields: { rule: "a data set must have readable images" },
  });
});

test("images held in memory give the batches that their files give", async () => {
  const dataset = await openFolder(folder);
  const bad: unknown[] = [];
  const held = await holdInMemory(dataset, (error) => bad.push(error));
  expect(bad.length).toBe(1);
  expect(held.length).toBe(dataset.length - 1);
  const evaluation: BatchPlan = { preprocessing, batchSize: 19, shuffle: false, dropLast: false, seed: 0 };
  const [fromFiles] = await batches(dataset, { ...evaluation, batchSize: 20 }, { workers: 0 });
  const [fromMemory] = await batches(held, evaluation, { workers: 2 });
  expect(fromMemory!.images).toEqual(fromFiles!.images);
  expect(fromMemory!.files).toEqual(fromFiles!.files);
});

test("leaving an epoch early and closing the loader ends cleanly", async () => {
  const loader = openLoader(shapesDataset({ length: 400 }), plan, { workers: 2 });
  for await (const batch of loader.epoch(0)) if (batch.number === 2) break;
  await loader.close();
  await expect(loader.epoch(1).next()).rejects.toMatchObject({ code: "RUNTIME_FAILURE" });
});

test("impossible plans are refused before any thread starts", () => {
  const dataset = shapesDataset({ length: 5 });
  expect(() => openLoader(dataset, { ...plan, batchSize: 0 })).toThrow("batch size must be a positive integer, got 0");
  expect(() => openLoader(dataset, plan)).toThrow("an epoch must have a batch, 5 images, batch size 8");
  expect(() => openLoader(dataset, { ...plan, batchSize: 2, soften: undefined })).toThrow("mixing needs targets");
});
