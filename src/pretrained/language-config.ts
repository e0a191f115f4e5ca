/** The `config.json` of models of words, from our options: transformers' where it has words for them. */

import type { Gpt2Config } from "../models/gpt2/config.ts";
import type { JsonObject } from "../models/json.ts";
import type { WordTransformerConfig } from "../models/transformer/word-transformer.ts";
import { activationNames } from "./language-schema.ts";

/** The `model_type`, by kind, of models that transformers does not have. */
export const ownTypes = {
  gpt2: "vitrine-gpt2",
  transformer: "vitrine-transformer",
  seq2seq: "vitrine-seq2seq",
  "recurrent-language": "vitrine-recurrent-language",
} as const;

/** Names of the special pieces that our translators have, by id from 0. */
export const sentencePieces: readonly string[] = ["<pad>", "<s>", "</s>"];

/** transformers' configuration of a GPT-2; `undefined` for one that it has no word for: banded, or without biases. */
export function gpt2ToHuggingFace(config: Gpt2Config): JsonObject | undefined {
  if (config.band !== undefined || !config.bias) return undefined;
  return {
    architectures: ["GPT2LMHeadModel"],
    model_type: "gpt2",
    vocab_size: config.words,
    n_positions: config.positions,
    n_embd: config.width,
    n_layer: config.depth,
    n_head: config.heads,
    n_inner: config.mlpWidth,
    activation_function: activationNames[config.activation],
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

/** transformers' configuration of a MarianMT; `undefined` for a Transformer that none is. */
export function marianToHuggingFace(config: WordTransformerConfig): JsonObject | undefined {
  const { normFirst, finalNorm, bias, tied, outputBias, positions, eps } = config;
  const fits = !normFirst && !finalNorm && bias && tied && outputBias && positions === "halves" && eps === 1e-5;
  if (!fits) return undefined;
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
    activation_function: activationNames[config.activation],
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
