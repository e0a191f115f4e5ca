/**
 * A Transformer from words to words: tables of words, positions, and an output. Translates; MarianMT is one of these.
 *
 * Vaswani et al., "Attention Is All You Need", arXiv:1706.03762; sections 3.4 (shared tables, √d), 3.5 (positions).
 * Press & Wolf, "Using the Output Embedding to Improve Language Models", arXiv:1608.05859: the output's matrix is the words' table.
 * Reference code: transformers 4.57, models/marian/modeling_marian.py; its weights by weights/marian-rules.ts.
 *
 * Axes: b batch · s source · t target · n new words · d width · v target words
 */

import { VitrineError } from "../../errors.ts";
import { type Dim, isSymbolic } from "../../graph/dim.ts";
import type { KeysAndValues } from "../../nn/attention.ts";
import {
  type CachePlace,
  cacheMask,
  cachePositions,
  causalMask,
  keyPaddingMask,
  type Mask,
} from "../../nn/attention-masks.ts";
import { Dropout } from "../../nn/drop.ts";
import { Embedding } from "../../nn/embedding.ts";
import { normal, xavierUniform, zeros } from "../../nn/init.ts";
import { Linear } from "../../nn/linear.ts";
import { type Buffer, buffer, evaluation, type Mode, Module } from "../../nn/module.ts";
import { type SinusoidLayout, sinusoids } from "../../nn/sinusoids.ts";
import { at, equal, gather, linear, not, slice, type Tensor, tap, tensor } from "../../tensor/index.ts";
import { Transformer, type TransformerConfig, type TransformerOptions, transformerConfig } from "./transformer.ts";

/** What words need beside a Transformer. */
export interface WordTransformerConfig extends TransformerConfig {
  readonly sourceWords: number;
  readonly targetWords: number;
  /** One table for both languages. */
  readonly shared: boolean;
  /** The output's matrix is the target words' table. */
  readonly tied: boolean;
  /** A bias of the logits, beside the words' table. */
  readonly outputBias: boolean;
  /** Words' vectors are multiplied by √d. */
  readonly scaled: boolean;
  /** Learned for each language, or one of the fixed tables. */
  readonly positions: "learned" | SinusoidLayout;
  /** Most words of a sentence. */
  readonly maxWords: number;
  /** Ids of padding, of a sentence's begin and of its end. */
  readonly pad: number;
  readonly begin: number;
  readonly end: number;
}

/** What is given; the rest has the paper's defaults. */
export type WordTransformerOptions = TransformerOptions &
  Partial<WordTransformerConfig> &
  Pick<WordTransformerConfig, "sourceWords" | "targetWords">;

/**
 * A whole configuration.
 * @throws {VitrineError} INVALID_ARGUMENT for a shared table of two vocabularies.
 */
export function wordTransformerConfig(options: WordTransformerOptions): WordTransformerConfig {
  const { sourceWords, targetWords } = options;
  const config: WordTransformerConfig = {
    ...transformerConfig(options),
    shared: sourceWords === targetWords,
    tied: true,
    outputBias: false,
    scaled: true,
    positions: "interleaved",
    maxWords: 512,
    pad: 0,
    begin: 1,
    end: 2,
    ...options,
  };
  if (config.shared && sourceWords !== targetWords)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "Transformer: a shared table has as many source words as target words",
      evidence: `got ${sourceWords} and ${targetWords}`,
    });
  return config;
}

/** What the decoder reads at every step. */
export interface WordMemory {
  /** Mapped keys and values for each layer, [b, a, s, k]. */
  readonly layers: readonly KeysAndValues[];
  /** bool [b, s], false where the source is padding. */
  readonly valid: Tensor;
}

/** What the decoder goes on from. */
export interface WordCache extends CachePlace {
  /** Of each layer: [b, a, c, k], c at least 1. */
  readonly layers: readonly KeysAndValues[];
}

/** Source ids in, target logits out. */
export class WordTransformer extends Module {
  readonly config: WordTransformerConfig;
  readonly sourceEmbedding: Embedding;
  readonly targetEmbedding: Embedding;
  readonly sourcePositions: Embedding | undefined;
  readonly targetPositions: Embedding | undefined;
  readonly transformer: Transformer;
  readonly projection: Linear | undefined;
  readonly finalLogitsBias: Buffer | undefined;
  readonly drop: Dropout;

  constructor(options: WordTransformerOptions) {
    super();
    const config = wordTransformerConfig(options);
    const { width, sourceWords, targetWords, maxWords, tied } = config;
    const table = (words: number): Embedding => new Embedding(words, width, normal(width ** -0.5), config.pad);
    this.config = config;
    this.sourceEmbedding = table(sourceWords);
    this.targetEmbedding = config.shared ? this.sourceEmbedding : table(targetWords);
    const learned = config.positions === "learned";
    this.sourcePositions = learned ? new Embedding(maxWords, width, normal(0.02)) : undefined;
    this.targetPositions = learned ? new Embedding(maxWords, width, normal(0.02)) : undefined;
    this.transformer = new Transformer(config);
    this.projection = tied
      ? undefined
      : new Linear(width, targetWords, { init: { weight: xavierUniform, bias: zeros } });
    this.finalLogitsBias = config.outputBias ? buffer([1, targetWords], zeros) : undefined;
    this.drop = new Dropout(config.dropout);
  }

