/** One epoch of a training with all that belongs to it (decode, augment, step) for each line on standard input: the other side of `tools/timm-peer.py JOB race`. */

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { foldIn, keyOf } from "../src/graph/random.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import { scheduleOf } from "../src/train/recipe-parts.ts";
import { openTraining, trainingBatch } from "../src/train/training-node.ts";
import { startTuning } from "../src/train/tuning.ts";
import { datasetOf, type LoopJob, modelOf } from "./loop-job.ts";

const job = JSON.parse(readFileSync(process.argv[2]!, "utf8")) as LoopJob;
const { recipe, seed, workers, room } = job;
const train = await datasetOf(job.train, job.classes);
const pretrained = await modelOf(job, train.classes);
const runtime = await nodeRuntime({ threads: job.threads });
const tuning = await startTuning(pretrained, recipe, seed);
const stores = room === undefined ? undefined : { train: { bytes: room }, validation: { bytes: 0 } };
const training = await openTraining({ pretrained, train, recipe, seed, runtime, workers, stores }, tuning);
const rate = scheduleOf(recipe, training.stepsPerEpoch);
let [step, epoch] = [0, 0];

/** As `fit`: the loss is read after each step. */
async function repetition(): Promise<void> {
  for await (const batch of training.batches(epoch++, 0)) {
    const settings = { step, learningRate: rate(step, []), key: foldIn(keyOf(seed), "step", step) };
    await training.learner.learn([trainingBatch(batch)], settings);
    step++;
  }
}

await repetition();
process.stdout.write("ready\n");
for await (const line of createInterface({ input: process.stdin })) {
  if (line.trim() === "") break;
  const start = performance.now();
  await repetition();
  process.stdout.write(`${(performance.now() - start) / 1000}\n`);
}
process.stdout.write(`${process.resourceUsage().maxRSS * 1024}\n`);
await training.close();
process.exit();
