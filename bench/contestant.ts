/** One of two programs that take turns. */

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";

/** Milliseconds after which the idle threads of the other side, which may wait awake for a while, are asleep for sure. */
const rest = 250;

/** A process that answers each line with the seconds of one repetition. */
export class Contestant {
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
    await setTimeout(rest);
    this.#process.stdin!.write("go\n");
    return Number(await this.read());
  }

  /** Peak resident memory, in bytes. */
  async end(): Promise<number> {
    this.#process.stdin!.write("\n");
    return Number(await this.read());
  }
}

/** The middle one. */
export const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
