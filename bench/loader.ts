/**
 * Images/s of the data loader, beside the processor time that each image takes (which other load on the machine disturbs less), with and without a store of decoded
 * images.
 *
 *     node tools/run.mjs bench/loader.ts DATA [WORKERS]
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Augmentation, photoAugmentation } from "../src/data/augment.ts";
import { openLoader } from "../src/data/loader-node.ts";
import type { ImageStoreOptions } from "../src/data/loader-store.ts";
import { openDataset } from "../src/data/open-node.ts";
import { preprocessingFromTimm } from "../src/data/preprocess-config.ts";

const [data = "", workers = "2"] = process.argv.slice(2);
const preprocessing = preprocessingFromTimm({ input_size: [3, 224, 224], crop_pct: 0.9 }, "bench");
const kinds: readonly (readonly [string, Augmentation | undefined])[] = [
  ["train: random resized crop, flip", photoAugmentation],
  ["evaluation: resize, centre crop", undefined],
];
const folder = mkdtempSync(join(tmpdir(), "vitrine-bench-"));
const bytes = 2 ** 31;
const stores: readonly (readonly [string, ImageStoreOptions | undefined])[] = [
  ["nothing kept", undefined],
  ["kept in memory", { bytes }],
  ["kept on disk", { bytes, folder }],
];

const { train: dataset } = await openDataset(data);
const epochs = 3;
try {
  for (const [name, augmentation] of kinds)
    for (const [where, store] of stores) {
      const plan = { preprocessing, augmentation, batchSize: 32, shuffle: true, dropLast: false, seed: 0 };
      const loader = openLoader(dataset, plan, { workers: Number(workers), store });
      // The first epoch starts threads, loads libraries and fills the file cache and the store.
      for await (const _ of loader.epoch(0));
      let images = 0;
      const start = performance.now();
      const used = process.cpuUsage();
      for (let epoch = 1; epoch <= epochs; epoch++)
        for await (const batch of loader.epoch(epoch)) images += batch.labels.length;
      const seconds = (performance.now() - start) / 1000;
      const { user, system } = process.cpuUsage(used);
      await loader.close();
      const each = (user + system) / 1000 / images;
      console.log(
        `${name}, ${where}: ${(images / seconds).toFixed(0)} images/s, ${each.toFixed(1)} ms of processor time an image`,
      );
    }
} finally {
  rmSync(folder, { recursive: true });
}
