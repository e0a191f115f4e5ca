/** Sentences from a Transformer of words: one executable that reads the source, and one that writes a word, for every size. */

import { compile, compileGraph, type Executable } from "../../compile/index.ts";
import { VitrineError } from "../../errors.ts";
import { type NdArray, ndarray } from "../../graph/dtype.ts";
import type { WordTransformer } from "../../models/transformer/word-transformer.ts";
import type { KeysAndValues } from "../../nn/attention.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { type Tensor, withPath } from "../../tensor/index.ts";
import { type BeamOptions, beamSearch, type Sentence, type SentenceRow } from "./beam-search.ts";
import { CachedDecoder, type CacheSize, idRows, stepGraph, withoutWords } from "./cached-decoder.ts";

/** How to write, beside what the model says of its ids. */
export interface WordTransformerDecoding extends Omit<BeamOptions, "begin" | "end" | "maxWords"> {
  /** Most words of a sentence; 50 more than the longest source without it. @source Vaswani et al., arXiv:1706.03762, section 6.1 */
  readonly maxWords?: number | undefined;
  /** A sentence of `maxWords` words ends there, at no cost, as transformers' `forced_eos_token_id` has it. */
  readonly mustEnd?: boolean | undefined;
  /** Words that are never taken. */
  readonly banned?: readonly number[] | undefined;
}

/** A model that is ready to write. */
export class WordTransformerWriter {
  readonly #model: WordTransformer;
  readonly #read: Executable;
  readonly #step: Executable;
  readonly #size: CacheSize;

  private constructor(model: WordTransformer, read: Executable, step: Executable, size: CacheSize) {
    this.#model = model;
    this.#read = read;
    this.#step = step;
    this.#size = size;
  }

  /** @throws {VitrineError} RUNTIME_FAILURE when the engine refuses the graphs. */
  static async open(model: WordTransformer, runtime: Runtime): Promise<WordTransformerWriter> {
    // Naming is the root's affair; parts of it are traced here.
    model.variables();
    const { layers, heads } = model.config.decoder;
    const size = { layers, heads, headWidth: model.config.width / heads };
    const words = { dtype: "int64", shape: ["b", "s"] } as const;
    const valid = { dtype: "bool", shape: ["b", "s"] } as const;
    const read = await compile(
      (given) =>
        withPath("", () => {
          const { memory } = model.encode(given.source, given.valid);
          return Object.fromEntries(
            memory.layers.flatMap(({ keys, values }, i) => [
              [`memory.keys.${i}`, keys],
              [`memory.values.${i}`, values],
            ]),
          ) as Readonly<Record<string, Tensor>>;
        }),
      { source: words, valid },
      { runtime },
    );
    const mapped = ["b", heads, "s", size.headWidth] as const;
    const specs = { valid, ...Object.fromEntries(read.model.outputs.map(({ name }) => [name, mapped])) };
    const graph = stepGraph(
      ({ ids, cache, given }) => {
        const memory = Array.from({ length: layers }, (_, i): KeysAndValues => {
          return { keys: given[`memory.keys.${i}`]!, values: given[`memory.values.${i}`]! };
        });
        return model.resume(ids, { layers: memory, valid: given.valid! }, cache);
      },
      size,
      specs,
    );
    const step = await compileGraph(graph, { runtime });
    return new WordTransformerWriter(model, read, step, size);
  }

  /**
   * The best sentences of each source, best first.
   * @param sources ids of each source, without padding
   * @throws {VitrineError} INVALID_ARGUMENT for an empty or over-long source or an id outside the vocabulary.
   */
  async write(
    sources: readonly (readonly number[])[],
    { mustEnd = false, banned = [], ...options }: WordTransformerDecoding,
  ): Promise<readonly (readonly Sentence[])[]> {
    const { pad, begin, end, targetWords, maxWords: positions } = this.#model.config;
    this.#check(sources);
    if (sources.length === 0) return [];
    const longest = Math.max(...sources.map(({ length }) => length));
    const maxWords = Math.min(options.maxWords ?? longest + 50, positions - 1);
    const source = idRows(sources.map((ids) => [...ids, ...Array<number>(longest - ids.length).fill(pad)]));
    const flags = sources.flatMap(({ length }) => Array.from({ length: longest }, (_, i) => (i < length ? 1 : 0)));
    const valid = ndarray("bool", [sources.length, longest], flags);
    const memory: Readonly<Record<string, NdArray>> = await this.#read.run({ source, valid });
    const skip = ndarray("int64", [sources.length], Array<number>(sources.length).fill(0));
    const decoder = new CachedDecoder(this.#step, this.#size, { ...memory, valid, skip });
    let written = 0;
    const step = async (rows: readonly SentenceRow[]): Promise<Float32Array> => {
      if (written > 0) decoder.select(rows.map(({ parent }) => parent));
      if (mustEnd && written === maxWords) return onlyWord(rows.length, targetWords, end);
      const logs = await decoder.read(idRows(rows.map(({ word }) => [word])), "logs");
      written++;
      return withoutWords(logs, targetWords, banned);
    };
    return beamSearch({ words: targetWords, step }, sources.length, {
      ...options,
      maxWords: mustEnd ? maxWords + 1 : maxWords,
      begin,
      end,
    });
  }

  async dispose(): Promise<void> {
    await this.#read.dispose();
    await this.#step.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  #check(sources: readonly (readonly number[])[]): void {
    const { sourceWords, maxWords } = this.#model.config;
    for (const [i, ids] of sources.entries()) {
      const strange = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < sourceWords));
      if (ids.length > 0 && ids.length <= maxWords && strange === undefined) continue;
      throw new VitrineError("INVALID_ARGUMENT", {
        rule: `write: a source is 1 to ${maxWords} ids from 0 to ${sourceWords - 1}`,
        evidence: strange === undefined ? `got ${ids.length} ids` : `got ${strange}`,
        place: `source ${i}`,
      });
    }
  }
}

/** Log-probabilities of rows that one word must follow. */
function onlyWord(rows: number, words: number, word: number): Float32Array {
  const logs = new Float32Array(rows * words).fill(Number.NEGATIVE_INFINITY);
  for (let row = 0; row < rows; row++) logs[row * words + word] = 0;
  return logs;
}
