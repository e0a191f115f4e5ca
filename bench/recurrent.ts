/**
 * Recurrent networks beside PyTorch's, float32: forward, and forward with the gradients of all weights. The two take turns, repetition by
 * repetition, and medians are compared.
 *
 * `PYTHON=/path/to/python node tools/run.mjs bench/recurrent.ts [REPETITIONS] [infer|train|LSTM|GRU|RNN]`; that Python needs torch. With `CLOCK=processor`, on a
 * machine that others share: one thread, and time of the processor instead of time that passes. With `SPIN=0` vitrine's threads sleep between operators.
 */

import { availableCores } from "../src/runtime/threads-node.ts";
import { Contestant, median } from "./contestant.ts";

interface Case {
  readonly kind: "LSTM" | "GRU" | "RNN";
  readonly batch: number;
  readonly steps: number;
  readonly width: number;
  readonly hidden: number;
  readonly layers: number;
  readonly both: 0 | 1;
}

const cases: readonly Case[] = [
  { kind: "LSTM", batch: 32, steps: 64, width: 256, hidden: 256, layers: 1, both: 0 },
  { kind: "LSTM", batch: 32, steps: 64, width: 512, hidden: 512, layers: 1, both: 0 },
  { kind: "LSTM", batch: 64, steps: 100, width: 128, hidden: 256, layers: 2, both: 0 },
  { kind: "LSTM", batch: 1, steps: 64, width: 256, hidden: 256, layers: 1, both: 0 },
  { kind: "GRU", batch: 64, steps: 24, width: 256, hidden: 256, layers: 1, both: 1 },
  { kind: "RNN", batch: 32, steps: 64, width: 256, hidden: 256, layers: 1, both: 0 },
];

const python = process.env.PYTHON ?? "python3";
const repetitions = Number(process.argv[2] ?? 15);
const only = process.argv[3];
const onProcessor = process.env.CLOCK === "processor";
const threads = onProcessor ? "1" : String(availableCores());

process.stdout.write(
  `threads ${threads}${onProcessor ? ", time of the processor" : ""}, ${repetitions} alternating repetitions, medians\n\n`,
);
process.stdout.write(
  "| network | batch | steps | widths | layers | task | vitrine ms | PyTorch ms | times as fast |\n",
);
process.stdout.write("|---|---|---|---|---|---|---|---|---|\n");
for (const { kind, batch, steps, width, hidden, layers, both } of cases)
  for (const task of ["infer", "train"]) {
    if (only && only !== task && only !== kind) continue;
    const args = [kind, task, ...[batch, steps, width, hidden, layers, both].map(String), threads];
    const ours = new Contestant(process.execPath, ["tools/run.mjs", "bench/recurrent-subject.ts", ...args]);
    await ours.read();
    const theirs = new Contestant(python, ["tools/torch-recurrent-peer.py", ...args]);
    await theirs.read();
    const times: { readonly ours: number[]; readonly theirs: number[] } = { ours: [], theirs: [] };
    for (let i = 0; i < repetitions; i++) {
      times.ours.push(await ours.repeat());
      times.theirs.push(await theirs.repeat());
    }
    await ours.end();
    await theirs.end();
    const [a, b] = [median(times.ours), median(times.theirs)];
    process.stdout.write(
      `| ${kind}${both ? ", both directions" : ""} | ${batch} | ${steps} | ${width} → ${hidden} | ${layers} | ${task} | ${(1000 * a).toFixed(1)} | ${(1000 * b).toFixed(1)} | ${(b / a).toFixed(2)} |\n`,
    );
  }
