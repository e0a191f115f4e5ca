/**
 * Memory over many epochs, of the data loader alone or of a whole training: prints the largest resident size of each epoch and what it grew by from the first quarter
 * of the epochs to the last, and fails where the middle one of the last quarter differs from that of the quarter before by more than 2 %.
 *
 *     node tools/run.mjs bench/memory.ts DATA [--epochs 50] [--workers 2] [--kept MIB] [--training] [--threads 2]
 *     node tools/run.mjs bench/memory.ts tar|parquet --shards MIB [--epochs 8] …
 *
 * With `--shards` the data is noise in such files, so many MiB in all, in the temporary folder, which is emptied again; memory while it is opened is told, too.
 * `--training` trains a small ViT on pieces of 96 pixels, with validation and checkpoints, as `vitrine train` does; `--kept` is of the loader alone.
 * glibc gives each thread that decodes its own arenas, which fill up slowly; MALLOC_ARENA_MAX=2 shows what is left without that.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { photoAugmentation } from "../src/data/augment.ts";
import type { Dataset } from "../src/data/datasets/dataset.ts";
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
    shards: { type: "string" },
    workers: { type: "string", default: "2" },
    kept: { type: "string", default: "0" },
    training: { type: "boolean", default: false },
    threads: { type: "string", default: "2" },
  },
});
const epochs = Number(values.epochs);
const workers = Number(values.workers);
const preprocessing = preprocessingFromTimm({ input_size: [3, 96, 96], crop_pct: 0.9 }, "bench");

/** Sees what an epoch's largest size is: that at its end depends on when rubbish was last collected. */
class Sizes {
  readonly mebibytes: number[] = [];
  #largest = 0;

  look(): void {
    this.#largest = Math.max(this.#largest, process.memoryUsage.rss() / 2 ** 20);
  }

  /** The largest since this was last asked for. */
  take(): number {
    this.look();
    const largest = this.#largest;
    this.#largest = 0;
    return largest;
  }

  endEpoch(): void {
    const largest = this.take();
    console.log(`epoch ${this.mebibytes.length}: ${largest.toFixed(1)} MiB`);
    this.mebibytes.push(largest);
  }
}

const sizes = new Sizes();
const folder = mkdtempSync(join(tmpdir(), "vitrine-memory-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
process.on("SIGINT", () => process.exit(130));
process.on("SIGTERM", () => process.exit(143));
const dataset =
  values.shards === undefined ? (await openDataset(positionals[0] ?? "shapes")).train : await openWritten();

/** The shards are written by another process, so that its memory is not in the way. */
async function openWritten(): Promise<Dataset> {
  const data = join(folder, "data");
  const [kind, mebibytes] = [positionals[0], Number(values.shards)];
  execFileSync(process.execPath, ["tools/run.mjs", "bench/shards.ts", data, kind!, values.shards!]);
  const timer = setInterval(() => sizes.look(), 10);
  const before = sizes.take();
  const { train: opened } = await openDataset(data, { cache: join(folder, "cache") });
  clearInterval(timer);
  console.log(
    `${opened.length} pictures in ${mebibytes} MiB: ${before.toFixed(1)} MiB before, at most ${sizes.take().toFixed(1)} while they are opened`,
  );
  return opened;
}

async function load(): Promise<void> {
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

async function learn(): Promise<void> {
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
  for await (const event of events) {
    sizes.look();
    if (event.type === "epoch.end") sizes.endEpoch();
  }
}

await (values.training ? learn() : load());
const middleOf = (some: readonly number[]): number => [...some].sort((a, b) => a - b)[some.length >> 1]!;
const quarter = Math.floor(epochs / 4);
const [first, third, last] = [
  middleOf(sizes.mebibytes.slice(0, quarter)),
  middleOf(sizes.mebibytes.slice(-2 * quarter, -quarter)),
  middleOf(sizes.mebibytes.slice(-quarter)),
];
const drift = (last - third) / third;
const told = (from: number): string =>
  `${from.toFixed(1)} to ${last.toFixed(1)} MiB (${((100 * (last - from)) / from).toFixed(1)} %)`;
console.log(`from the third quarter to the last ${told(third)}, from the first to the last ${told(first)}`);
process.exitCode = Math.abs(drift) <= 0.02 ? 0 : 1;
