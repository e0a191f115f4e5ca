/** The `config.json` of models of words, from and to our options. */

import * as v from "valibot";
import { VitrineError } from "../errors.ts";
import type { Gpt2Config } from "../models/gpt2/config.ts";
import type { JsonObject } from "../models/json.ts";
import type { RecurrentLanguageConfig } from "../models/recurrent-language.ts";
import type { Seq2SeqConfig } from "../models/seq2seq.ts";
import type { WordTransformerConfig } from "../models/transformer/word-transformer.ts";

/** The `model_type` of models that transformers does not have. */
export const ownTypes = { seq2seq: "vitrine-seq2seq", recurrentLanguage: "vitrine-recurrent-language" } as const;

/** Names of the special pieces that our translators have, by id from 0. */
export const sentencePieces: readonly string[] = ["<pad>", "<s>", "</s>"];

const size = v.pipe(v.number(), v.integer(), v.minValue(1));
const id = v.pipe(v.number(), v.integer(), v.minValue(0));
const rate = v.pipe(v.number(), v.minValue(0), v.ltValue(1));
const cell = v.picklist(["gru", "lstm"]);

/** A recurrent encoder–decoder's. */
export const seq2seqSchema: v.GenericSchema<unknown, Seq2SeqConfig> = v.object({
  sourceWords: size,
  targetWords: size,
  embed: size,
  hidden: size,
  decoderHidden: v.optional(size),
  layers: size,
  cell,
  attention: v.picklist(["additive", "general", "dot", "none"]),
  attentionWidth: v.optional(size),
  dropout: rate,
  pad: id,
  begin: id,
  end: id,
});

/** A recurrent model of language's. */
export const recurrentSchema: v.GenericSchema<unknown, RecurrentLanguageConfig> = v.object({
  words: size,
  embed: size,
  hidden: size,
  layers: size,
  cell,
  tied: v.boolean(),
  dropout: rate,
});

/** Our own configuration of a model. @throws {VitrineError} INVALID_FILE naming what is missing or of another kind. */
export function ownConfig<T>(schema: v.GenericSchema<unknown, T>, json: JsonObject, place: string): T {
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw new VitrineError("INVALID_FILE", {
    rule: "a configuration must have its model's sizes",
    evidence: `${v.getDotPath(issue) ?? "it"}: ${issue.message}`,
    place,
  });
}

/** transformers' configuration of a GPT-2. @throws {VitrineError} INVALID_ARGUMENT for what it has no word for. */
export function gpt2ToHuggingFace(config: Gpt2Config): JsonObject {
  if (config.band !== undefined || !config.bias)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "transformers has no GPT-2 with banded layers or without biases",
      evidence: config.bias ? `got band ${config.band}` : "got bias false",
    });
  return {
    architectures: ["GPT2LMHeadModel"],
    model_type: "gpt2",
    vocab_size: config.words,
    n_positions: config.positions,
    n_embd: config.width,
    n_layer: config.depth,
    n_head: config.heads,
    n_inner: config.mlpWidth,
    activation_function: config.activation === "gelu_tanh" ? "gelu_new" : config.activation,
    layer_norm_epsilon: config.eps,
    tie_word_embeddings: config.tied,
    scale_attn_weights: config.scaled,
    scale_attn_by_inverse_layer_idx: config.scaledByDepth,
    embd_pdrop: config.embedDropout,
    resid_pdrop: config.dropout,
    attn_pdrop: config.attnDropout,
    // The published ids lie outside a smaller vocabulary.
    bos_token_id: null,
    eos_token_id: null,
  };
}

/** transformers' configuration of a MarianMT. @throws {VitrineError} INVALID_ARGUMENT for a Transformer that none is. */
export function marianToHuggingFace(config: WordTransformerConfig): JsonObject {
  const fits = {
    normFirst: !config.normFirst,
    finalNorm: !config.finalNorm,
    bias: config.bias,
    tied: config.tied,
    outputBias: config.outputBias,
    positions: config.positions === "halves",
    eps: config.eps === 1e-5,
  };
  for (const [name, right] of Object.entries(fits))
    if (!right)
      throw new VitrineError("INVALID_ARGUMENT", {
        rule: `a Transformer with this ${name} is no MarianMT`,
        evidence: `got ${JSON.stringify(config[name as keyof WordTransformerConfig])}`,
      });
  const stack = (side: "encoder" | "decoder"): JsonObject => ({
    [`${side}_layers`]: config[side].layers,
    [`${side}_attention_heads`]: config[side].heads,
    [`${side}_ffn_dim`]: config[side].mlpWidth,
  });
  return {
    architectures: ["MarianMTModel"],
    model_type: "marian",
    vocab_size: config.sourceWords,
    decoder_vocab_size: config.targetWords,
    share_encoder_decoder_embeddings: config.shared,
    tie_word_embeddings: true,
    d_model: config.width,
    ...stack("encoder"),
    ...stack("decoder"),
    num_hidden_layers: config.encoder.layers,
    activation_function: config.activation,
    scale_embedding: config.scaled,
    static_position_embeddings: true,
    max_position_embeddings: config.maxWords,
    dropout: config.dropout,
    attention_dropout: config.dropout,
    activation_dropout: config.dropout,
    pad_token_id: config.pad,
    bos_token_id: config.begin,
    decoder_start_token_id: config.begin,
    eos_token_id: config.end,
    forced_eos_token_id: config.end,
    is_encoder_decoder: true,
    normalize_before: false,
    normalize_embedding: false,
    add_final_layer_norm: false,
  };
}