  /**
   * Teacher forcing: the logits of each target word after the words before it.
   * @param source int64 [b, s]; target: int64 [b, t], begun with `begin`; valid: bool [b, s], where the source is no padding (by its ids without it)
   * @returns logits [b, t, v], memory [b, s, d]; taps `source`, `target` (the words with their positions) and the Transformer's
   * @throws {VitrineError} SHAPE_MISMATCH for sentences of more words than there are positions.
   */
  forward(
    {
      source,
      target,
      valid,
    }: { readonly source: Tensor; readonly target: Tensor; readonly valid?: Tensor | undefined },
    mode: Mode = evaluation,
  ): { readonly logits: Tensor; readonly memory: Tensor } {
    const { encoded, memory } = this.encode(source, valid, mode);
    const y = this.drop.forward(tap("target", this.#place(target, this.targetEmbedding, this.targetPositions)), mode);
    const { output } = this.transformer.decoder.forward(y, {
      memory: memory.layers,
      memoryMask: paddingMask(memory.valid),
      targetMask: causalMask(target.shape[1]!),
      mode,
    });
    return { logits: this.#read(output), memory: encoded }; //                           [b, t, v], [b, s, d]
  }

  /** Reads the source: the encoder's result [b, s, d], and what the decoder reads of it at every step. */
  encode(
    source: Tensor,
    given?: Tensor,
    mode: Mode = evaluation,
  ): { readonly encoded: Tensor; readonly memory: WordMemory } {
    const { encoder, decoder } = this.transformer;
    const valid = given ?? not(equal(source, this.config.pad));
    const x = this.drop.forward(tap("source", this.#place(source, this.sourceEmbedding, this.sourcePositions)), mode);
    const encoded = encoder.forward(x, paddingMask(valid), mode); //                  [b, s, d]
    return { encoded, memory: { layers: decoder.prepare(encoded), valid } };
  }

  /**
   * Reads more target words of sentences whose earlier words are kept: logits [b, v] of the word after the last, and what to keep of these
   * words for each layer, [b, a, n, k].
   * @param ids int64 [b, n]
   */
  resume(
    ids: Tensor,
    { layers, valid }: WordMemory,
    cache: WordCache,
  ): { readonly logits: Tensor; readonly layers: readonly KeysAndValues[] } {
    const [, n] = ids.shape as readonly [Dim, Dim];
    const c = cache.layers[0]!.keys.shape[2]!;
    const places = gather(this.#positionTable(this.targetPositions), cachePositions(n, cache), 0); // [b, n, d]
    const { output, kept } = this.transformer.decoder.forward(this.#words(ids, this.targetEmbedding).add(places), {
      memory: layers,
      memoryMask: paddingMask(valid),
      targetMask: cacheMask(n, c, cache),
      past: cache.layers,
    });
    return { logits: this.#read(at(output, 1, -1)), layers: kept };
  }

  /** [b, n] → [b, n, d]. */
  #words(ids: Tensor, table: Embedding): Tensor {
    const words = table.forward(ids);
    return this.config.scaled ? words.mul(Math.sqrt(this.config.width)) : words;
  }

  /** Words with their positions from 0: [b, n] → [b, n, d]. */
  #place(ids: Tensor, table: Embedding, learned: Embedding | undefined): Tensor {
    const n = ids.shape[1]!;
    if (!isSymbolic(n) && n > this.config.maxWords)
      throw new VitrineError("SHAPE_MISMATCH", {
        rule: `Transformer: a sentence has at most ${this.config.maxWords} words`,
        evidence: `got ${n}`,
      });
    return this.#words(ids, table).add(slice(this.#positionTable(learned), 0, 0, n));
  }

  /** [positions, d] */
  #positionTable(learned: Embedding | undefined): Tensor {
    const { positions, maxWords, width } = this.config;
    if (learned) return learned.weight;
    return tensor(sinusoids(maxWords, width, positions as SinusoidLayout));
  }

  /** [.., d] → [.., v]. */
  #read(x: Tensor): Tensor {
    const logits = this.projection ? this.projection.forward(x) : linear(x, this.targetEmbedding.weight);
    return this.finalLogitsBias ? logits.add(this.finalLogitsBias.tensor) : logits;
  }
}

/** A source has at least one word, so that no query is blind. */
function paddingMask(valid: Tensor): Mask {
  return { bias: keyPaddingMask(valid).bias };
}
