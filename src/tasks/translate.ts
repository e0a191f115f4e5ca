/** Sentences of one language as sentences of another: from characters to characters, by a Transformer or a recurrent encoder–decoder. */

import { compile, type Executable } from "../compile/index.ts";
import type { TokenizerPair } from "../data/text/tokenizer.ts";
import { VitrineError } from "../errors.ts";
import { type NdArray, ndarray } from "../graph/dtype.ts";
import type { Seq2Seq } from "../models/seq2seq.ts";
import { WordTransformer } from "../models/transformer/word-transformer.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { mean, Tensor, trace } from "../tensor/index.ts";
import { lengthPenalty, type Sentence } from "./decode/beam-search.ts";
import { idRows } from "./decode/cached-decoder.ts";
import { Seq2SeqWriter } from "./decode/seq2seq.ts";
import { WordTransformerWriter } from "./decode/word-transformer.ts";

/** A model that translates. */
export type TranslatingModel = WordTransformer | Seq2Seq;

/** How to translate. */
export interface TranslateOptions {
  /** Sentences kept at each step; 1, greedy search, without it. */
  readonly beams?: number | undefined;
  /** α: a sentence's log-probability is divided by (its words)^α; 1, the mean over its words, without it. */
  readonly lengthPenalty?: number | undefined;
  /** Most words of a translation; without it three for each of the longest source in its batch, and ten. */
  readonly maxWords?: number | undefined;
  /** What every translation begins with. */
  readonly prefix?: string | undefined;
  /** Where each word of the translation looked in the source; false without it. */
  readonly alignment?: boolean | undefined;
  /** Sentences that are translated together; 16 without it. */
  readonly batch?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One sentence in the other language. */
export interface Translation {
  readonly text: string;
  /** Σ log P of the words and the end. */
  readonly logProbability: number;
  /** What the search compared: `logProbability` over the penalty of its length. */
  readonly score: number;
  /** False where `maxWords` cut it off. */
  readonly ended: boolean;
  /** Symbols of the source that its vocabulary does not have: the model read "unknown" there, or nothing. */
  readonly unknown: readonly string[];
  readonly alignment?: Alignment;
}

/** Attention from the words of a translation to those of its source. */
export interface Alignment {
  readonly source: readonly string[];
  /** The words, and the end where it came to one. */
  readonly target: readonly string[];
  /** float32 [target, source]: of a recurrent model its attention; of a Transformer the mean over the heads of one layer of cross-attention. */
  readonly weights: NdArray;
  /** Whose weights they are, in words. */
  readonly quantity: string;
}

/** What the two kinds of writers have in common. */
interface Writer {
  write(
    sources: readonly (readonly number[])[],
    how: {
      readonly beams: number;
      readonly penalty: (words: number) => number;
      readonly maxWords: number;
      readonly signal?: AbortSignal | undefined;
      readonly banned?: readonly number[];
      readonly prefixes?: readonly (readonly number[])[];
    },
  ): Promise<readonly (readonly (Sentence & { readonly alignment?: NdArray })[])[]>;
  dispose(): Promise<void>;
}

/** A translating model with its tokenizers, ready to translate. */
export class Translator {
  readonly #model: TranslatingModel;
  readonly #tokenizers: TokenizerPair;
  readonly #writer: Writer;
  readonly #runtime: Runtime;
  #attention: Executable | undefined;

  private constructor(model: TranslatingModel, tokenizers: TokenizerPair, writer: Writer, runtime: Runtime) {
    this.#model = model;
    this.#tokenizers = tokenizers;
    this.#writer = writer;
    this.#runtime = runtime;
  }

  /** @throws {VitrineError} WEIGHTS_MISMATCH where a tokenizer has ids that the model has not, RUNTIME_FAILURE when the engine refuses the graphs. */
  static async open(model: TranslatingModel, tokenizers: TokenizerPair, runtime: Runtime): Promise<Translator> {
    tokenizers.source.requireWords(model.config.sourceWords);
    tokenizers.target.requireWords(model.config.targetWords);
    const writer =
      model instanceof WordTransformer
        ? await WordTransformerWriter.open(model, runtime)
        : await Seq2SeqWriter.open(model, runtime);
    return new Translator(model, tokenizers, writer, runtime);
  }

  /** Most ids of a source; a recurrent model has no limit. */
  get maxSourceWords(): number {
    return this.#model instanceof WordTransformer ? this.#model.config.maxWords : Number.POSITIVE_INFINITY;
  }

