/**
 * Images/s of the data loader on a folder of class folders, beside the processor time that each image takes (which other load on the machine disturbs less).
 *
 *     node tools/run.mjs bench/loader.ts FOLDER [WORKERS]
 */

import { type Augmentation, photoAugmentation } from "../src/data/augment.ts";
import { openFolder } from "../src/data/datasets/folder-node.ts";
import { openLoader } from "../src/data/loader-node.ts";
import { preprocessingFromTimm } from "../src/data/preprocess-config.ts";

const [folder = "", workers = "2"] = process.argv.slice(2);
const preprocessing = preprocessingFromTimm({ input_size: [3, 224, 224], crop_pct: 0.9 }, "bench");
const kinds: readonly (readonly [string, Augmentation | undefined])[] = [
  ["train: random resized crop, flip", photoAugmentation],
  ["evaluation: resize, centre crop", undefined],
];

const dataset = await openFolder(folder);
for (const [name, augmentation] of kinds) {
  const plan = { preprocessing, augmentation, batchSize: 32, shuffle: true, dropLast: false, seed: 0 };
  const loader = openLoader(dataset, plan, { workers: Number(workers) });
  // The first epoch starts threads, loads libraries and fills the file cache.
  for await (const _ of loader.epoch(0));
  let images = 0;
  const start = performance.now();
  const used = process.cpuUsage();
  for await (const batch of loader.epoch(1)) images += batch.labels.length;
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(used);
  await loader.close();
  const each = (user + system) / 1000 / images;
  console.log(`${name}: ${(images / seconds).toFixed(0)} images/s, ${each.toFixed(1)} ms of processor time an image`);
}
