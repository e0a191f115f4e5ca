/**
 * Speed beside PyTorch with timm, float32, in one run: the two take turns, repetition by repetition, and medians are compared.
 *
 * `PYTHON=/path/to/python node tools/run.mjs bench/speed.ts [REPETITIONS] [infer|train|none]`, `none` for matrix products alone; that Python needs torch and timm.
 */

import { createModel } from "../src/models/registry.ts";
import { summary } from "../src/nn/summary.ts";
import { type Case, mb, race, threads } from "./race.ts";

/** Of the products [1576, 384] · [384, 1536] · [1536, 384], eight pairs in a repetition. */
const productFlops = 8 * 2 * 2 * 1576 * 384 * 1536;

const cases: readonly Case[] = [
  { model: "vit_small_patch16_224", task: "infer", batch: 1 },
  { model: "vit_small_patch16_224", task: "infer", batch: 8 },
  { model: "vit_base_patch16_224", task: "infer", batch: 1 },
  { model: "vit_base_patch16_224", task: "infer", batch: 8 },
  { model: "vit_small_patch16_224", task: "train", batch: 32 },
];

const repetitions = Number(process.argv[2] ?? 7);
const only = process.argv[3];

/** Products of both engines alone, of the shapes of ViT-S on eight images: what no forward pass can outrun. */
async function products(): Promise<number> {
  const { ours, theirs } = await race(["products", "infer", "8", threads], 3 * repetitions);
  const gflops = (seconds: number): number => productFlops / seconds / 1e9;
  process.stdout.write(
    `matrix products alone: vitrine ${gflops(ours).toFixed(0)} GFLOP/s, PyTorch ${gflops(theirs).toFixed(0)} GFLOP/s\n\n`,
  );
  return gflops(ours);
}

process.stdout.write(`threads ${threads}, ${repetitions} alternating repetitions, medians\n`);
const peak = await products();
process.stdout.write(
  "| model | task | batch | vitrine s | PyTorch s | times as fast | GFLOP/s | share of the products' | vitrine MB | PyTorch MB | memory |\n|---|---|---|---|---|---|---|---|---|---|---|\n",
);
for (const { model, task, batch } of cases) {
  if (only && only !== task) continue;
  const rounds = task === "train" ? repetitions : 3 * repetitions;
  const { ours, theirs, ourMemory, theirMemory } = await race([model, task, String(batch), threads], rounds);
  const forward = Number(summary(createModel(model, { labels: 1000 }), [batch, 3, 224, 224])[0]!.flops);
  // A backward pass has two products for each one of the forward pass.
  const gflops = ((task === "train" ? 3 : 1) * forward) / ours / 1e9;
  const cells = [
    ...[model, task, batch, ours.toFixed(4), theirs.toFixed(4), (theirs / ours).toFixed(2)],
    ...[gflops.toFixed(0), (gflops / peak).toFixed(2)],
    ...[mb(ourMemory), mb(theirMemory), (ourMemory / theirMemory).toFixed(2)],
  ];
  process.stdout.write(`| ${cells.join(" | ")} |\n`);
}
