/** Texts that go on: from characters to characters. */

import { TextStream, type Tokenizer } from "../data/text/tokenizer.ts";
import type { Gpt2 } from "../models/gpt2/gpt2.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { Gpt2Writer, type TextOptions } from "./decode/gpt2.ts";

/** New characters of one of the texts. */
export interface TextPiece {
  /** Which prompt they follow. */
  readonly text: number;
  readonly piece: string;
}

/** A GPT with its tokenizer, ready to write. */
export class TextGenerator {
  readonly #writer: Gpt2Writer;
  readonly #tokenizer: Tokenizer;

  private constructor(writer: Gpt2Writer, tokenizer: Tokenizer) {
    this.#writer = writer;
    this.#tokenizer = tokenizer;
  }

  /** @throws {VitrineError} WEIGHTS_MISMATCH where the tokenizer has ids that the model has not, RUNTIME_FAILURE when the engine refuses the graph. */
  static async open(model: Gpt2, tokenizer: Tokenizer, runtime: Runtime): Promise<TextGenerator> {
    tokenizer.requireWords(model.config.words);
    return new TextGenerator(await Gpt2Writer.open(model, runtime), tokenizer);
  }

  /**
   * Goes on with each prompt, and tells characters as soon as they are whole.
   * @param options a text ends at the tokenizer's `end`, unless other ids are given
   * @throws {VitrineError} INVALID_ARGUMENT for an empty or over-long prompt, or an option outside its range.
   */
  async *stream(prompts: readonly string[], options: TextOptions = {}): AsyncGenerator<TextPiece> {
    const { end } = this.#tokenizer;
    const ends = options.end ?? (end === undefined ? [] : [end]);
    const ids = prompts.map((prompt) => this.#tokenizer.encode(prompt));
    const streams = prompts.map(() => new TextStream(this.#tokenizer));
    for await (const { text, word, last } of this.#writer.stream(ids, { ...options, end: ends })) {
      const whole = ends.includes(word) ? "" : streams[text]!.push(word);
      const piece = last ? whole + streams[text]!.finish() : whole;
      if (piece !== "") yield { text, piece };
    }
  }

  /** What `stream` tells, whole: what follows each prompt. @throws {VitrineError} as `stream`. */
  async write(prompts: readonly string[], options: TextOptions = {}): Promise<readonly string[]> {
    const texts = prompts.map(() => "");
    for await (const { text, piece } of this.stream(prompts, options)) texts[text] += piece;
    return texts;
  }

  async dispose(): Promise<void> {
    await this.#writer.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }
}
