/**
 * What a masked autoencoder is worth where labels are few: garments, a hundredth of them with labels, beside the same encoder from random weights.
 *
 *     node tools/run.mjs bench/mae-labels.ts [--data ../shared/data/fashion-mnist] [--keep DIR] [--pretrain 8] [--labels 600] [--epochs 100] [--seeds 3]
 *         [--images N] [--test N] [--judge 2000] [--rates adamw:1e-3,adamw:3e-3,muon:1e-3,muon:3e-3] [--threads 2]
 *
 * The autoencoder learns `--pretrain` epochs of all images without their labels. Then each side chooses its optimiser and learning rate among the same `--rates`, by
 * the accuracy on `--judge` further training images (first seed, last epoch), and trains with each seed's own labelled images; so does a linear head on the frozen
 * encoder. Prints the table of test accuracies. With `--keep` what was measured is not measured again, so that the bench can be run in portions.
 */

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Dataset } from "../src/data/datasets/dataset.ts";
import { sampled, stratifiedSplit, subset } from "../src/data/datasets/subset.ts";
import { openDataset } from "../src/data/open-node.ts";
import { maeAround, maeEncoder } from "../src/models/mae/encoder.ts";
import { MAE } from "../src/models/mae/mae.ts";
import { loadPretrained } from "../src/pretrained/load-node.ts";
import { newPretrained } from "../src/pretrained/new.ts";
import type { Pretrained } from "../src/pretrained/pretrained.ts";
import { savePretrained } from "../src/pretrained/save-node.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import { evaluateDataset } from "../src/tasks/evaluate-node.ts";
import { presets } from "../src/train/presets.ts";
import { MaskedPainter, maskedPretraining, painting } from "../src/train/pretraining.ts";
import { fromScratch, type Recipe } from "../src/train/recipe.ts";
import { trainInFolder } from "../src/train/run-node.ts";
import { median } from "./contestant.ts";

const { values } = parseArgs({
  options: {
    data: { type: "string", default: "../shared/data/fashion-mnist" },
    keep: { type: "string" },
    pretrain: { type: "string", default: "8" },
    labels: { type: "string", default: "600" },
    epochs: { type: "string", default: "100" },
    seeds: { type: "string", default: "3" },
    images: { type: "string", default: "60000" },
    test: { type: "string", default: "10000" },
    judge: { type: "string", default: "2000" },
    rates: { type: "string", default: "adamw:1e-3,adamw:3e-3,muon:1e-3,muon:3e-3" },
    threads: { type: "string", default: "2" },
  },
});
const place = values.keep ? resolve(values.keep) : mkdtempSync(join(tmpdir(), "vitrine-mae-labels-"));
mkdirSync(place, { recursive: true });
const runtime = await nodeRuntime({ threads: Number(values.threads) });
const parts = await openDataset("fashion-mnist", { dataDir: resolve(values.data) });
const train = sampled(parts.train, Number(values.images), 0);
const test = sampled(parts.test!, Number(values.test), 0);
const [others, judged] = stratifiedSplit(train, Number(values.judge) / train.length, 0);
const rest = subset(train, others, "fashion-mnist/train");
const judge = subset(train, judged, "fashion-mnist/judge");

/** Patches of 4 pixels, 49 of them: the least that is worth hiding three quarters of. */
const encoderOptions = { imageSize: 28, patchSize: 4, channels: 1, width: 96, depth: 4, heads: 3, mlpWidth: 192 };
const architecture = "vit_tiny_patch16_224";
const { preprocessing } = presets["fashion-mnist"]!;
const encoderFolder = join(place, "encoder");

/** A side of the comparison. */
type Side = "from random weights" | "from the autoencoder" | "linear head on the autoencoder";

const usual: Recipe = {
  ...fromScratch,
  epochs: Number(values.epochs),
  batchSize: 32,
  warmupEpochs: Math.min(5, Number(values.epochs) / 4),
  crop: "padded",
  pad: 2,
  flip: 0.5,
};
const ofSide: Readonly<Record<Side, Partial<Recipe>>> = {
  "from random weights": {},
  // What early blocks have learnt is to stay. @source He et al., arXiv:2111.06377, Table 9
  "from the autoencoder": { layerDecay: 0.75 },
  "linear head on the autoencoder": { tune: "probe", labelSmoothing: 0 },
};

interface Candidate {
  readonly optimizer: Recipe["optimizer"];
  readonly learningRate: number;
}
const candidates = values.rates.split(",").map((text): Candidate => {
  const [optimizer, rate] = text.split(":") as [Recipe["optimizer"], string];
  return { optimizer, learningRate: Number(rate) };
});

