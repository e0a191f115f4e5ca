/**
 * Recurrent encoder–decoder with attention.
 *
 * Bahdanau et al., "Neural Machine Translation by Jointly Learning to Align and Translate", arXiv:1409.0473; section 3, appendix A.
 * Luong et al., "Effective Approaches to Attention-based Neural Machine Translation", arXiv:1508.04025; section 3.1: dot, general.
 * Cho et al., "Learning Phrase Representations using RNN Encoder–Decoder", arXiv:1406.1078: the same without attention, one code for the whole sentence.
 * Reference code: torch.nn.GRU, GRUCell, Linear, Embedding put together by the papers' equations. Names are those of the parts.
 *
 * Departs from the papers: a linear output over state, context and word in place of Bahdanau's maxout; with Luong's similarities too, the query is
 * the state before the step, as Bahdanau has it.
 *
 * Axes: b batch · s source · t target · e embedding · h encoder state · k decoder state · g gates · v target words
 */

import { VitrineError } from "../errors.ts";
import { attendInStages } from "../nn/attention.ts";
import { allowedMask, validPositions } from "../nn/attention-masks.ts";
import { AdditiveSimilarity, dot, GeneralSimilarity, type Similarity } from "../nn/attention-similarity.ts";
import { Dropout } from "../nn/drop.ts";
import { Embedding } from "../nn/embedding.ts";
import { Linear } from "../nn/linear.ts";
import { evaluation, type Mode, Module } from "../nn/module.ts";
import { Gru, Lstm } from "../nn/recurrent.ts";
import { type Cell, type CellState, GruCell, LstmCell } from "../nn/recurrent-cells.ts";
import { at, cast, concat, dims, linear, split, stack, type Tensor, tanh, tap, unsqueeze } from "../tensor/index.ts";

/** How the decoder finds its place in the source; `none`: it reads one code of the whole source at every step. */
export type Seq2SeqAttention = "additive" | "general" | "dot" | "none";

/** Sizes and ids of an encoder–decoder. */
export interface Seq2SeqConfig {
  readonly sourceWords: number;
  readonly targetWords: number;
  /** Width of the words' vectors, e. */
  readonly embed: number;
  /** Width of the encoder's state in each direction, h. */
  readonly hidden: number;
  /** Width of the decoder's state, k; `hidden` without it, twice that for dot attention. */
  readonly decoderHidden?: number | undefined;
  /** Layers of the encoder. */
  readonly layers: number;
  readonly cell: "gru" | "lstm";
  readonly attention: Seq2SeqAttention;
  /** Width of the additive similarity's hidden layer; the decoder's, k, without it. */
  readonly attentionWidth?: number | undefined;
  /** Of words' vectors, between the encoder's layers, and before the output. */
  readonly dropout: number;
  /** Ids of padding, of the sentence's begin and of its end. */
  readonly pad: number;
  readonly begin: number;
  readonly end: number;
}

/** What the decoder reads at every step. */
export interface SourceMemory {
  /** A: what the encoder says of each source word, [b, s, 2 h]; without attention, the one code of the sentence as [b, 1, 2 h]. */
  readonly annotations: Tensor;
  /** What the annotations are compared as: prepared once for all steps. */
  readonly keys: Tensor;
  /** bool [b, s], false where the source is padding. */
  readonly valid: Tensor;
}

/** Result of one step. */
export interface Seq2SeqStep {
  /** [b, v] */
  readonly logits: Tensor;
  readonly next: CellState;
  /** [b, s]: where the step looked. */
  readonly weights: Tensor;
}

/** Source ids in, target logits out. */
export class Seq2Seq extends Module {
  readonly config: Seq2SeqConfig;
  readonly encoder: Encoder;
  readonly bridge: Linear;
  readonly bridgeCell: Linear | undefined;
  readonly attention: AdditiveSimilarity | GeneralSimilarity | undefined;
  readonly decoder: Decoder;
  readonly output: Linear;
  readonly drop: Dropout;

