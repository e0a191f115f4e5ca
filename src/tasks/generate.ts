/** Texts that go on: from characters to characters. */

import { TextStream, type Tokenizer } from "../data/text/tokenizer.ts";
import { VitrineError } from "../errors.ts";
import { Gpt2 } from "../models/gpt2/gpt2.ts";
import type { RecurrentLanguage } from "../models/recurrent-language.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { lengthPenalty } from "./decode/beam-search.ts";
import { Gpt2Writer, type TextOptions } from "./decode/gpt2.ts";
import { RecurrentWriter } from "./decode/recurrent-language.ts";

/** New characters of one of the texts. */
export interface TextPiece {
  /** Which prompt they follow. */
  readonly text: number;
  readonly piece: string;
  /** With the last piece of a text, which may be empty: whether the model ended it; false where the number of words or of positions did. */
  readonly ended?: boolean;
}

/** What follows a prompt. */
export interface TextFound {
  readonly text: string;
  /** Whether the model ended it; false where the number of words or of positions did. */
  readonly ended: boolean;
}

/** How to search. */
export interface TextSearchOptions {
  /** Texts kept at each step. */
  readonly beams: number;
  /** Most new words. */
  readonly maxWords: number;
  /** α: a text's log-probability is divided by (its new words)^α; 1, their mean, without it. */
  readonly lengthPenalty?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A model that goes on with texts. */
export type WritingModel = Gpt2 | RecurrentLanguage;

/** A model of language with its tokenizer, ready to write. */
export class TextGenerator {
  /** Most ids that it can have read, the prompt's among them; a recurrent model has no limit. */
  readonly positions: number;
  readonly #writer: Gpt2Writer | RecurrentWriter;
  readonly #tokenizer: Tokenizer;
  /** Ids that the model has a vector for and the tokenizer no text. */
  readonly #nameless: readonly number[];

  private constructor(writer: Gpt2Writer | RecurrentWriter, tokenizer: Tokenizer, model: WritingModel) {
    const { words } = model.config;
    this.#writer = writer;
    this.#tokenizer = tokenizer;
    this.positions = model instanceof Gpt2 ? model.config.positions : Number.POSITIVE_INFINITY;
    this.#nameless = Array.from({ length: words - tokenizer.words }, (_, i) => tokenizer.words + i);
  }

  /** @throws {VitrineError} WEIGHTS_MISMATCH where the tokenizer has ids that the model has not, RUNTIME_FAILURE when the engine refuses the graph. */
  static async open(model: WritingModel, tokenizer: Tokenizer, runtime: Runtime): Promise<TextGenerator> {
    tokenizer.requireWords(model.config.words);
    const writer =
      model instanceof Gpt2 ? await Gpt2Writer.open(model, runtime) : await RecurrentWriter.open(model, runtime);
    return new TextGenerator(writer, tokenizer, model);
  }

  /**
   * Goes on with each prompt, and tells characters as soon as they are whole.
   * @param options a text ends at the tokenizer's `end`, unless other ids are given
   * @throws {VitrineError} INVALID_ARGUMENT for an empty or over-long prompt, one with symbols that the vocabulary does not have, or an option outside its range.
   */
  async *stream(prompts: readonly string[], options: TextOptions = {}): AsyncGenerator<TextPiece> {
    const { end } = this.#tokenizer;
    const ends = options.end ?? (end === undefined ? [] : [end]);
    const ids = prompts.map((prompt, i) => this.#read(prompt, i));
    const banned = [...(options.banned ?? []), ...this.#nameless];
    const streams = prompts.map(() => new TextStream(this.#tokenizer));
    for await (const { text, word, last } of this.#writer.stream(ids, { ...options, banned, end: ends })) {
      const ended = ends.includes(word);
      const whole = ended ? "" : streams[text]!.push(word);
      if (last) yield { text, piece: whole + streams[text]!.finish(), ended };
      else if (whole !== "") yield { text, piece: whole };
    }
  }

  /** What `stream` tells, whole: what follows each prompt. @throws {VitrineError} as `stream`. */
  async write(prompts: readonly string[], options: TextOptions = {}): Promise<readonly string[]> {
    const texts = prompts.map(() => "");
    for await (const { text, piece } of this.stream(prompts, options)) texts[text] += piece;
    return texts;
  }

  /**
   * The likeliest text that follows each prompt, as far as a search with beams finds it.
   * @throws {VitrineError} as `stream`.
   */
  async search(prompts: readonly string[], options: TextSearchOptions): Promise<readonly TextFound[]> {
    const { beams, maxWords, lengthPenalty: alpha = 1, signal } = options;
    const ids = prompts.map((prompt, i) => this.#read(prompt, i));
    const longest = Math.max(0, ...ids.map(({ length }) => length));
    const found = await this.#writer.search(ids, {
      beams,
      maxWords: Math.min(maxWords, this.positions + 1 - longest),
      // A tokenizer without an end has texts that never do.
      end: this.#tokenizer.end ?? -1,
      penalty: lengthPenalty(alpha),
      banned: this.#nameless,
      signal,
    });
    return found.map(([best]) => ({ text: this.#tokenizer.decode(best!.words), ended: best!.ended }));
  }

  async dispose(): Promise<void> {
    await this.#writer.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  /** A prompt's ids, checked. */
  #read(prompt: string, index: number): readonly number[] {
    const bad = (rule: string, evidence?: string, next?: string): VitrineError =>
      new VitrineError("INVALID_ARGUMENT", { rule: `generate: ${rule}`, evidence, place: `prompt ${index + 1}`, next });
    if (prompt === "") throw bad("a prompt must not be empty");
    const unknown = this.#tokenizer.unknownPlaces(prompt);
    if (unknown !== "")
      throw bad("a prompt's symbols must be in the model's vocabulary", `got ${unknown}`, "leave them out");
    const ids = this.#tokenizer.encode(prompt);
    if (ids.length > this.positions)
      throw bad(`the model holds ${this.positions} tokens`, `got ${ids.length}`, "leave out the prompt's beginning");
    return ids;
  }
}
