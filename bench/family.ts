/**
 * The vision family beside PyTorch, float32, in one run: timm's models, and transformers' masked autoencoder, which timm lacks. Both sides take
 * turns, repetition by repetition, and medians are compared.
 *
 * `PYTHON=/path/to/python node tools/run.mjs bench/family.ts [REPETITIONS] [infer|train] [MODEL]`; that Python needs torch, timm and transformers.
 */

import { type Case, mb, race, threads } from "./race.ts";

const models = [
  "swin_tiny_patch4_window7_224",
  "swin_small_patch4_window7_224",
  "tnt_s_patch16_224",
  "resnet50",
  "mae_vit_base",
];
const jobs = [
  { task: "infer", batch: 1 },
  { task: "infer", batch: 8 },
  { task: "train", batch: 8 },
] as const;

const repetitions = Number(process.argv[2] ?? 7);
const [task, model] = process.argv.slice(3);
const cases: readonly Case[] = models
  .flatMap((name) => jobs.map((job) => ({ model: name, ...job })))
  .filter((one) => (!task || one.task === task) && (!model || one.model === model));

process.stdout.write(
  `threads ${threads}, ${repetitions} alternating repetitions, medians\n\n| model | task | batch | vitrine s | PyTorch s | times as fast | vitrine MB | PyTorch MB | memory |\n|---|---|---|---|---|---|---|---|---|\n`,
);
for (const one of cases) {
  const { ours, theirs, ourMemory, theirMemory } = await race(
    [one.model, one.task, String(one.batch), threads],
    one.task === "train" ? repetitions : 3 * repetitions,
  );
  const cells = [
    ...[one.model, one.task, one.batch, ours.toFixed(4), theirs.toFixed(4), (theirs / ours).toFixed(2)],
    ...[mb(ourMemory), mb(theirMemory), (ourMemory / theirMemory).toFixed(2)],
  ];
  process.stdout.write(`| ${cells.join(" | ")} |\n`);
}
