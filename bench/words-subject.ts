/**
 * One repetition of a model of words in vitrine for each line on standard input: the other side of `tools/torch-words-peer.py`.
 *
 * `generate DEPTH CONTEXT NEW THREADS`: a GPT-2 of width 768 reads a prompt of CONTEXT words, untimed, then writes NEW words with its cache.
 * `train WIDTH LAYERS BATCH LENGTH THREADS [recompute]`: one AdamW step of a Transformer of LAYERS + LAYERS layers on BATCH pairs of LENGTH words.
 */

import { createInterface } from "node:readline";
import { compile } from "../src/compile/index.ts";
import { grad } from "../src/gradient/index.ts";
import { ndarray } from "../src/graph/dtype.ts";
import { keyOf, stream } from "../src/graph/random.ts";
import { crossEntropy } from "../src/losses/index.ts";
import { Gpt2 } from "../src/models/gpt2/gpt2.ts";
import { WordTransformer } from "../src/models/transformer/word-transformer.ts";
import { adamW, weightDecayGroups } from "../src/optim/index.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import { Gpt2Writer } from "../src/tasks/decode/gpt2.ts";
import { seconds } from "./clock.ts";

const [task, ...rest] = process.argv.slice(2) as [string, ...string[]];
const recompute = rest.includes("recompute");
const sizes = rest.map(Number) as [number, number, number, number, number];

/** Seconds of a repetition. */
type Repetition = () => Promise<number>;

async function generation(depth: number, context: number, count: number, threads: number): Promise<Repetition> {
  const model = new Gpt2({ depth }).initialize(0);
  const writer = await Gpt2Writer.open(model, await nodeRuntime({ threads, spinning: true }));
  const random = stream(0);
  const prompt = Array.from({ length: context }, () => random.integer(model.config.words));
  return async () => {
    let begun = 0;
    // The first word comes of the prompt; from there on each word is one step.
    for await (const { word: _ } of writer.stream([prompt], { maxWords: count + 1, temperature: 0 }))
      begun ||= performance.now();
    return (performance.now() - begun) / 1000;
  };
}

async function training(
  width: number,
  layers: number,
  batch: number,
  length: number,
  threads: number,
): Promise<Repetition> {
  const words = 10_000;
  const stack = { layers, heads: width / 64, mlpWidth: 4 * width };
  const model = new WordTransformer({
    sourceWords: words,
    targetWords: words,
    width,
    encoder: stack,
    decoder: stack,
    dropout: 0.1,
    maxWords: Math.max(64, length),
  }).initialize(0);
  const parameters = model.parameters();
  const optimizer = adamW(weightDecayGroups(parameters, 0));
  const ids = { dtype: "int64", shape: [batch, length] } as const;
  const step = await compile(
    ({ source, target, next, ...scalars }) => {
      const { logits } = model.forward({ source, target }, { train: true });
      const loss = crossEntropy(logits.reshape([batch * length, words]), next.reshape([batch * length]));
      optimizer.update(grad(loss, [...parameters.values()], { recompute }), scalars);
      return { loss };
    },
    { source: ids, target: ids, next: ids, ...optimizer.inputs },
    { runtime: await nodeRuntime({ threads, spinning: true }) },
  );
  const random = stream(1);
  const text = () =>
    ndarray(
      "int64",
      [batch, length],
      Array.from({ length: batch * length }, () => 3 + random.integer(words - 3)),
    );
  const feeds = { source: text(), target: text(), next: text() };
  let count = 0;
  return async () => {
    const start = seconds();
    await step.run({ ...feeds, ...optimizer.feeds(count, 1e-4) }, { key: keyOf(count++) });
    return seconds() - start;
  };
}

const repeat =
  task === "generate" ? await generation(sizes[0], sizes[1], sizes[2], sizes[3]) : await training(...sizes);
await repeat();
process.stdout.write("ready\n");
for await (const line of createInterface({ input: process.stdin })) {
  if (line.trim() === "") break;
  process.stdout.write(`${await repeat()}\n`);
}
// The engine's threads would keep the process.
process.stdout.write(`${process.resourceUsage().maxRSS * 1024}\n`, () => process.exit());
