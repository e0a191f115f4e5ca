/**
 * Models of words beside PyTorch and transformers, float32: a GPT-2 that writes with its cache, after contexts of several lengths, and training steps
 * of a Transformer. The two take turns, repetition by repetition, and medians are compared.
 *
 * `PYTHON=/path/to/python node tools/run.mjs bench/words.ts [REPETITIONS] [generate|train] [small]`; that Python needs torch and transformers.
 * `small` is for seeing that it runs.
 */

import { availableCores } from "../src/runtime/threads-node.ts";
import { Contestant, median } from "./contestant.ts";

const python = process.env.PYTHON ?? "python3";
const repetitions = Number(process.argv[2] ?? 9);
const only = process.argv[3];
const small = process.argv.includes("small");
const threads = String(Math.min(2, availableCores()));
const write = (text: string): void => void process.stdout.write(text);

interface Times {
  readonly ours: number;
  readonly theirs: number;
  /** Peak memory in bytes. */
  readonly memory: readonly [ours: number, theirs: number];
}

/** Medians of seconds. */
async function compare(args: readonly string[]): Promise<Times> {
  const ours = new Contestant(process.execPath, ["tools/run.mjs", "bench/words-subject.ts", ...args]);
  await ours.read();
  const theirs = new Contestant(python, ["tools/torch-words-peer.py", ...args]);
  await theirs.read();
  const times: { readonly ours: number[]; readonly theirs: number[] } = { ours: [], theirs: [] };
  for (let i = 0; i < repetitions; i++) {
    times.ours.push(await ours.repeat());
    times.theirs.push(await theirs.repeat());
  }
  const memory = [await ours.end(), await theirs.end()] as const;
  return { ours: median(times.ours), theirs: median(times.theirs), memory };
}

const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(2);

write(`threads ${threads}, ${repetitions} alternating repetitions, medians\n\n`);
if (only !== "train") {
  const [depth, count] = small ? [2, 4] : [12, 32];
  write(`GPT-2 of width 768, ${depth} layers, random weights, ${count} words after each context\n\n`);
  write(
    "| context | vitrine words/s | transformers words/s | times as fast | vitrine ms a word | transformers ms a word | GB, vitrine and transformers |\n",
  );
  write("|---|---|---|---|---|---|---|\n");
  const first: { ours?: number; theirs?: number } = {};
  let last: Times | undefined;
  for (const context of small ? [16, 64] : [64, 256, 512, 900]) {
    const times = await compare(["generate", ...[depth, context, count].map(String), threads]);
    const { ours, theirs, memory } = times;
    first.ours ??= ours;
    first.theirs ??= theirs;
    last = times;
    const cells = [
      context,
      (count / ours).toFixed(1),
      (count / theirs).toFixed(1),
      (theirs / ours).toFixed(2),
      ((1000 * ours) / count).toFixed(1),
      ((1000 * theirs) / count).toFixed(1),
      memory.map(gigabytes).join(", "),
    ];
    write(`| ${cells.join(" | ")} |\n`);
  }
  write(
    `\ntime of a word from the shortest to the longest context: vitrine × ${(last!.ours / first.ours!).toFixed(2)}, transformers × ${(last!.theirs / first.theirs!).toFixed(2)}\n\n`,
  );
}
if (only !== "generate") {
  const [batch, length] = small ? [4, 8] : [32, 24];
  write(`a training step of a Transformer, ${batch} pairs of ${length} words, 10,000 words, dropout 0.1, AdamW\n\n`);
  write(
    "| width | layers | vitrine ms | PyTorch ms | times as fast | GB, vitrine and PyTorch |\n|---|---|---|---|---|---|\n",
  );
  for (const [width, layers] of small
    ? ([[64, 1]] as const)
    : ([
        [256, 3],
        [512, 6],
      ] as const)) {
    const { ours, theirs, memory } = await compare(["train", ...[width, layers, batch, length].map(String), threads]);
    write(
      `| ${width} | ${layers} + ${layers} | ${(1000 * ours).toFixed(1)} | ${(1000 * theirs).toFixed(1)} | ${(theirs / ours).toFixed(2)} | ${memory.map(gigabytes).join(", ")} |\n`,
    );
  }
}
