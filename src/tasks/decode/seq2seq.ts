/** Sentences from a recurrent encoder–decoder: two executables, one that reads the source and one that writes a word, for every size. */

import { compile, type Executable } from "../../compile/index.ts";
import { VitrineError } from "../../errors.ts";
import { type NdArray, ndarray } from "../../graph/dtype.ts";
import type { Seq2Seq, SourceMemory } from "../../models/seq2seq.ts";
import type { CellState } from "../../nn/recurrent-cells.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { logSoftmax, type Tensor, withPath } from "../../tensor/index.ts";
import { type BeamOptions, beamSearch, type Sentence, type SentenceRow, type WordModel } from "./beam-search.ts";
import { withoutWords } from "./cached-decoder.ts";
import { pickAll } from "./pick-rows.ts";

/** How to write, beside what the model says of its ids. */
export interface Seq2SeqDecoding extends Omit<BeamOptions, "begin" | "end" | "maxWords"> {
  /** Most words of a sentence; three for each word of the longest source, and ten, without it. */
  readonly maxWords?: number | undefined;
  /** Words that are never taken. */
  readonly banned?: readonly number[] | undefined;
}

/** A sentence with where each of its words looked in the source. */
export interface AlignedSentence extends Sentence {
  /** [words and end, s]: the attention's weights while each was written. */
  readonly alignment: NdArray;
}

/** A model that is ready to write. */
export class Seq2SeqWriter {
  readonly #model: Seq2Seq;
  readonly #read: Executable;
  readonly #step: Executable;

  private constructor(model: Seq2Seq, read: Executable, step: Executable) {
    this.#model = model;
    this.#read = read;
    this.#step = step;
  }

  /** @throws {VitrineError} RUNTIME_FAILURE when the engine refuses the graphs. */
  static async open(model: Seq2Seq, runtime: Runtime): Promise<Seq2SeqWriter> {
    // Naming is the root's affair; parts of it are traced here.
    model.variables();
    const ids = { dtype: "int64", shape: ["b", "s"] } as const;
    const read = await compile(
      ({ source, lengths }) =>
        withPath("", () => {
          const { memory, start } = model.encode(source, lengths);
          return { ...memory, ...carriedBy("", start) };
        }),
      { source: ids, lengths: { dtype: "int64", shape: ["b"] } },
      { runtime },
    );
    const shapeOf = (name: string): readonly (string | number)[] =>
      read.model.outputs
        .find((output) => output.name === name)!
        .shape.map((dim) => (typeof dim === "number" ? dim : dim.toString()));
    const carried = read.model.outputs.map(({ name }) => name).filter((name) => name !== "valid");
    const step = await compile(
      (given: Readonly<Record<string, Tensor>>) =>
        withPath("", () => {
          const { words, annotations, keys, valid, state, cell } = given;
          const memory = { annotations: annotations!, keys: keys!, valid: valid! };
          const { logits, next, weights } = model.step(words!, { state: state!, cell }, memory);
          return { logs: logSoftmax(logits), weights, ...carriedBy("next.", next) };
        }),
      {
        words: { dtype: "int64", shape: ["b"] },
        valid: { dtype: "bool", shape: ["b", "s"] },
        ...Object.fromEntries(carried.map((name) => [name, shapeOf(name)])),
      },
      { runtime },
    );
    return new Seq2SeqWriter(model, read, step);
  }