/** What was measured before, by what it is of. */
const known = join(place, "measured.json");
const measured: Record<string, number> = existsSync(known) ? JSON.parse(readFileSync(known, "utf8")) : {};
async function once(name: string, measure: () => Promise<number>): Promise<number> {
  const started = performance.now();
  if (measured[name] === undefined) {
    measured[name] = await measure();
    writeFileSync(known, JSON.stringify(measured, null, 1));
    console.log(`${name}: ${percent(measured[name])} (${((performance.now() - started) / 60_000).toFixed(1)} min)`);
  }
  return measured[name];
}

async function pretrain(): Promise<number> {
  const none = newPretrained(architecture, {
    ...{ labels: [], preprocessing },
    options: { ...encoderOptions, pool: "avg", finalNorm: "pooled" },
  });
  const decoder = { decoderWidth: 64, decoderDepth: 1, decoderHeads: 2 };
  const mae = new MAE(maeAround(none.model.config, decoder)).initialize(0);
  const folder = join(place, "pretraining");
  const epochs = Number(values.pretrain);
  const size = { batchSize: 128, learningRate: 2e-3, cropScale: [0.4, 1] as const };
  const recipe: Recipe = { ...maskedPretraining, ...size, epochs, warmupEpochs: Math.min(1, epochs / 4) };
  let loss = Number.NaN;
  const events = trainInFolder({
    ...{ train, recipe, folder, runtime, seed: 0, resume: existsSync(folder) },
    pretrained: { ...none, labels: train.classes },
    objective: painting(mae),
    trainee: {
      model: new MaskedPainter(mae),
      save: () => savePretrained(encoderFolder, { ...none, model: maeEncoder(mae) }, { replace: true }),
    },
  });
  for await (const event of events) {
    if (event.type !== "epoch.end") continue;
    loss = event.train.loss;
    console.log(`pre-training, epoch ${event.epoch + 1} of ${epochs}: error of what is painted ${loss.toFixed(4)}`);
  }
  return loss;
}

/** A side's model before its first step. */
async function begin(side: Side, seed: number): Promise<Pretrained> {
  if (side !== "from random weights")
    return loadPretrained(encoderFolder, { newHead: { labels: train.classes, seed } });
  const options = { ...encoderOptions, pool: "avg", finalNorm: "pooled" } as const;
  const fresh = newPretrained(architecture, { labels: train.classes, options, preprocessing });
  fresh.model.initialize(seed);
  return fresh;
}

/** Accuracy on some images after training with a seed's labels. */
async function accuracy(side: Side, candidate: Candidate, seed: number, on: Dataset): Promise<number> {
  const pretrained = await begin(side, seed);
  const folder = join(place, "run");
  rmSync(folder, { recursive: true, force: true });
  const labelled = sampled(rest, Number(values.labels), seed);
  const recipe: Recipe = { ...usual, ...ofSide[side], ...candidate };
  const events = trainInFolder({ pretrained, train: labelled, recipe, seed, folder, runtime });
  for await (const event of events) if (event.type === "warning") console.log(event.message);
  return (await evaluateDataset(pretrained, on, runtime)).accuracy;
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
const named = ({ optimizer, learningRate }: Candidate): string => `${optimizer} ${learningRate}`;

try {
  if (!existsSync(join(encoderFolder, "model.safetensors")) || measured.painting === undefined) {
    measured.painting = await pretrain();
    writeFileSync(known, JSON.stringify(measured, null, 1));
  }
  const rows: string[] = [];
  for (const side of Object.keys(ofSide) as Side[]) {
    const tried: number[] = [];
    for (const candidate of candidates)
      tried.push(await once(`${side}, ${named(candidate)}, judged`, () => accuracy(side, candidate, 0, judge)));
    const best = candidates[tried.indexOf(Math.max(...tried))]!;
    const found: number[] = [];
    for (let seed = 0; seed < Number(values.seeds); seed++)
      found.push(await once(`${side}, ${named(best)}, seed ${seed}`, () => accuracy(side, best, seed, test)));
    rows.push(`| ${side} | ${named(best)} | ${found.map(percent).join(", ")} | **${percent(median(found))}** |`);
  }
  console.log(`\n${values.labels} of ${rest.length} labels, ${test.length} test images`);
  console.log(
    `pre-training: ${values.pretrain} epochs of ${train.length} images without labels, error ${measured.painting.toFixed(4)}\n`,
  );
  console.log("| encoder | chosen | test accuracy of each seed | median |\n|---|---|---|---|");
  console.log(rows.join("\n"));
} finally {
  if (!values.keep) rmSync(place, { recursive: true, force: true });
}
