import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { photoAugmentation } from "../../src/data/augment.ts";
import type { Dataset } from "../../src/data/datasets/dataset.ts";
import { shapesDataset } from "../../src/data/datasets/shapes.ts";
import { subset } from "../../src/data/datasets/subset.ts";
import { encodePng } from "../../src/data/decode-node.ts";
import type { Batch, BatchPlan } from "../../src/data/loader-batch.ts";
import { openLoader } from "../../src/data/loader-node.ts";
import type { ImageStoreOptions } from "../../src/data/loader-store.ts";
import { makeImageStore, openImageStore } from "../../src/data/loader-store-node.ts";
import { openDataset } from "../../src/data/open-node.ts";
import { preprocessingFromTimm } from "../../src/data/preprocess-config.ts";

const count = 12;
const evaluation: BatchPlan = {
  preprocessing: preprocessingFromTimm({ input_size: [3, 24, 24], crop_pct: 0.9 }, "x"),
  batchSize: 5,
  shuffle: true,
  dropLast: false,
  seed: 1,
};
const training: BatchPlan = { ...evaluation, augmentation: photoAugmentation };
const presized: BatchPlan = { ...evaluation, augmentation: { ...photoAugmentation, presize: 16 } };
/** Bytes that an image of these takes: decoded 32 × 32, or fitted to 24 × 24; in memory, in pieces of 64. */
const decoded = 32 * 32 * 3;

let root: string;
let dataset: Dataset;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "vitrine-store-"));
  const shapes = shapesDataset({ length: count, size: 32 });
  let rows = "image,label\n";
  for (let i = 0; i < count; i++) {
    writeFileSync(join(root, `${i}.png`), await encodePng((await shapes.get(i)).image));
    rows += `${i}.png,${i % 2}\n`;
  }
  writeFileSync(join(root, "list.csv"), rows);
  dataset = (await openDataset(join(root, "list.csv"))).train;
});
afterEach(() => rmSync(root, { recursive: true }));

const disk = (bytes: number): ImageStoreOptions => ({ bytes, folder: join(root, "kept") });
const kept = (): string[] =>
  readdirSync(join(root, "kept"), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".pixels"));

async function epochs(plan: BatchPlan, store: ImageStoreOptions | undefined, workers: number, n = 2): Promise<Batch[]> {
  const loader = openLoader(dataset, plan, { workers, ...(store ? { store } : {}) });
  const out: Batch[] = [];
  for (let epoch = 0; epoch < n; epoch++) for await (const batch of loader.epoch(epoch)) out.push(batch);
  await loader.close();
  return out;
}

/** The data set, with a list of the images that were decoded. */
function counted(): { readonly dataset: Dataset; readonly decodings: number[] } {
  const decodings: number[] = [];
  const get = async (index: number) => {
    decodings.push(index);
    return dataset.get(index);
  };
  return { dataset: { ...dataset, get }, decodings };
}

test.each([0, 2])("batches are the same with and without a store, with %i workers", async (workers) => {
  for (const plan of [evaluation, training, presized]) {
    const plain = await epochs(plan, undefined, 0);
    for (const store of [{ bytes: 3 * decoded }, disk(2 ** 20)])
      expect(await epochs(plan, store, workers)).toEqual(plain);
  }
});

test.each(["memory", "disk"])("in %s, the second epoch decodes nothing, or what had no room", async (where) => {
  for (const [plan, bytes, again] of [
    [evaluation, 2 ** 20, 0],
    [training, 2 ** 20, 0],
    [training, 5 * (where === "disk" ? 4096 : decoded), count - 5],
    [evaluation, 0, count],
    // Made smaller to 16 × 16, four times as many fit.
    [presized, where === "disk" ? 2 ** 20 : 3 * decoded, 0],
  ] as const) {
    const { dataset: watched, decodings } = counted();
    const loader = openLoader(watched, plan, { workers: 0, store: where === "disk" ? disk(bytes) : { bytes } });
    for await (const _ of loader.epoch(0));
    expect(decodings.length).toBe(count);
    for await (const _ of loader.epoch(1));
    expect(decodings.length).toBe(count + again);
    await loader.close();
    rmSync(join(root, "kept"), { recursive: true, force: true });
  }
});

