/** A model in vitrine and in PyTorch, in turns. */

import { availableCores } from "../src/runtime/threads-node.ts";
import { Contestant, median } from "./contestant.ts";

/** The threads of both sides, unless told otherwise. */
export const threads: string = String(availableCores());

const python = process.env.PYTHON ?? "python3";

/** What a model does in a race. */
export interface Case {
  readonly model: string;
  readonly task: "infer" | "train";
  readonly batch: number;
}

/** How a race ended. */
export interface Race {
  /** Median seconds of a repetition. */
  readonly ours: number;
  readonly theirs: number;
  /** Peak resident memory, in bytes. */
  readonly ourMemory: number;
  readonly theirMemory: number;
}

/**
 * Runs both sides, repetition by repetition in turns.
 * @param args model, task, batch, threads, as `speed-subject.ts` and `tools/torch-peer.py` take them
 */
export async function race(args: readonly string[], rounds: number): Promise<Race> {
  const ours = new Contestant(process.execPath, ["tools/run.mjs", "bench/speed-subject.ts", ...args]);
  await ours.read();
  const theirs = new Contestant(python, ["tools/torch-peer.py", ...args]);
  await theirs.read();
  const times: { readonly ours: number[]; readonly theirs: number[] } = { ours: [], theirs: [] };
  for (let i = 0; i < rounds; i++) {
    times.ours.push(await ours.repeat());
    times.theirs.push(await theirs.repeat());
  }
  const [ourMemory, theirMemory] = [await ours.end(), await theirs.end()];
  return { ours: median(times.ours), theirs: median(times.theirs), ourMemory, theirMemory };
}

/** Bytes as MiB. */
export const mb = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
