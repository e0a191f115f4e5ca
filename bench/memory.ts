/**
 * Memory of the data loader over many epochs: prints the resident size after each, and fails where the second half leaves ± 2 % of its middle.
 *
 *     node tools/run.mjs bench/memory.ts DATA [EPOCHS] [WORKERS]
 */

import { photoAugmentation } from "../src/data/augment.ts";
import { openLoader } from "../src/data/loader-node.ts";
import { openDataset } from "../src/data/open-node.ts";
import { preprocessingFromTimm } from "../src/data/preprocess-config.ts";

const [data = "shapes", epochs = "50", workers = "2"] = process.argv.slice(2);
const preprocessing = preprocessingFromTimm({ input_size: [3, 96, 96], crop_pct: 0.9 }, "bench");
const { train: dataset } = await openDataset(data);
const plan = { preprocessing, augmentation: photoAugmentation, batchSize: 32, shuffle: true, dropLast: false, seed: 0 };
const loader = openLoader(dataset, plan, { workers: Number(workers) });
const sizes: number[] = [];
for (let epoch = 0; epoch < Number(epochs); epoch++) {
  // The largest size within an epoch: that at its end depends on when rubbish was last collected.
  let largest = 0;
  for await (const _ of loader.epoch(epoch)) largest = Math.max(largest, process.memoryUsage.rss());
  sizes.push(largest / 2 ** 20);
  console.log(`epoch ${epoch}: ${sizes.at(-1)!.toFixed(1)} MiB`);
}
await loader.close();
const late = sizes.slice(Math.floor(sizes.length / 2));
const middle = (Math.min(...late) + Math.max(...late)) / 2;
const spread = (Math.max(...late) - middle) / middle;
console.log(`second half: ${middle.toFixed(1)} MiB ± ${(100 * spread).toFixed(1)} %`);
process.exitCode = spread <= 0.02 ? 0 : 1;
