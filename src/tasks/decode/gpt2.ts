/** Texts from a GPT: sampled word by word as a stream, or searched for with beams; many at a time. */

import { type CompileOptions, compileGraph, type Executable } from "../../compile/index.ts";
import { VitrineError } from "../../errors.ts";
import { ndarray } from "../../graph/dtype.ts";
import type { Graph } from "../../graph/graph.ts";
import { stream } from "../../graph/random.ts";
import type { Gpt2 } from "../../models/gpt2/gpt2.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { type BeamOptions, beamSearch, type Sentence, type SentenceRow } from "./beam-search.ts";
import { CachedDecoder, type CacheSize, idRows, stepGraph, withoutWords } from "./cached-decoder.ts";
import { checkSampling, choiceOf, type SamplingOptions, wordAt } from "./sampling.ts";

/** How to write. */
export interface TextOptions extends SamplingOptions {
  /** Most new words; as many as there are positions without it. */
  readonly maxWords?: number | undefined;
  /** Ids that end a text; none without it. */
  readonly end?: readonly number[] | undefined;
  /** What is drawn is a function of seed, text and step alone, not of what else is written with it; 0 without it. */
  readonly seed?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One new word. */
export interface WrittenWord {
  /** Which prompt it follows. */
  readonly text: number;
  readonly word: number;
  /** True for the last word of its text. */
  readonly last: boolean;
}

/** What follows a prompt. */
export interface WrittenText {
  /** The new words, without an end. */
  readonly words: readonly number[];
  /** False where `maxWords` or the positions cut it off. */
  readonly ended: boolean;
}

/** How to search. */
export type TextSearch = Pick<BeamOptions, "beams" | "penalty" | "stop" | "signal"> & {
  readonly maxWords: number;
  /** Id that ends a text. */
  readonly end: number;
  /** Words that are never taken. */
  readonly banned?: readonly number[] | undefined;
};

/**
 * One step of a GPT as a graph, for `saveOnnx`: it reads any number of words of texts of any length, whose earlier words are kept. Inputs and
 * outputs are those of `stepGraph` in cached-decoder.ts: `ids`, `used`, `skip`, `keys.I`, `values.I` → `logits`, `logs`, `next.keys.I`, `next.values.I`.
 */
export function gpt2StepGraph(model: Gpt2): Graph {
  // Naming is the root's affair; a part of it is traced here.
  model.variables();
  return stepGraph(({ ids, cache }) => model.resume(ids, cache), cacheSize(model));
}

function cacheSize({ config: { depth, heads, width } }: Gpt2): CacheSize {
  return { layers: depth, heads, headWidth: width / heads };
}

/** A GPT that is ready to write. */
export class Gpt2Writer {
  readonly #model: Gpt2;
  readonly #step: Executable;
  readonly #size: CacheSize;

  private constructor(model: Gpt2, step: Executable, size: CacheSize) {
    this.#model = model;
    this.#step = step;
    this.#size = size;
  }

  /**
   * @param options.variables `live`: each step reads the weights anew, while they are trained
   * @throws {VitrineError} RUNTIME_FAILURE when the engine refuses the graph.
   */
  static async open(
    model: Gpt2,
    runtime: Runtime,
    { variables = "embedded" }: Pick<CompileOptions, "variables"> = {},
  ): Promise<Gpt2Writer> {
    return new Gpt2Writer(model, await compileGraph(gpt2StepGraph(model), { runtime, variables }), cacheSize(model));
  }

