/** Small models of words for a vocabulary: what is trained where nothing else is asked for. */

import { VitrineError } from "../../errors.ts";
import { Gpt2 } from "../../models/gpt2/gpt2.ts";
import { RecurrentLanguage } from "../../models/recurrent-language.ts";
import { Seq2Seq } from "../../models/seq2seq.ts";
import type { StackSize } from "../../models/transformer/transformer.ts";
import { WordTransformer, type WordTransformerOptions } from "../../models/transformer/word-transformer.ts";
import type { Activation } from "../../nn/activations.ts";
import type { LanguageModel } from "../../pretrained/language.ts";
import {
  gpt2Schema,
  recurrentSchema,
  seq2seqSchema,
  transformerSchema,
  withSettings,
} from "../../pretrained/language-schema.ts";

/** Kinds of models that go on with texts. */
export const nextWordKinds = ["gpt2", "lstm", "gru"] as const;

/** Kinds of models that translate. */
export const translationKinds = ["transformer", "gru", "lstm"] as const;

/** What is to be trained. */
export interface ModelChoice {
  /** One of `nextWordKinds` for a text, of `translationKinds` for translations. */
  readonly kind: string;
  readonly translates: boolean;
  /** Words of the vocabulary. */
  readonly words: number;
  /** Most words of a text or of a sentence. */
  readonly longest: number;
  /** What differs from the usual sizes; of a stack of a Transformer any part. */
  readonly options: Readonly<Record<string, unknown>>;
}

const stack: StackSize = { layers: 3, heads: 4, mlpWidth: 512 };

/** What the vocabulary and the kind say of a model's configuration. */
const fixed = ["words", "sourceWords", "targetWords", "pad", "begin", "end", "cell"];

/** Usual sizes; those of a Transformer are such that it is a MarianMT. */
const sizes = {
  transformer: {
    ...{
      width: 192,
      encoder: stack,
      decoder: stack,
      dropout: 0.1,
      activation: "relu" as Activation,
      eps: 1e-5,
      bias: true,
    },
    ...{ normFirst: false, finalNorm: false, shared: true, tied: true, outputBias: true, scaled: true },
    positions: "halves",
  },
  seq2seq: { embed: 256, hidden: 256, layers: 1, attention: "additive", dropout: 0.3 },
  gpt2: {
    ...{ width: 192, depth: 6, heads: 6, mlpWidth: 768, bias: true, tied: true },
    ...{ embedDropout: 0.1, dropout: 0.1, attnDropout: 0 },
  },
  recurrent: { embed: 64, hidden: 256, layers: 2, tied: false, dropout: 0.1 },
} as const;

/**
 * A model with random weights yet to be drawn.
 * @throws {VitrineError} INVALID_ARGUMENT for a kind that is not there, an option that it has not, or one out of range.
 */
export function languageModelFor({ kind, translates, words, longest, options }: ModelChoice): LanguageModel {
  const kinds: readonly string[] = translates ? translationKinds : nextWordKinds;
  if (!kinds.includes(kind))
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: `${translates ? "translations are" : "a text is"} learned by a model of the kind ${kinds.join(", ")}`,
      evidence: `got ${kind}`,
    });
  const ids = { pad: 0, begin: 1, end: 2 };
  const given = <T extends object>(usual: T, schema: Parameters<typeof withSettings>[2]): T =>
    withSettings(usual, options, schema, fixed);
  if (kind === "transformer") {
    const usual: Omit<WordTransformerOptions, "sourceWords" | "targetWords"> = {
      ...sizes.transformer,
      maxWords: longest,
    };
    return new WordTransformer({ ...given(usual, transformerSchema), sourceWords: words, targetWords: words, ...ids });
  }
  if (kind === "gpt2") return new Gpt2({ ...given({ ...sizes.gpt2, positions: longest }, gpt2Schema), words });
  const cell = kind as "gru" | "lstm";
  if (translates)
    return new Seq2Seq({
      ...given(sizes.seq2seq, seq2seqSchema),
      cell,
      sourceWords: words,
      targetWords: words,
      ...ids,
    });
  return new RecurrentLanguage({ ...given(sizes.recurrent, recurrentSchema), cell, words });
}
