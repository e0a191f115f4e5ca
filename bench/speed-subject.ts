/**
 * One repetition of a model in vitrine for each line on standard input (`mae_vit_base`: a masked autoencoder): the other side of `tools/torch-peer.py`, with the same protocol.
 *
 * MODEL TASK BATCH THREADS [SIDE] [recompute]: images of 224 pixels a side, unless told otherwise; `recompute` as in `StepOptions`.
 */

import { createInterface } from "node:readline";
import { compile } from "../src/compile/index.ts";
import type { NdArray } from "../src/graph/dtype.ts";
import { keyOf } from "../src/graph/random.ts";
import { MAE } from "../src/models/mae/mae.ts";
import { createModel } from "../src/models/registry.ts";
import { adamW, weightDecayGroups } from "../src/optim/index.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import { tensor } from "../src/tensor/index.ts";
import type { Classifier } from "../src/train/objective.ts";
import { MaskedPainter, painting } from "../src/train/pretraining.ts";
import { compileTrainingStep, noWeightDecay } from "../src/train/step.ts";
import { seconds } from "./clock.ts";

const [name, task, batchText, threads, sideText = "224"] = process.argv.slice(2) as [string, string, string, string];
const side = Number(sideText);
const recompute = process.argv.includes("recompute");
const batch = Number(batchText);
// As PyTorch's threads do.
const runtime = await nodeRuntime({ threads: Number(threads), spinning: true });
const mae = name === "mae_vit_base" ? new MAE() : undefined;
const model: Classifier = mae
  ? new MaskedPainter(mae)
  : createModel(name === "products" ? "vit_tiny_patch16_224" : name, { labels: 1000, imageSize: side });
const key = keyOf(0);
const pixels = 3 * side * side;
const images = {
  dtype: "float32" as const,
  shape: [batch, 3, side, side],
  data: Float32Array.from({ length: batch * pixels }, (_, i) => Math.sin(i)),
};

/** Products [1576, 384] · [384, 1536] · [1536, 384]: all of the last is read, so that none of them is left out. */
async function products(): Promise<() => Promise<unknown>> {
  const filled = (rows: number, columns: number): NdArray => ({
    ...{ dtype: "float32", shape: [rows, columns] },
    data: Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i)),
  });
  const wide = tensor(filled(384, 1536).data as Float32Array, [384, 1536]);
  const narrow = tensor(filled(1536, 384).data as Float32Array, [1536, 384]);
  const run = await compile(({ x }) => ({ y: x.matmul(wide).matmul(narrow) }), { x: [1576, 384] }, { runtime });
  const x = filled(1576, 384);
  return async () => {
    for (let i = 0; i < batch; i++) await run.run({ x });
  };
}

async function subject(): Promise<() => Promise<unknown>> {
  if (name === "products") return products();
  if (task === "infer") {
    const run = await compile(
      ({ images: x }) => ({ result: model.forward(x) }),
      { images: ["b", 3, side, side] },
      { runtime },
    );
    return () => run.run({ images }, { key });
  }
  const optimizer = adamW(weightDecayGroups(model.parameters(), 0.05, noWeightDecay));
  const step = await compileTrainingStep(model, {
    runtime,
    optimizer,
    batchSize: batch,
    imageShape: [3, side, side],
    labels: 1000,
    objective: mae && painting(mae),
    recompute,
  });
  const targets = { dtype: "float32" as const, shape: [batch, 1000], data: new Float32Array(batch * 1000) };
  for (let i = 0; i < batch; i++) targets.data[i * 1000 + (i % 1000)] = 1;
  let done = 0;
  return () => step.run({ images, targets, ...optimizer.feeds(done++, 1e-3) }, { key });
}

const repetition = await subject();
for (let i = 0; i < 2; i++) await repetition();
process.stdout.write("ready\n");
for await (const line of createInterface({ input: process.stdin })) {
  if (line.trim() === "") break;
  const start = seconds();
  await repetition();
  process.stdout.write(`${seconds() - start}\n`);
}
// The engine's threads would keep the process.
process.stdout.write(`${process.resourceUsage().maxRSS * 1024}\n`, () => process.exit());
