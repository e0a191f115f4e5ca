/** MarianMT's `config.json` as options of a Transformer of words. */

import { VitrineError } from "../../errors.ts";
import { activationNamed } from "../../nn/activations.ts";
import type { Json, JsonObject } from "../json.ts";
import type { StackSize } from "./transformer.ts";
import type { WordTransformerOptions } from "./word-transformer.ts";

/**
 * Our options for transformers' configuration of a MarianMT; what is not given has the default of its class.
 * @throws {VitrineError} INVALID_FILE for a value of another kind, or an arrangement that no published MarianMT has.
 * @source transformers 4.57, models/marian/configuration_marian.py
 */
export function marianFromHuggingFace(json: JsonObject, place = "config.json"): WordTransformerOptions {
  const take = <T extends number | boolean | string>(key: string, fallback: T): T => {
    const value: Json = json[key] ?? fallback;
    if (typeof value === typeof fallback) return value as T;
    throw new VitrineError("INVALID_FILE", {
      rule: `"${key}" must be a ${typeof fallback}`,
      evidence: `got ${JSON.stringify(value)}`,
      place,
    });
  };
  for (const key of ["normalize_before", "normalize_embedding", "add_final_layer_norm"])
    if (take(key, false))
      throw new VitrineError("INVALID_FILE", { rule: `MarianMT has "${key}" false`, evidence: "got true", place });
  const stack = (side: "encoder" | "decoder"): StackSize => ({
    layers: take(`${side}_layers`, 12),
    heads: take(`${side}_attention_heads`, 16),
    mlpWidth: take(`${side}_ffn_dim`, 4096),
  });
  const sourceWords = take("vocab_size", 58101);
  return {
    sourceWords,
    targetWords: take("decoder_vocab_size", sourceWords),
    shared: take("share_encoder_decoder_embeddings", true),
    tied: true,
    outputBias: true,
    width: take("d_model", 1024),
    encoder: stack("encoder"),
    decoder: stack("decoder"),
    activation: activationNamed(take("activation_function", "gelu")),
    normFirst: false,
    finalNorm: false,
    dropout: take("dropout", 0.1),
    scaled: take("scale_embedding", false),
    positions: "halves",
    maxWords: take("max_position_embeddings", 1024),
    pad: take("pad_token_id", 58100),
    begin: take("decoder_start_token_id", 58100),
    end: take("eos_token_id", 0),
  };
}
