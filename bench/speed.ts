/**
 * Speed beside PyTorch with timm, float32, in one run: the two take turns, repetition by repetition, and medians are compared.
 *
 * `PYTHON=/path/to/python node tools/run.mjs bench/speed.ts [REPETITIONS]`; that Python needs torch and timm.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { availableCores } from "../src/runtime/threads-node.ts";

interface Case {
  readonly model: string;
  readonly task: "infer" | "train";
  readonly batch: number;
}

const cases: readonly Case[] = [
  { model: "vit_small_patch16_224", task: "infer", batch: 1 },
  { model: "vit_small_patch16_224", task: "infer", batch: 8 },
  { model: "vit_base_patch16_224", task: "infer", batch: 1 },
  { model: "vit_base_patch16_224", task: "infer", batch: 8 },
  { model: "vit_small_patch16_224", task: "train", batch: 32 },
];

/** A process that answers each line with the seconds of one repetition. */
class Contestant {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(command: string, args: readonly string[]) {
    this.#process = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]();
  }

  async read(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("a contestant ended early");
    return value;
  }

  async repeat(): Promise<number> {
    this.#process.stdin!.write("go\n");
    return Number(await this.read());
  }

  /** Peak resident memory, in bytes. */
  async end(): Promise<number> {
    this.#process.stdin!.write("\n");
    return Number(await this.read());
  }
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
const python = process.env.PYTHON ?? "python3";
const repetitions = Number(process.argv[2] ?? 7);
const only = process.argv[3];
const threads = String(availableCores());

process.stdout.write(`threads ${threads}, ${repetitions} alternating repetitions, medians\n\n`);
process.stdout.write(
  "| model | task | batch | vitrine s | PyTorch s | times as fast | vitrine MB | PyTorch MB | memory |\n|---|---|---|---|---|---|---|---|---|\n",
);
for (const { model, task, batch } of cases) {
  if (only && only !== task) continue;
  const args = [model, task, String(batch), threads];
  const ours = new Contestant(process.execPath, ["tools/run.mjs", "bench/speed-subject.ts", ...args]);
  await ours.read();
  const theirs = new Contestant(python, ["tools/torch-peer.py", ...args]);
  await theirs.read();
  const times: { readonly ours: number[]; readonly theirs: number[] } = { ours: [], theirs: [] };
  for (let i = 0; i < (task === "train" ? repetitions : 3 * repetitions); i++) {
    times.ours.push(await ours.repeat());
    times.theirs.push(await theirs.repeat());
  }
  const [a, b] = [median(times.ours), median(times.theirs)];
  const [m, n] = [await ours.end(), await theirs.end()];
  const mb = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
  process.stdout.write(
    `| ${model} | ${task} | ${batch} | ${a.toFixed(4)} | ${b.toFixed(4)} | ${(b / a).toFixed(2)} | ${mb(m)} | ${mb(n)} | ${(m / n).toFixed(2)} |\n`,
  );
}