  /**
   * Writes on from each prompt, and tells each word as soon as it is chosen.
   * @param prompts ids of each, at least one
   * @throws {VitrineError} INVALID_ARGUMENT for an empty or over-long prompt, an id outside the vocabulary or an option outside its range.
   */
  async *stream(prompts: readonly (readonly number[])[], options: TextOptions = {}): AsyncGenerator<WrittenWord> {
    const { maxWords = Number.POSITIVE_INFINITY, end = [], seed = 0, signal } = options;
    checkSampling(options);
    if (!(maxWords >= 1)) throw notEnough(maxWords);
    this.#check(prompts, 1);
    if (prompts.length === 0) return;
    const decoder = this.#decoder(prompts);
    let open = prompts.map((prompt, text) => ({ text, words: [...prompt] }));
    let ids = this.#padded(prompts);
    for (let step = 0; ; step++) {
      signal?.throwIfAborted();
      const logits = await decoder.read(idRows(ids), "logits");
      const v = this.#model.config.words;
      const going: number[] = [];
      for (const [row, { text, words }] of open.entries()) {
        const choice = choiceOf(logits.subarray(row * v, (row + 1) * v), words, options);
        const word = wordAt(choice, stream(seed, text, step).uniform());
        words.push(word);
        const last = end.includes(word) || step + 1 >= maxWords || words.length > this.#model.config.positions;
        if (!last) going.push(row);
        yield { text, word, last };
      }
      if (going.length === 0) return;
      if (going.length < open.length) {
        decoder.select(going);
        open = going.map((row) => open[row]!);
      }
      ids = open.map(({ words }) => words.slice(-1));
    }
  }

  /** What `stream` writes, whole. @throws {VitrineError} as `stream`. */
  async write(prompts: readonly (readonly number[])[], options: TextOptions = {}): Promise<readonly WrittenText[]> {
    const texts = prompts.map(() => ({ words: [] as number[], ended: false }));
    for await (const { text, word } of this.stream(prompts, options)) {
      if (options.end?.includes(word)) texts[text]!.ended = true;
      else texts[text]!.words.push(word);
    }
    return texts;
  }

  /**
   * The best continuations of each prompt, best first.
   * @throws {VitrineError} INVALID_ARGUMENT for an empty or over-long prompt or an id outside the vocabulary.
   */
  async search(
    prompts: readonly (readonly number[])[],
    { banned = [], ...options }: TextSearch,
  ): Promise<readonly (readonly Sentence[])[]> {
    this.#check(prompts, options.maxWords);
    if (prompts.length === 0) return [];
    const decoder = this.#decoder(prompts);
    const { words } = this.#model.config;
    let begun = false;
    const step = async (rows: readonly SentenceRow[]): Promise<Float32Array> => {
      if (begun) decoder.select(rows.map(({ parent }) => parent));
      // The first words that are read are the prompts.
      const ids = begun ? rows.map(({ word }) => [word]) : this.#padded(prompts);
      begun = true;
      return withoutWords(await decoder.read(idRows(ids), "logs"), words, banned);
    };
    return beamSearch({ words, step }, prompts.length, { ...options, begin: options.end });
  }

  async dispose(): Promise<void> {
    await this.#step.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  #decoder(prompts: readonly (readonly number[])[]): CachedDecoder {
    const longest = Math.max(...prompts.map(({ length }) => length));
    const skips = prompts.map(({ length }) => longest - length);
    return new CachedDecoder(this.#step, this.#size, { skip: ndarray("int64", [prompts.length], skips) });
  }

  /** Prompts with padding before them, so that all end at the same place. */
  #padded(prompts: readonly (readonly number[])[]): readonly (readonly number[])[] {
    const longest = Math.max(...prompts.map(({ length }) => length));
    return prompts.map((prompt) => [...Array<number>(longest - prompt.length).fill(0), ...prompt]);
  }

  /** @param room new words that must have a place */
  #check(prompts: readonly (readonly number[])[], room: number): void {
    const { words, positions } = this.#model.config;
    for (const [i, prompt] of prompts.entries()) {
      const bad = (rule: string, evidence: string, next?: string): VitrineError =>
        new VitrineError("INVALID_ARGUMENT", { rule: `write: ${rule}`, evidence, place: `prompt ${i}`, next });
      if (prompt.length === 0)
        throw bad("a prompt has at least one word", "got none", "begin with the word that ends texts");
      const strange = prompt.find((id) => !(Number.isInteger(id) && id >= 0 && id < words));
      if (strange !== undefined) throw bad(`ids are whole numbers from 0 to ${words - 1}`, `got ${strange}`);
      // The last word is written and never read.
      if (prompt.length + room - 1 > positions)
        throw bad(
          `prompt and new words have ${positions} positions`,
          `got ${prompt.length} words and ${room} new`,
          "leave out the prompt's beginning",
        );
    }
  }
}

function notEnough(maxWords: number): VitrineError {
  return new VitrineError("INVALID_ARGUMENT", { rule: "write: maxWords is at least 1", evidence: `got ${maxWords}` });
}