  /**
   * The best translation of each text, in the texts' order. Texts of like lengths are translated together.
   * @throws {VitrineError} INVALID_ARGUMENT for an empty or over-long text, or an option outside its range.
   */
  async translate(texts: readonly string[], options: TranslateOptions = {}): Promise<readonly Translation[]> {
    const { batch = 16, signal } = options;
    const sources = texts.map((text, i) => this.#read(text, i));
    const order = sources.map((_, i) => i).sort((a, b) => sources[a]!.length - sources[b]!.length || a - b);
    const found = new Map<number, Translation>();
    for (let from = 0; from < order.length; from += batch) {
      signal?.throwIfAborted();
      const group = order.slice(from, from + batch);
      const translations = await this.#translateGroup(
        group.map((i) => sources[i]!),
        options,
      );
      for (const [place, i] of group.entries())
        found.set(i, { ...translations[place]!, unknown: this.#tokenizers.source.unknownSymbols(texts[i]!) });
    }
    return texts.map((_, i) => found.get(i)!);
  }

  async dispose(): Promise<void> {
    await this.#attention?.dispose();
    await this.#writer.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  /** A text's ids, checked. */
  #read(given: string, index: number): readonly number[] {
    const place = `text ${index + 1}`;
    // A space before the first word would make it another word.
    const text = given.trim();
    if (text === "") throw new VitrineError("INVALID_ARGUMENT", { rule: "translate: a text must not be empty", place });
    const ids = this.#tokenizers.source.encode(text, { special: true, leaveOut: true });
    if (ids.length > this.maxSourceWords)
      throw new VitrineError("INVALID_ARGUMENT", {
        rule: `translate: the model holds texts of at most ${this.maxSourceWords} tokens`,
        evidence: `got ${ids.length}`,
        place,
        next: "translate it sentence by sentence",
      });
    return ids;
  }

  async #translateGroup(
    sources: readonly (readonly number[])[],
    { beams = 1, lengthPenalty: alpha = 1, maxWords, prefix = "", alignment = false, signal }: TranslateOptions,
  ): Promise<readonly Omit<Translation, "unknown">[]> {
    const { pad, begin, end } = this.#model.config;
    const longest = Math.max(...sources.map(({ length }) => length));
    const begun = this.#tokenizers.target.encode(prefix);
    const found = await this.#writer.write(sources, {
      beams,
      penalty: lengthPenalty(alpha),
      maxWords: maxWords ?? 3 * longest + 10 + begun.length,
      prefixes: sources.map(() => begun),
      signal,
      // Neither is a word: a model that gives them some probability would else write them now and then.
      banned: [...new Set([pad, begin])].filter((id) => id !== end),
    });
    const best = found.map(([first]) => first!);
    const aligned = alignment ? await this.#alignments(sources, best) : [];
    return best.map((sentence, i) => {
      const { words, logProbability, score, ended } = sentence;
      const text = this.#tokenizers.target.decode(words);
      return { text, logProbability, score, ended, ...(alignment ? { alignment: aligned[i]! } : {}) };
    });
  }

  async #alignments(
    sources: readonly (readonly number[])[],
    sentences: readonly (Sentence & { readonly alignment?: NdArray })[],
  ): Promise<readonly Alignment[]> {
    const { source, target } = this.#tokenizers;
    const { end } = this.#model.config;
    const crossed = this.#model instanceof WordTransformer ? await this.#crossAttention(this.#model) : undefined;
    const found: Alignment[] = [];
    for (const [i, { words, ended, alignment }] of sentences.entries()) {
      const ids = sources[i]!;
      const written = ended ? [...words, end] : words;
      const weights = crossed ? await crossed(ids, words, written.length) : cut(alignment!, written.length, ids.length);
      found.push({
        source: source.pieces(ids),
        target: target.pieces(written),
        weights,
        quantity: this.#model instanceof WordTransformer ? crossQuantity(this.#model) : "attention weight",
      });
    }
    return found;
  }

  /** Reads source and translation once more, as in training, and looks at one layer of cross-attention. */
  async #crossAttention(
    model: WordTransformer,
  ): Promise<(source: readonly number[], words: readonly number[], rows: number) => Promise<NdArray>> {
    const ids = (length: string) => ({ dtype: "int64", shape: ["b", length] }) as const;
    this.#attention ??= await compile(
      (given) => {
        const { taps } = trace(() => model.forward(given));
        const probs = new Tensor(taps.get(`transformer.decoder.layers.${alignedLayer(model)}.multihead_attn.probs`)!);
        return { weights: mean(probs, { axes: [1] }) }; // [b, t, s]
      },
      { source: ids("s"), target: ids("t"), valid: { dtype: "bool", shape: ["b", "s"] } },
      { runtime: this.#runtime },
    );
    const executable = this.#attention;
    return async (source, words, rows) => {
      const { weights } = await executable.run({
        source: idRows([source]),
        target: idRows([[model.config.begin, ...words].slice(0, rows)]),
        valid: ndarray("bool", [1, source.length], Array<number>(source.length).fill(1)),
      });
      return { dtype: "float32", shape: [rows, source.length], data: weights!.data };
    };
  }
}

/**
 * The layer whose cross-attention lies nearest to what people call alignment: the last but one.
 * @source Garg et al., arXiv:1909.02074, section 4.2
 */
function alignedLayer({ config }: WordTransformer): number {
  return Math.max(0, config.decoder.layers - 2);
}

function crossQuantity(model: WordTransformer): string {
  return `cross-attention of decoder layer ${alignedLayer(model)}, mean over its ${model.config.decoder.heads} heads`;
}

/** The first rows and columns of a matrix: what a batch's longer sources added is zeros. */
function cut({ shape, data }: NdArray, rows: number, cols: number): NdArray {
  const wide = shape[1]!;
  const all = data as Float32Array;
  const part = new Float32Array(rows * cols);
  for (let row = 0; row < rows; row++) part.set(all.subarray(row * wide, row * wide + cols), row * cols);
  return { dtype: "float32", shape: [rows, cols], data: part };
}
