/** Models of words from a published configuration and its weights. */

import { VitrineError } from "../errors.ts";
import { gpt2FromHuggingFace } from "../models/gpt2/config.ts";
import { Gpt2 } from "../models/gpt2/gpt2.ts";
import type { JsonObject } from "../models/json.ts";
import { marianFromHuggingFace } from "../models/transformer/marian-config.ts";
import { WordTransformer } from "../models/transformer/word-transformer.ts";
import { gpt2Naming } from "../weights/gpt2-rules.ts";
import { marianRules } from "../weights/marian-rules.ts";
import { applyRules } from "../weights/rules.ts";
import type { WeightSource } from "../weights/source.ts";
import { fillModel } from "./fill-model.ts";

/** A model that goes on with texts, or one that translates them. */
export type LanguageModel = Gpt2 | WordTransformer;

/**
 * The model that a `config.json` of transformers (GPT-2, MarianMT) or of minGPT describes, with its weights.
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
  // minGPT writes the size's name as the type, and the head's matrix is always its own.
  const isMinGpt = "block_size" in json;
  if (json.model_type === "gpt2" || isMinGpt) {
    const model = new Gpt2({ ...gpt2FromHuggingFace(json, place), ...(isMinGpt ? { tied: false } : {}) });
    await fillModel(model, applyRules(weights, gpt2Naming(weights, model.config.tied).rules));
    return model;
  }
  if (json.model_type === "marian") {
    const model = new WordTransformer(marianFromHuggingFace(json, place));
    await fillModel(model, applyRules(weights, marianRules(model.config.shared)));
    return model;
  }
  throw new VitrineError("INVALID_FILE", {
    rule: 'a model of words must have the "model_type" gpt2 or marian',
    evidence: `got ${JSON.stringify(json.model_type) ?? "none"}`,
    place,
  });
}

function objectOf(value: unknown, place: string): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new VitrineError("INVALID_FILE", { rule: "a configuration must be an object", place });
}
