/**
 * A decoder that keeps the keys and values of the words that it has read, so that each step reads one word: one executable for all lengths.
 *
 * The arrays have room for words to come, so that what is kept is neither copied nor moved at a step; only when the room is full, larger ones
 * are made. The graph takes how many places are filled as a number, and blocks the others.
 */

import { type Executable, type Spec, traceGraph } from "../../compile/index.ts";
import { type NdArray, ndarray } from "../../graph/dtype.ts";
import type { Graph } from "../../graph/graph.ts";
import type { KeysAndValues } from "../../nn/attention.ts";
import { logSoftmax, type Tensor, withPath } from "../../tensor/index.ts";
import { pickAll } from "./pick-rows.ts";

/** Sizes of what a decoder keeps. */
export interface CacheSize {
  readonly layers: number;
  readonly heads: number;
  /** k */
  readonly headWidth: number;
}

/** What a step of the graph is given. */
export interface StepInputs {
  /** int64 [b, n] */
  readonly ids: Tensor;
  readonly cache: { readonly used: Tensor; readonly skip: Tensor; readonly layers: readonly KeysAndValues[] };
  /** The further inputs, by name. */
  readonly given: Readonly<Record<string, Tensor>>;
}

/**
 * A decoder's step as a graph. Inputs: `ids` int64 [b, n], `used` int64 [], `skip` int64 [b], and of layer i `keys.i` and `values.i`, [b, a, c, k],
 * of whose c places the first `used` are filled. Outputs: `logits` and `logs` (their log-softmax), [b, v], of the word after the last, and what is to
 * be kept of the n words, `next.keys.i` and `next.values.i`, [b, a, n, k].
 * @param step reads words: logits, and of each layer what to keep
 * @param specs of further inputs; their first axis is `b`
 */
export function stepGraph(
  step: (inputs: StepInputs) => { readonly logits: Tensor; readonly layers: readonly KeysAndValues[] },
  { layers, heads, headWidth }: CacheSize,
  specs: Readonly<Record<string, Spec>> = {},
): Graph {
  const count = Array.from({ length: layers }, (_, i) => i);
  const kept = ["b", heads, "c", headWidth] as const;
  const { graph } = traceGraph(
    (given: Readonly<Record<string, Tensor>>) =>
      withPath("", () => {
        const past = count.map((i) => ({ keys: given[`keys.${i}`]!, values: given[`values.${i}`]! }));
        const cache = { used: given.used!, skip: given.skip!, layers: past };
        const { logits, layers: next } = step({ ids: given.ids!, cache, given });
        const results = next.flatMap(({ keys, values }, i) => [
          [`next.keys.${i}`, keys],
          [`next.values.${i}`, values],
        ]);
        return { logits, logs: logSoftmax(logits), ...Object.fromEntries(results) };
      }),
    {
      ids: { dtype: "int64", shape: ["b", "n"] },
      used: { dtype: "int64", shape: [] },
      skip: { dtype: "int64", shape: ["b"] },
      ...Object.fromEntries(
        count.flatMap(
          (i) =>
            [
              [`keys.${i}`, kept],
              [`values.${i}`, kept],
            ] as const,
        ),
      ),
      ...specs,
    },
  );
  return graph;
}

/** Places by which the room grows. */
const block = 64;

/** The texts of one generation or search, and what is kept of them. */
export class CachedDecoder {
  readonly #step: Executable;
  readonly #size: CacheSize;
  #fixed: Readonly<Record<string, NdArray>>;
  #kept: Readonly<Record<string, NdArray>>;
  #used = 0;

  /** @param fixed inputs that stay the same at every step, by name, a row for each text; among them `skip` */
  constructor(step: Executable, size: CacheSize, fixed: Readonly<Record<string, NdArray>>) {
    this.#step = step;
    this.#size = size;
    this.#fixed = fixed;
    const shape = [this.rows, size.heads, 1, size.headWidth];
    const names = Array.from({ length: size.layers }, (_, i) => [`keys.${i}`, `values.${i}`]).flat();
    const zeros = (): NdArray => ndarray("float32", shape, new Float32Array(shape.reduce((a, b) => a * b)));
    this.#kept = Object.fromEntries(names.map((name) => [name, zeros()]));
  }

  /** Texts that are going on. */
  get rows(): number {
    return this.#fixed.skip!.shape[0]!;
  }

  /** Goes on with these texts; one may go on more than once. */
  select(rows: readonly number[]): void {
    this.#fixed = pickAll(this.#fixed, rows);
    this.#kept = pickAll(this.#kept, rows);
  }

  /**
   * Reads words of each text.
   * @param ids int64 [rows, n]
   * @param what logits, or log-probabilities
   * @returns of the word after the last, [rows · v] row by row
   */
  async read(ids: NdArray, what: "logits" | "logs"): Promise<Float32Array> {
    const kept = Object.keys(this.#kept);
    const results = await this.#step.run(
      { ids, used: ndarray("int64", [], [this.#used]), ...this.#fixed, ...this.#kept },
      { fetch: [what, ...kept.map((name) => `next.${name}`)] },
    );
    const n = ids.shape[1]!;
    this.#makeRoom(this.#used + n);
    for (const name of kept) this.#put(this.#kept[name]!, results[`next.${name}`]!);
    this.#used += n;
    return results[what]!.data as Float32Array;
  }

  #makeRoom(needed: number): void {
    const [, , room] = Object.values(this.#kept)[0]!.shape as readonly [number, number, number, number];
    if (needed <= room) return;
    const { heads, headWidth } = this.#size;
    const shape = [this.rows, heads, Math.ceil(needed / block) * block, headWidth];
    this.#kept = Object.fromEntries(
      Object.entries(this.#kept).map(([name, { data }]) => {
        const larger = new Float32Array(shape.reduce((a, b) => a * b));
        for (let head = 0; head < this.rows * heads; head++)
          larger.set(
            (data as Float32Array).subarray(head * room * headWidth, (head * room + this.#used) * headWidth),
            head * shape[2]! * headWidth,
          );
        return [name, ndarray("float32", shape, larger)];
      }),
    );
  }

  /** Writes what was read behind what is filled. */
  #put(kept: NdArray, next: NdArray): void {
    const [rows, heads, room, width] = kept.shape as readonly [number, number, number, number];
    const n = next.shape[2]!;
    const [to, from] = [kept.data as Float32Array, next.data as Float32Array];
    for (let head = 0; head < rows * heads; head++)
      to.set(from.subarray(head * n * width, (head + 1) * n * width), (head * room + this.#used) * width);
  }
}

/** Ids as [rows, n]. */
export function idRows(rows: readonly (readonly number[])[]): NdArray {
  return ndarray("int64", [rows.length, rows[0]!.length], rows.flat());
}

/** Log-probabilities in which some words may not follow. */
export function withoutWords(logs: Float32Array, words: number, banned: readonly number[]): Float32Array {
  if (banned.length === 0) return logs;
  const left = Float32Array.from(logs);
  for (let row = 0; row < left.length; row += words)
    for (const word of banned) left[row + word] = Number.NEGATIVE_INFINITY;
  return left;
}
