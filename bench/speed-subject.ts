/** One repetition of a model in vitrine for each line on standard input: the other side of `tools/torch-peer.py`, with the same protocol. */

import { createInterface } from "node:readline";
import { compile } from "../src/compile/index.ts";
import { createModel } from "../src/models/registry.ts";
import { adamW, weightDecayGroups } from "../src/optim/index.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import { compileTrainingStep, noWeightDecay } from "../src/train/step.ts";

const [name, task, batchText, threads] = process.argv.slice(2) as [string, string, string, string];
const batch = Number(batchText);
const runtime = await nodeRuntime({ threads: Number(threads) });
const model = createModel(name, { labels: 1000 });
const pixels = 3 * 224 * 224;
const images = {
  dtype: "float32" as const,
  shape: [batch, 3, 224, 224],
  data: Float32Array.from({ length: batch * pixels }, (_, i) => Math.sin(i)),
};

async function subject(): Promise<() => Promise<unknown>> {
  if (task === "infer") {
    const run = await compile(
      ({ images: x }) => ({ logits: model.forward(x) }),
      { images: ["b", 3, 224, 224] },
      { runtime },
    );
    return () => run.run({ images });
  }
  const optimizer = adamW(weightDecayGroups(model.parameters(), 0.05, noWeightDecay));
  const step = await compileTrainingStep(model, {
    runtime,
    optimizer,
    batchSize: batch,
    imageShape: [3, 224, 224],
    labels: 1000,
  });
  const targets = { dtype: "float32" as const, shape: [batch, 1000], data: new Float32Array(batch * 1000) };
  for (let i = 0; i < batch; i++) targets.data[i * 1000 + (i % 1000)] = 1;
  let done = 0;
  return () => step.run({ images, targets, ...optimizer.feeds(done++, 1e-3) });
}

const repetition = await subject();
for (let i = 0; i < 2; i++) await repetition();
process.stdout.write("ready\n");
for await (const line of createInterface({ input: process.stdin })) {
  if (line.trim() === "") break;
  const start = performance.now();
  await repetition();
  process.stdout.write(`${(performance.now() - start) / 1000}\n`);
}
process.stdout.write(`${process.resourceUsage().maxRSS * 1024}\n`);
