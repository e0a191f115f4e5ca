/**
 * Memory of the data loader over many epochs: prints the resident size of each, and fails where the middle one of the last quarter differs from that of the quarter
 * before by more than 2 %.
 *
 *     node tools/run.mjs bench/memory.ts DATA [EPOCHS] [WORKERS] [MIB_KEPT]
 *
 * glibc gives each thread that decodes its own arenas, which fill up slowly; MALLOC_ARENA_MAX=2 shows what is left without that.
 */

import { photoAugmentation } from "../src/data/augment.ts";
import { openLoader } from "../src/data/loader-node.ts";
import { openDataset } from "../src/data/open-node.ts";
import { preprocessingFromTimm } from "../src/data/preprocess-config.ts";

const [data = "shapes", epochs = "50", workers = "2", kept = "0"] = process.argv.slice(2);
const preprocessing = preprocessingFromTimm({ input_size: [3, 96, 96], crop_pct: 0.9 }, "bench");
const { train: dataset } = await openDataset(data);
const plan = { preprocessing, augmentation: photoAugmentation, batchSize: 32, shuffle: true, dropLast: false, seed: 0 };
const loader = openLoader(dataset, plan, {
  workers: Number(workers),
  store: kept === "0" ? undefined : { bytes: Number(kept) * 2 ** 20 },
});
const sizes: number[] = [];
for (let epoch = 0; epoch < Number(epochs); epoch++) {
  // The largest size within an epoch: that at its end depends on when rubbish was last collected.
  let largest = 0;
  for await (const _ of loader.epoch(epoch)) largest = Math.max(largest, process.memoryUsage.rss());
  sizes.push(largest / 2 ** 20);
  console.log(`epoch ${epoch}: ${sizes.at(-1)!.toFixed(1)} MiB`);
}
await loader.close();
const middleOf = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;
const quarter = Math.floor(sizes.length / 4);
const [third, last] = [middleOf(sizes.slice(-2 * quarter, -quarter)), middleOf(sizes.slice(-quarter))];
const drift = (last - third) / third;
console.log(`third quarter ${third.toFixed(1)} MiB, last ${last.toFixed(1)} MiB: ${(100 * drift).toFixed(1)} %`);
process.exitCode = Math.abs(drift) <= 0.02 ? 0 : 1;
