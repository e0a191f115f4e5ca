/** Texts from a recurrent model of language: the same ways to write as a GPT's, but what is kept of a text is one state, however long it is. */

import { compile, type Executable } from "../../compile/index.ts";
import { VitrineError } from "../../errors.ts";
import { type NdArray, ndarray } from "../../graph/dtype.ts";
import { stream } from "../../graph/random.ts";
import type { RecurrentLanguage } from "../../models/recurrent-language.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { at, logSoftmax, type Tensor, withPath } from "../../tensor/index.ts";
import { beamSearch, type Sentence, type SentenceRow } from "./beam-search.ts";
import { idRows, withoutWords } from "./cached-decoder.ts";
import type { TextOptions, TextSearch, WrittenWord } from "./gpt2.ts";
import { pickAll } from "./pick-rows.ts";
import { checkSampling, choiceOf, wordAt } from "./sampling.ts";

/** What the layers keep of each text: [b, layers, h] each. */
type Kept = Readonly<Record<string, NdArray>>;

/** A recurrent model of language that is ready to write. */
export class RecurrentWriter {
  readonly #model: RecurrentLanguage;
  readonly #step: Executable;

  private constructor(model: RecurrentLanguage, step: Executable) {
    this.#model = model;
    this.#step = step;
  }

  /** @throws {VitrineError} RUNTIME_FAILURE when the engine refuses the graph. */
  static async open(model: RecurrentLanguage, runtime: Runtime): Promise<RecurrentWriter> {
    // Naming is the root's affair; a part of it is traced here.
    model.variables();
    const { layers, hidden } = model.config;
    const kept = ["b", layers, hidden] as const;
    const turned = (t: Tensor): Tensor => t.transpose([1, 0, 2]);
    const step = await compile(
      (given: Readonly<Record<string, Tensor>>) =>
        withPath("", () => {
          const { ids, state, cell } = given;
          const { logits, next } = model.resume(ids!, { state: turned(state!), cell: cell && turned(cell) });
          const last = at(logits, 1, -1); // [b, v]
          return {
            logits: last,
            logs: logSoftmax(last),
            "next.state": turned(next.state),
            ...(next.cell ? { "next.cell": turned(next.cell) } : {}),
          };
        }),
      {
        ids: { dtype: "int64", shape: ["b", "n"] },
        ...Object.fromEntries(keptNames(model).map((name) => [name, kept])),
      },
      { runtime },
    );
    return new RecurrentWriter(model, step);
  }

  /**
   * Writes on from each prompt, and tells each word as soon as it is chosen.
   * @param prompts ids of each, at least one
   * @throws {VitrineError} INVALID_ARGUMENT for an empty prompt, an id outside the vocabulary or an option outside its range.
   */
  async *stream(prompts: readonly (readonly number[])[], options: TextOptions = {}): AsyncGenerator<WrittenWord> {
    const { maxWords = Number.POSITIVE_INFINITY, end = [], seed = 0, signal } = options;
    checkSampling(options);
    this.#check(prompts);
    if (prompts.length === 0) return;
    const v = this.#model.config.words;
    let open = prompts.map((prompt, text) => ({ text, words: [...prompt] }));
    let { numbers: logits, kept } = await this.#begin(prompts, "logits");
    for (let step = 0; ; step++) {
      signal?.throwIfAborted();
      const going: number[] = [];
      for (const [row, { text, words }] of open.entries()) {
        const choice = choiceOf(logits.subarray(row * v, (row + 1) * v), words, options);
        const word = wordAt(choice, stream(seed, text, step).uniform());
        words.push(word);
        const last = end.includes(word) || step + 1 >= maxWords;
        if (!last) going.push(row);
        yield { text, word, last };
      }
      if (going.length === 0) return;
      kept = pickAll(kept, going);
      open = going.map((row) => open[row]!);
      const ids = open.map(({ words }) => words.slice(-1));
      ({ numbers: logits, kept } = await this.#read(ids, kept, "logits"));
    }
  }

  /**
   * The best continuations of each prompt, best first.
   * @throws {VitrineError} INVALID_ARGUMENT for an empty prompt or an id outside the vocabulary.
   */
  async search(
    prompts: readonly (readonly number[])[],
    { banned = [], ...options }: TextSearch,
  ): Promise<readonly (readonly Sentence[])[]> {
    this.#check(prompts);
    if (prompts.length === 0) return [];
    const { words } = this.#model.config;
    let kept: Kept | undefined;
    const step = async (rows: readonly SentenceRow[]): Promise<Float32Array> => {
      const found = kept
        ? await this.#read(
            rows.map(({ word }) => [word]),
            pickAll(
              kept,
              rows.map(({ parent }) => parent),
            ),
            "logs",
          )
        : await this.#begin(prompts, "logs");
      kept = found.kept;
      return withoutWords(found.numbers, words, banned);
    };
    return beamSearch({ words, step }, prompts.length, { ...options, begin: options.end });
  }

  async dispose(): Promise<void> {
    await this.#step.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  /** Reads the prompts one by one, since their ends are not at the same place. */
  async #begin(prompts: readonly (readonly number[])[], what: "logits" | "logs"): Promise<Step> {
    const { layers, hidden } = this.#model.config;
    const nothing = ndarray("float32", [1, layers, hidden], new Float32Array(layers * hidden));
    const names = keptNames(this.#model);
    const begun: Step[] = [];
    for (const prompt of prompts)
      begun.push(await this.#read([prompt], Object.fromEntries(names.map((name) => [name, nothing])), what));
    return {
      numbers: joined(begun.map(({ numbers }) => numbers)),
      kept: Object.fromEntries(
        names.map((name) => {
          const data = joined(begun.map(({ kept }) => kept[name]!.data as Float32Array));
          return [name, ndarray("float32", [prompts.length, layers, hidden], data)];
        }),
      ),
    };
  }

  async #read(ids: readonly (readonly number[])[], kept: Kept, what: "logits" | "logs"): Promise<Step> {
    const names = keptNames(this.#model);
    const results = await this.#step.run(
      { ids: idRows(ids), ...kept },
      { fetch: [what, ...names.map((name) => `next.${name}`)] },
    );
    return {
      numbers: results[what]!.data as Float32Array,
      kept: Object.fromEntries(names.map((name) => [name, results[`next.${name}`]!])),
    };
  }

  #check(prompts: readonly (readonly number[])[]): void {
    const { words } = this.#model.config;
    for (const [i, prompt] of prompts.entries()) {
      const strange = prompt.find((id) => !(Number.isInteger(id) && id >= 0 && id < words));
      if (prompt.length > 0 && strange === undefined) continue;
      throw new VitrineError("INVALID_ARGUMENT", {
        rule: `write: a prompt is one or more ids from 0 to ${words - 1}`,
        evidence: prompt.length === 0 ? "got none" : `got ${strange}`,
        place: `prompt ${i}`,
      });
    }
  }
}

interface Step {
  /** Of the word after the last, [b · v]. */
  readonly numbers: Float32Array;
  readonly kept: Kept;
}

const keptNames = ({ config }: RecurrentLanguage): readonly string[] =>
  config.cell === "lstm" ? ["state", "cell"] : ["state"];

function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
