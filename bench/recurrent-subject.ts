/** One repetition of a recurrent network in vitrine for each line on standard input: the other side of `tools/torch-recurrent-peer.py`. */

import { createInterface } from "node:readline";
import { compile } from "../src/compile/index.ts";
import { grad } from "../src/gradient/index.ts";
import { Gru, Lstm, Rnn } from "../src/nn/index.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import { mean } from "../src/tensor/index.ts";
import { seconds } from "./clock.ts";

const [kind, task, ...sizes] = process.argv.slice(2) as [string, string, ...string[]];
const [batch, steps, width, hidden, layers, both, threads] = sizes.map(Number) as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];
// As PyTorch's threads do, unless they are to sleep.
const runtime = await nodeRuntime({ threads, spinning: process.env.SPIN !== "0" });
const Network = { LSTM: Lstm, GRU: Gru, RNN: Rnn }[kind]!;
const model = new Network(width, hidden, { layers, bidirectional: both === 1 }).initialize(0);
const data = Float32Array.from({ length: batch * steps * width }, (_, i) => Math.sin(i));
const x = { dtype: "float32" as const, shape: [batch, steps, width], data };

const run =
  task === "infer"
    ? await compile((given) => ({ output: model.forward(given.x).output }), { x: ["b", "t", width] }, { runtime })
    : await compile(
        (given) => {
          const { output } = model.forward(given.x, { mode: { train: true } });
          const loss = mean(output.mul(output));
          const gradients = grad(loss, [...model.parameters().values()]);
          return { loss, ...Object.fromEntries(gradients.map((g, i) => [`g${i}`, g])) };
        },
        { x: ["b", steps, width] },
        { runtime, variables: "live" },
      );
for (let i = 0; i < 2; i++) await run.run({ x });
process.stdout.write("ready\n");
for await (const line of createInterface({ input: process.stdin })) {
  if (line.trim() === "") break;
  const start = seconds();
  await run.run({ x });
  process.stdout.write(`${seconds() - start}\n`);
}
// The engine's threads would keep the process.
process.stdout.write(`${process.resourceUsage().maxRSS * 1024}\n`, () => process.exit());
