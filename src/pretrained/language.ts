/** Models of words from a published configuration and its weights. */

import { Tokenizer, type TokenizerPair } from "../data/text/tokenizer.ts";
import { VitrineError } from "../errors.ts";
import { gpt2FromHuggingFace, isOpenAiGpt2 } from "../models/gpt2/config.ts";
import { Gpt2 } from "../models/gpt2/gpt2.ts";
import type { JsonObject } from "../models/json.ts";
import { RecurrentLanguage } from "../models/recurrent-language.ts";
import { Seq2Seq } from "../models/seq2seq.ts";
import { marianFromHuggingFace } from "../models/transformer/marian-config.ts";
import { WordTransformer } from "../models/transformer/word-transformer.ts";
import { ctranslate2Rules } from "../weights/ctranslate2-rules.ts";
import { gpt2Naming } from "../weights/gpt2-rules.ts";
import { marianRules } from "../weights/marian-rules.ts";
import { applyRules } from "../weights/rules.ts";
import type { WeightSource } from "../weights/source.ts";
import { ctranslate2Config, isCtranslate2 } from "./ctranslate2.ts";
import { fillModel } from "./fill-model.ts";
import { ownTypes } from "./language-config.ts";
import { gpt2Schema, ownConfig, recurrentSchema, seq2seqSchema, transformerSchema } from "./language-schema.ts";

/** A model that goes on with texts (GPT, recurrent), or one that translates them (Transformer, recurrent encoder–decoder). */
export type LanguageModel = Gpt2 | RecurrentLanguage | WordTransformer | Seq2Seq;

/** A model of words, what it is, and how texts become its words. */
export type Language = {
  /** Of the texts that it reads. */
  readonly tokenizer: Tokenizer;
  /** Of the texts that it writes: the same, unless a translator's languages have a vocabulary each. */
  readonly targetTokenizer: Tokenizer;
  /** The parsed `config.json`, or OpenAI's `hparams.json`. */
  readonly config: JsonObject;
} & (
  | { readonly kind: "gpt2"; readonly model: Gpt2 }
  | { readonly kind: "recurrent-language"; readonly model: RecurrentLanguage }
  | { readonly kind: "transformer"; readonly model: WordTransformer }
  | { readonly kind: "seq2seq"; readonly model: Seq2Seq }
);

/**
 * A model with its tokenizer, or with one for each side.
 * @throws {VitrineError} as `languageModel`, and WEIGHTS_MISMATCH where the tokenizer has more ids than the model has words.
 */
export async function language(
  config: unknown,
  weights: WeightSource,
  tokenizers: Tokenizer | TokenizerPair,
  place = "config.json",
): Promise<Language> {
  const model = await languageModel(config, weights, place);
  const { source, target } = tokenizers instanceof Tokenizer ? { source: tokenizers, target: tokenizers } : tokenizers;
  const json = objectOf(config, place);
  const exact = (Object.values(ownTypes) as unknown[]).includes(json.model_type);
  source.requireWords("words" in model.config ? model.config.words : model.config.sourceWords, { exact });
  target.requireWords("words" in model.config ? model.config.words : model.config.targetWords, { exact });
  const facts = { tokenizer: source, targetTokenizer: target, config: json };
  return { kind: kindOf(model), model, ...facts } as Language;
}

/** Which of the kinds a model is. */
export function kindOf(model: LanguageModel): Language["kind"] {
  if (model instanceof Gpt2) return "gpt2";
  if (model instanceof RecurrentLanguage) return "recurrent-language";
  return model instanceof WordTransformer ? "transformer" : "seq2seq";
}

/**
 * The model that a `config.json` of transformers (GPT-2, MarianMT), of minGPT or of ours (what transformers does not have) describes, or OpenAI's `hparams.json`, with its
 * weights. Weights with CTranslate2's names describe themselves.
 * @param config parsed JSON
 * @param place file name, for messages
 * @throws {VitrineError} INVALID_FILE for a broken configuration or a model that is not here, WEIGHTS_MISMATCH for weights of another model.
 */
export async function languageModel(
  config: unknown,
  weights: WeightSource,
  place = "config.json",
): Promise<LanguageModel> {
  const json = objectOf(config, place);
  if (isCtranslate2(weights)) {
    const model = new WordTransformer(ctranslate2Config(weights));
    await fillModel(model, applyRules(weights, ctranslate2Rules));
    return model;
  }
  // minGPT writes the size's name as the type, and the head's matrix is always its own.
  const isMinGpt = "block_size" in json;
  if (json.model_type === "gpt2" || isMinGpt || isOpenAiGpt2(json)) {
    const model = new Gpt2({ ...gpt2FromHuggingFace(json, place), ...(isMinGpt ? { tied: false } : {}) });
    await fillModel(model, applyRules(weights, gpt2Naming(weights, model.config.tied).rules));
    return model;
  }
  if (json.model_type === "marian") {
    const model = new WordTransformer(marianFromHuggingFace(json, place));
    await fillModel(model, applyRules(weights, marianRules(model.config.shared)));
    return model;
  }
  const own = ownModel(json, place);
  if (own) {
    await fillModel(own, weights);
    return own;
  }
  throw new VitrineError("INVALID_FILE", {
    rule: `a model of words must have the "model_type" gpt2, marian, ${Object.values(ownTypes).join(" or ")}`,
    evidence: `got ${JSON.stringify(json.model_type) ?? "none"}`,
    place,
  });
}

/** The model of a configuration of our own; `undefined` for another's. */
function ownModel(json: JsonObject, place: string): LanguageModel | undefined {
  switch (json.model_type) {
    case ownTypes.gpt2:
      return new Gpt2(ownConfig(gpt2Schema, json, place));
    case ownTypes.transformer:
      return new WordTransformer(ownConfig(transformerSchema, json, place));
    case ownTypes.seq2seq:
      return new Seq2Seq(ownConfig(seq2seqSchema, json, place));
    case ownTypes["recurrent-language"]:
      return new RecurrentLanguage(ownConfig(recurrentSchema, json, place));
    default:
      return undefined;
  }
}

function objectOf(value: unknown, place: string): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new VitrineError("INVALID_FILE", { rule: "a configuration must be an object", place });
}
