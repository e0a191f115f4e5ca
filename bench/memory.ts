/**
 * Memory over many epochs, of the data loader alone or of a whole training: prints the largest resident size of each epoch, and fails where the middle one of the last
 * quarter differs from that of the quarter before by more than 2 %.
 *
 *     node tools/run.mjs bench/memory.ts DATA [--epochs 50] [--workers 2] [--kept MIB] [--training] [--threads 2]
 *
 * `--training` trains a small ViT on pieces of 96 pixels, with validation and checkpoints, as `vitrine train` does; `--kept` is of the loader alone.
 * glibc gives each thread that decodes its own arenas, which fill up slowly; MALLOC_ARENA_MAX=2 shows what is left without that.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { photoAugmentation } from "../src/data/augment.ts";
import { stratifiedSplit, subset } from "../src/data/datasets/subset.ts";
import { openLoader } from "../src/data/loader-node.ts";
import { openDataset } from "../src/data/open-node.ts";
import { preprocessingFromTimm } from "../src/data/preprocess-config.ts";
import { newPretrained } from "../src/pretrained/new.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import { fromScratch, type Recipe } from "../src/train/recipe.ts";
import { trainInFolder } from "../src/train/run-node.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    epochs: { type: "string", default: "50" },
    workers: { type: "string", default: "2" },
    kept: { type: "string", default: "0" },
    training: { type: "boolean", default: false },
    threads: { type: "string", default: "2" },
  },
});
const epochs = Number(values.epochs);
const workers = Number(values.workers);
const preprocessing = preprocessingFromTimm({ input_size: [3, 96, 96], crop_pct: 0.9 }, "bench");
const { train: dataset } = await openDataset(positionals[0] ?? "shapes");

/** Sees what an epoch's largest size is: that at its end depends on when rubbish was last collected. */
class Sizes {
  readonly mebibytes: number[] = [];
  #largest = 0;

  look(): void {
    this.#largest = Math.max(this.#largest, process.memoryUsage.rss() / 2 ** 20);
  }

  endEpoch(): void {
    this.look();
    console.log(`epoch ${this.mebibytes.length}: ${this.#largest.toFixed(1)} MiB`);
    this.mebibytes.push(this.#largest);
    this.#largest = 0;
  }
}

async function load(sizes: Sizes): Promise<void> {
  const order = { batchSize: 32, shuffle: true, dropLast: false, seed: 0 };
  const loader = openLoader(
    dataset,
    { preprocessing, augmentation: photoAugmentation, ...order },
    { workers, store: values.kept === "0" ? undefined : { bytes: Number(values.kept) * 2 ** 20 } },
  );
  for (let epoch = 0; epoch < epochs; epoch++) {
    for await (const _ of loader.epoch(epoch)) sizes.look();
    sizes.endEpoch();
  }
  await loader.close();
}

async function learn(sizes: Sizes): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "vitrine-memory-"));
  const [learnt, held] = stratifiedSplit(dataset, 0.2, 0);
  const recipe: Recipe = { ...fromScratch, epochs, batchSize: 16, crop: "resized", warmupEpochs: 1 };
  const options = { imageSize: 96, depth: 4 };
  const pretrained = newPretrained("vit_tiny_patch16_224", { labels: dataset.classes, options, preprocessing });
  pretrained.model.initialize(0);
  const events = trainInFolder({
    ...{ pretrained, recipe, folder: join(folder, "run"), seed: 0, workers },
    ...{ train: subset(dataset, learnt), validation: subset(dataset, held) },
    runtime: await nodeRuntime({ threads: Number(values.threads) }),
  });
  try {
    for await (const event of events) {
      sizes.look();
      if (event.type === "epoch.end") sizes.endEpoch();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const sizes = new Sizes();
await (values.training ? learn(sizes) : load(sizes));
const middleOf = (some: readonly number[]): number => [...some].sort((a, b) => a - b)[some.length >> 1]!;
const quarter = Math.floor(epochs / 4);
const [third, last] = [
  middleOf(sizes.mebibytes.slice(-2 * quarter, -quarter)),
  middleOf(sizes.mebibytes.slice(-quarter)),
];
const drift = (last - third) / third;
console.log(`third quarter ${third.toFixed(1)} MiB, last ${last.toFixed(1)} MiB: ${(100 * drift).toFixed(1)} %`);
process.exitCode = Math.abs(drift) <= 0.02 ? 0 : 1;