  /**
   * The best sentences of each source, best first.
   * @param sources ids of each source, without padding
   * @throws {VitrineError} INVALID_ARGUMENT for an empty source or an id outside the vocabulary.
   */
  async write(
    sources: readonly (readonly number[])[],
    { banned = [], ...options }: Seq2SeqDecoding,
  ): Promise<readonly (readonly AlignedSentence[])[]> {
    const { config } = this.#model;
    this.#check(sources);
    if (sources.length === 0) return [];
    const longest = Math.max(...sources.map(({ length }) => length));
    const source = ndarray(
      "int64",
      [sources.length, longest],
      sources.flatMap((ids) => [...ids, ...Array<number>(longest - ids.length).fill(config.pad)]),
    );
    const lengths = ndarray(
      "int64",
      [sources.length],
      sources.map((ids) => ids.length),
    );
    const read = await this.#read.run({ source, lengths });
    const model = new Steps(this.#step, read, config.targetWords, banned);
    const maxWords = options.maxWords ?? 3 * longest + 10;
    const found = await beamSearch(model, sources.length, {
      ...options,
      maxWords,
      begin: config.begin,
      end: config.end,
    });
    return found.map((sentences) =>
      sentences.map((sentence) => ({ ...sentence, alignment: model.alignmentOf(sentence) })),
    );
  }

  async dispose(): Promise<void> {
    await this.#read.dispose();
    await this.#step.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  #check(sources: readonly (readonly number[])[]): void {
    const { sourceWords } = this.#model.config;
    for (const [i, ids] of sources.entries()) {
      const strange = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < sourceWords));
      if (ids.length > 0 && strange === undefined) continue;
      throw new VitrineError("INVALID_ARGUMENT", {
        rule: `write: a source is one or more ids from 0 to ${sourceWords - 1}`,
        evidence: ids.length === 0 ? "got none" : `got ${strange}`,
        place: `source ${i}`,
      });
    }
  }
}

/** A cell's state as named results. */
function carriedBy(prefix: string, { state, cell }: CellState): Readonly<Record<string, Tensor>> {
  return { [`${prefix}state`]: state, ...(cell ? { [`${prefix}cell`]: cell } : {}) };
}

/** The model's steps on the rows of a search. */
class Steps implements WordModel {
  readonly words: number;
  readonly #step: Executable;
  readonly #alignments: NdArray[] = [];
  readonly #banned: readonly number[];
  #memory: Readonly<Record<keyof SourceMemory, NdArray>>;
  #state: Readonly<Record<string, NdArray>>;
  /** The source of each row. */
  #sources: readonly number[];

  constructor(step: Executable, read: Readonly<Record<string, NdArray>>, words: number, banned: readonly number[]) {
    const { annotations, keys, valid, ...state } = read;
    this.#step = step;
    this.words = words;
    this.#banned = banned;
    this.#memory = { annotations: annotations!, keys: keys!, valid: valid! };
    this.#state = state;
    this.#sources = Array.from({ length: valid!.shape[0]! }, (_, source) => source);
  }

  async step(rows: readonly SentenceRow[]): Promise<Float32Array> {
    const parents = rows.map(({ parent }) => parent);
    const sources = parents.map((parent) => this.#sources[parent]!);
    const moved = sources.length !== this.#sources.length || sources.some((source, i) => source !== this.#sources[i]);
    // What the source said only moves when sentences come to an end, or the beams open.
    if (moved) this.#memory = pickAll(this.#memory, parents);
    this.#sources = sources;
    const words = ndarray(
      "int64",
      [rows.length],
      rows.map(({ word }) => word),
    );
    const { logs, weights, ...next } = await this.#step.run({
      words,
      ...this.#memory,
      ...pickAll(this.#state, parents),
    });
    this.#state = Object.fromEntries(Object.entries(next).map(([name, array]) => [name.replace("next.", ""), array]));
    this.#alignments.push(weights!);
    return withoutWords(logs!.data as Float32Array, this.words, this.#banned);
  }

  /** [words and end, s]. */
  alignmentOf({ rows }: Sentence): NdArray {
    const s = this.#alignments[0]!.shape[1]!;
    const data = new Float32Array(rows.length * s);
    for (const [step, row] of rows.entries())
      data.set((this.#alignments[step]!.data as Float32Array).subarray(row * s, (row + 1) * s), step * s);
    return { dtype: "float32", shape: [rows.length, s], data };
  }
}