test("what is on disk serves the next program, until the file changes", async () => {
  await epochs(evaluation, disk(2 ** 20), 2, 1);
  expect(kept()).toHaveLength(count);
  const { dataset: watched, decodings } = counted();
  const run = async (plan = evaluation): Promise<void> => {
    decodings.length = 0;
    const loader = openLoader(watched, plan, { workers: 0, store: disk(2 ** 20) });
    for await (const _ of loader.epoch(0));
    await loader.close();
  };
  await run();
  expect(decodings).toEqual([]);
  utimesSync(join(root, "3.png"), 5, 5);
  await run();
  expect(decodings).toEqual([3]);
  writeFileSync(join(root, "4.png"), readFileSync(join(root, "5.png")));
  await run();
  expect(decodings).toEqual([4]);
  const other = preprocessingFromTimm({ input_size: [3, 16, 16] }, "x");
  await run({ ...evaluation, preprocessing: other });
  expect(decodings.length, "another preprocessing").toBe(count);
  await run(training);
  await run(presized);
  expect(decodings.length, "another size").toBe(count);
});

test("in memory, an image whose file changes is made anew", async () => {
  const store = openImageStore((await makeImageStore(dataset, evaluation, { bytes: 2 ** 20 }))!);
  const origin = { file: "a", bytes: 1, modified: 1, orientation: "exif" } as const;
  const image = (value: number) => ({ width: 1, height: 1, channels: 1, data: Uint8Array.of(value) }) as const;
  expect((await store.get(0, origin, async () => image(1))).data).toEqual(Uint8Array.of(1));
  expect((await store.get(0, origin, async () => image(2))).data).toEqual(Uint8Array.of(1));
  expect((await store.get(0, { ...origin, modified: 2 }, async () => image(2))).data).toEqual(Uint8Array.of(2));
  expect((await store.get(0, { ...origin, bytes: 2 }, async () => image(3))).data).toEqual(Uint8Array.of(3));
});

test("files of the store that are cut off or of another make are made anew", async () => {
  await epochs(evaluation, disk(2 ** 20), 0, 1);
  const plain = await epochs(evaluation, undefined, 0, 1);
  const files = kept().map((name) => join(root, "kept", name));
  writeFileSync(files[0]!, readFileSync(files[0]!).subarray(0, 100));
  writeFileSync(files[1]!, "");
  const changed = readFileSync(files[2]!);
  changed[12] = 9;
  writeFileSync(files[2]!, changed);
  expect(await epochs(evaluation, disk(2 ** 20), 0, 1)).toEqual(plain);
  expect(statSync(files[0]!).size).toBe(changed.length);
});

test("the folder stays within its bounds, and other data sets make room, the oldest first", async () => {
  const parts = [0, 4, 8].map((first) =>
    subset(dataset, Uint32Array.of(first, first + 1, first + 2, first + 3), `p${first}`),
  );
  const bytes = 8 * 4096;
  for (const part of parts) {
    const loader = openLoader(part, training, { workers: 1, store: disk(bytes) });
    for await (const _ of loader.epoch(0));
    await loader.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(kept()).toHaveLength(8);
  expect(readdirSync(join(root, "kept"))).toHaveLength(2);
});

test("images that need no decoding are not kept; impossible sizes are refused", async () => {
  expect(await makeImageStore(shapesDataset({ length: 5 }), training, { bytes: 100 })).toBeUndefined();
  for (const bytes of [-1, 0.5, 2 ** 41])
    for (const store of [{ bytes }, disk(bytes)])
      await expect(makeImageStore(dataset, training, store)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  writeFileSync(join(root, "file"), "");
  await expect(makeImageStore(dataset, training, { bytes: 100, folder: join(root, "file") })).rejects.toMatchObject({
    code: "STORAGE_FAILURE",
  });
});