  /** @throws {VitrineError} INVALID_ARGUMENT for dot attention where k is not 2 h. */
  constructor(config: Seq2SeqConfig) {
    super();
    const { embed, hidden, targetWords, dropout } = config;
    const k = decoderWidth(config);
    this.config = config;
    this.encoder = new Encoder(config);
    this.bridge = new Linear(hidden, k);
    this.bridgeCell = config.cell === "lstm" ? new Linear(hidden, k) : undefined;
    this.attention = similarityOf(config);
    this.decoder = new Decoder(config);
    this.output = new Linear(k + 2 * hidden + embed, targetWords);
    this.drop = new Dropout(dropout);
  }

  /**
   * Teacher forcing: the logits of each target word after the words before it.
   * @param source int64 [b, s]; lengths: int64 [b], each at least 1; target: int64 [b, t], begun with `begin`, t a number
   * @returns logits [b, t, v], alignment [b, t, s]; taps `annotations`, `s_0`, `states`
   */
  forward(
    { source, lengths, target }: { readonly source: Tensor; readonly lengths: Tensor; readonly target: Tensor },
    mode: Mode = evaluation,
  ): { readonly logits: Tensor; readonly alignment: Tensor } {
    const steps = dims(target, "b t").t;
    if (typeof steps !== "number")
      throw new VitrineError("SHAPE_MISMATCH", {
        rule: "seq2seq: the number of target words must be known while tracing",
        evidence: `got ${steps}`,
        next: "compile once for each length, or decode step by step",
      });
    const { memory, start } = this.encode(source, lengths, mode);
    const words = this.drop.forward(this.decoder.embedding.forward(target), mode); // [b, t, e]
    const fromWords = this.decoder.fromWords(words); //                               [b, t, g]
    let before = start;
    const looks = Array.from({ length: steps }, (_, i) => {
      const look = this.#look(at(fromWords, 1, i), before, memory);
      before = look.next;
      return look;
    });
    const states = tap(
      "states",
      stack(
        looks.map(({ next }) => next.state),
        1,
      ),
    ); //     [b, t, k]
    const contexts = stack(
      looks.map(({ context }) => context),
      1,
    ); //                  [b, t, 2h]
    const read = this.drop.forward(concat([states, contexts, words], 2), mode);
    return {
      logits: this.output.forward(read), //                                             [b, t, v]
      alignment: stack(
        looks.map(({ weights }) => weights),
        1,
      ), //                      [b, t, s]
    };
  }

  /** Reads the source: annotations A, and the decoder's first state s_0 = tanh(W h + b), h the backward direction's last state. */
  encode(
    source: Tensor,
    lengths: Tensor,
    mode: Mode = evaluation,
  ): { readonly memory: SourceMemory; readonly start: CellState } {
    const { output, state, cell } = this.encoder.forward(source, lengths, mode);
    const annotations = tap("annotations", output);
    const valid = validPositions(lengths, source.shape[1]!);
    const last = (t: Tensor, back: number): Tensor => at(t, 0, (t.shape[0] as number) - back); // [b, h]
    const start = tap("s_0", tanh(this.bridge.forward(last(state, 1))));
    const begun = { state: start, cell: cell && tanh(this.bridgeCell!.forward(last(cell, 1))) };
    if (this.config.attention === "none") {
      const code = unsqueeze(concat([last(state, 2), last(state, 1)], 1), 1); //                    [b, 1, 2h]
      return { memory: { annotations: code, keys: code, valid }, start: begun };
    }
    const keys = this.attention instanceof AdditiveSimilarity ? this.attention.prepare(annotations) : annotations;
    return { memory: { annotations, keys, valid }, start: begun };
  }

  /** One word further. @param ids int64 [b] */
  step(ids: Tensor, before: CellState, memory: SourceMemory): Seq2SeqStep {
    const word = this.decoder.embedding.forward(ids); //                                             [b, e]
    const { next, context, weights } = this.#look(this.decoder.fromWords(word), before, memory);
    return { logits: this.output.forward(concat([next.state, context, word], 1)), next, weights };
  }

