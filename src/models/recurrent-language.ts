/**
 * A recurrent model of language: words in, logits of each next word out.
 *
 * Mikolov et al., "Recurrent neural network based language model", Interspeech 2010; with LSTM as Zaremba et al., arXiv:1409.2329.
 * Press & Wolf, arXiv:1608.05859: the output's matrix may be the words' table.
 * Reference code: torch.nn.Embedding, LSTM or GRU, Linear, one after the other. Names are those of the parts.
 *
 * Axes: b batch · n words · e embedding · h state · v vocabulary
 */

import { VitrineError } from "../errors.ts";
import { Dropout } from "../nn/drop.ts";
import { Embedding } from "../nn/embedding.ts";
import { normal, zeros } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { evaluation, type Mode, Module, type Parameter, parameter } from "../nn/module.ts";
import { Gru, Lstm } from "../nn/recurrent.ts";
import { dims, linear, type Tensor, tap } from "../tensor/index.ts";

/** Sizes of a recurrent model of language. */
export interface RecurrentLanguageConfig {
  /** Words of the vocabulary, v. */
  readonly words: number;
  /** Width of the words' vectors, e. */
  readonly embed: number;
  /** Width of each layer's state, h. */
  readonly hidden: number;
  readonly layers: number;
  readonly cell: "lstm" | "gru";
  /** The output's matrix is the words' table; e and h are then equal. */
  readonly tied: boolean;
  /** Of words' vectors, between layers, and before the output. */
  readonly dropout: number;
}

/** What the layers keep between one text and what follows it: [layers, b, h] each. */
export interface RecurrentState {
  readonly state: Tensor;
  /** LSTM only. */
  readonly cell?: Tensor | undefined;
}

/** Words in, logits of each next word out. */
export class RecurrentLanguage extends Module {
  readonly config: RecurrentLanguageConfig;
  readonly embedding: Embedding;
  readonly rnn: Gru | Lstm;
  readonly output: Linear | undefined;
  readonly outputBias: Parameter | undefined;
  readonly drop: Dropout;

  /** @throws {VitrineError} INVALID_ARGUMENT for sizes that are no whole numbers from 1 up, or a shared table of another width than the state's. */
  constructor(config: RecurrentLanguageConfig) {
    super();
    const { words, embed, hidden, layers, cell, tied, dropout } = config;
    for (const size of ["words", "embed", "hidden", "layers"] as const)
      if (!(Number.isInteger(config[size]) && config[size] >= 1))
        throw new VitrineError("INVALID_ARGUMENT", {
          rule: `recurrent language: ${size} is a whole number from 1 up`,
          evidence: `got ${config[size]}`,
        });
    if (tied && embed !== hidden)
      throw new VitrineError("INVALID_ARGUMENT", {
        rule: "recurrent language: a shared table is as wide as the state",
        evidence: `got embed ${embed}, hidden ${hidden}`,
      });
    this.config = config;
    this.embedding = new Embedding(words, embed, tied ? normal(0.05) : normal(1));
    this.rnn =
      cell === "gru" ? new Gru(embed, hidden, { layers, dropout }) : new Lstm(embed, hidden, { layers, dropout });
    this.output = tied ? undefined : new Linear(hidden, words);
    this.outputBias = tied ? parameter([words], zeros) : undefined;
    this.drop = new Dropout(dropout);
  }

  /** Ids, int64 [b, n] → logits [b, n, v] of each next word, from a text's begin. Taps `embedded`, `states`. */
  forward(ids: Tensor, mode: Mode = evaluation): Tensor {
    return this.resume(ids, undefined, mode).logits;
  }

  /**
   * Goes on with texts.
   * @param ids int64 [b, n]
   * @param before what the layers kept of the words before; nothing without it
   * @returns logits [b, n, v], and what to keep
   */
  resume(
    ids: Tensor,
    before: RecurrentState | undefined,
    mode: Mode = evaluation,
  ): { readonly logits: Tensor; readonly next: RecurrentState } {
    dims(ids, "b n");
    const words = this.drop.forward(tap("embedded", this.embedding.forward(ids)), mode); // [b, n, e]
    const { output, state, cell } = this.rnn.forward(words, { ...before, mode }) as RecurrentState & {
      readonly output: Tensor;
    };
    const read = this.drop.forward(tap("states", output), mode); //                         [b, n, h]
    const logits = this.output ? this.output.forward(read) : linear(read, this.embedding.weight, this.outputBias);
    return { logits, next: { state, cell } };
  }
}