  /** Finds the context of a step with the state before it, and moves the state on. */
  #look(fromWord: Tensor, before: CellState, memory: SourceMemory): Look {
    const { annotations, keys, valid } = memory;
    if (this.config.attention === "none") {
      const context = at(annotations, 1, 0); //                                                      [b, 2h]
      const weights = cast(valid, "float32").mul(0);
      return { context, weights, next: this.decoder.advance(fromWord, context, before) };
    }
    const { attention } = this;
    const similarity: Similarity =
      attention instanceof AdditiveSimilarity
        ? (q, k) => attention.compare(q, k)
        : attention
          ? (q, k) => attention.forward(q, k)
          : dot;
    // A source has at least one word, so that no query is blind.
    const mask = { bias: allowedMask(unsqueeze(valid, 1)).bias };
    const query = unsqueeze(before.state, 1); //                                                     [b, 1, k]
    const { weights, output } = attendInStages(query, keys, annotations, { similarity, mask });
    const context = at(output, 1, 0); //                                                             [b, 2h]
    return { context, weights: at(weights, 1, 0), next: this.decoder.advance(fromWord, context, before) };
  }
}

interface Look {
  readonly context: Tensor;
  readonly weights: Tensor;
  readonly next: CellState;
}

/** Both directions over the source. */
class Encoder extends Module {
  readonly embedding: Embedding;
  readonly rnn: Gru | Lstm;
  readonly drop: Dropout;

  constructor({ sourceWords, embed, hidden, layers, cell, dropout }: Seq2SeqConfig) {
    super();
    const options = { layers, dropout, bidirectional: true };
    this.embedding = new Embedding(sourceWords, embed);
    this.rnn = cell === "gru" ? new Gru(embed, hidden, options) : new Lstm(embed, hidden, options);
    this.drop = new Dropout(dropout);
  }

  /** Ids [b, s], lengths [b] → annotations [b, s, 2 h], zeros at padding, and the last states. */
  forward(
    source: Tensor,
    lengths: Tensor,
    mode: Mode,
  ): { readonly output: Tensor; readonly state: Tensor; readonly cell?: Tensor } {
    const words = this.drop.forward(this.embedding.forward(source), mode); // [b, s, e]
    return this.rnn.forward(words, { lengths, mode });
  }
}

/** A cell that reads the word before and the context. */
class Decoder extends Module {
  readonly embedding: Embedding;
  readonly rnn: Cell;
  readonly #embed: number;

  constructor(config: Seq2SeqConfig) {
    super();
    const { targetWords, embed, hidden, cell } = config;
    const [read, k] = [embed + 2 * hidden, decoderWidth(config)];
    this.embedding = new Embedding(targetWords, embed);
    this.rnn = cell === "gru" ? new GruCell(read, k) : new LstmCell(read, k);
    this.#embed = embed;
  }

  /** The words' part of the gates, for all steps at once: [.., e] → [.., g]. */
  fromWords(words: Tensor): Tensor {
    return linear(words, this.#columns()[0], this.rnn.biasIh);
  }

  advance(fromWord: Tensor, context: Tensor, before: CellState): CellState {
    return this.rnn.advance(fromWord.add(linear(context, this.#columns()[1])), before);
  }

  /** Weights of the words, [g, e], and of the context, [g, 2 h]. */
  #columns(): readonly [Tensor, Tensor] {
    const { weightIh } = this.rnn;
    return split(weightIh, [this.#embed, (weightIh.shape[1] as number) - this.#embed], 1) as [Tensor, Tensor];
  }
}

function decoderWidth({ attention, hidden, decoderHidden }: Seq2SeqConfig): number {
  return decoderHidden ?? (attention === "dot" ? 2 * hidden : hidden);
}

function similarityOf(config: Seq2SeqConfig): AdditiveSimilarity | GeneralSimilarity | undefined {
  const { attention, attentionWidth, hidden } = config;
  const k = decoderWidth(config);
  if (attention === "additive") return new AdditiveSimilarity(k, 2 * hidden, attentionWidth ?? k);
  if (attention === "general") return new GeneralSimilarity(k, 2 * hidden);
  if (attention === "dot" && k !== 2 * hidden)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "seq2seq: dot attention needs a decoder's state as wide as both directions of the encoder",
      evidence: `got ${k} and 2 · ${hidden}`,
    });
  return undefined;
}
