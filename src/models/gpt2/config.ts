/** The configuration of a GPT: every choice that the published ones differ in, and the `config.json` beside their weights. */

import { VitrineError } from "../../errors.ts";
import { type Activation, activationNamed } from "../../nn/activations.ts";
import type { Json, JsonObject } from "../json.ts";

/** A GPT in full. */
export interface Gpt2Config {
  /** Words of the vocabulary, v. */
  readonly words: number;
  /** Most words of a text. */
  readonly positions: number;
  /** d */
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  /** Width inside the MLPs, e. */
  readonly mlpWidth: number;
  readonly activation: Activation;
  /** ε of the normalisations. */
  readonly eps: number;
  /** Biases of all maps and normalisations; nanoGPT can do without. */
  readonly bias: boolean;
  /** The output's matrix is that of the words. */
  readonly tied: boolean;
  /** Scores are divided by √k. */
  readonly scaled: boolean;
  /** Scores of layer i, from 0, are divided by i + 1 too. */
  readonly scaledByDepth: boolean;
  /**
   * Every second layer, from the second on, sees only this many last words, itself counted; all layers see all words without it.
   * @source GPT-3, Brown et al., arXiv:2005.14165, section 2.1: "alternating dense and locally banded sparse attention patterns" (the width of
   * the band and which layers begin are not published)
   */
  readonly band?: number | undefined;
  /** Of the words' vectors, of each branch's result, of the attention's weights. */
  readonly embedDropout: number;
  readonly dropout: number;
  readonly attnDropout: number;
}

/** What is given; the rest has defaults. */
export type Gpt2Options = Partial<Gpt2Config>;

/**
 * A whole configuration. Without options: GPT-2 of 124 million parameters.
 * @throws {VitrineError} INVALID_ARGUMENT for sizes that are no whole numbers from 1 up.
 */
export function gpt2Config(options: Gpt2Options = {}): Gpt2Config {
  const width = options.width ?? 768;
  const config: Gpt2Config = {
    words: 50257,
    positions: 1024,
    width,
    depth: 12,
    heads: 12,
    mlpWidth: 4 * width,
    activation: "gelu_tanh",
    eps: 1e-5,
    bias: true,
    tied: true,
    scaled: true,
    scaledByDepth: false,
    embedDropout: 0.1,
    dropout: 0.1,
    attnDropout: 0.1,
    ...options,
  };
  const sizes = ["words", "positions", "width", "depth", "heads", "mlpWidth"] as const;
  for (const size of [...sizes, ...(config.band === undefined ? [] : (["band"] as const))])
    if (!(Number.isInteger(config[size]) && config[size]! >= 1))
      throw new VitrineError("INVALID_ARGUMENT", {
        rule: `GPT: ${size} is a whole number from 1 up`,
        evidence: `got ${config[size]}`,
      });
  return config;
}

type Gpt2Size = Pick<Gpt2Config, "width" | "depth" | "heads">;

/** Published sizes by the names of the hub. @source Radford et al. 2019, Table 2; the heads from the published configurations */
export const gpt2Sizes: Readonly<Record<"gpt2" | "gpt2-medium" | "gpt2-large" | "gpt2-xl", Gpt2Size>> = {
  gpt2: { width: 768, depth: 12, heads: 12 },
  "gpt2-medium": { width: 1024, depth: 24, heads: 16 },
  "gpt2-large": { width: 1280, depth: 36, heads: 20 },
  "gpt2-xl": { width: 1600, depth: 48, heads: 25 },
};

/** Our option for each key of transformers' `config.json`; minGPT calls the positions `block_size`, OpenAI's `hparams.json` the words `n_vocab`. */
const keys: Readonly<Record<string, keyof Gpt2Config>> = {
  vocab_size: "words",
  n_vocab: "words",
  n_positions: "positions",
  n_ctx: "positions",
  block_size: "positions",
  n_embd: "width",
  n_layer: "depth",
  n_head: "heads",
  n_inner: "mlpWidth",
  activation_function: "activation",
  layer_norm_epsilon: "eps",
  bias: "bias",
  tie_word_embeddings: "tied",
  scale_attn_weights: "scaled",
  scale_attn_by_inverse_layer_idx: "scaledByDepth",
  embd_pdrop: "embedDropout",
  resid_pdrop: "dropout",
  attn_pdrop: "attnDropout",
};

/** Whether a configuration is OpenAI's own `hparams.json`. */
export function isOpenAiGpt2(json: JsonObject): boolean {
  return "n_vocab" in json;
}

const kinds: Readonly<Partial<Record<keyof Gpt2Config, string>>> = {
  activation: "string",
  bias: "boolean",
  tied: "boolean",
  scaled: "boolean",
  scaledByDepth: "boolean",
};

/**
 * Our options for transformers' `config.json` of a GPT-2, minGPT's, or OpenAI's `hparams.json`. Keys that say nothing of the model's numbers are passed over.
 * @throws {VitrineError} INVALID_FILE for a value of another kind, UNKNOWN_NAME for an activation that is not there.
 */
export function gpt2FromHuggingFace(json: JsonObject, place = "config.json"): Gpt2Options {
  if (json.add_cross_attention === true)
    throw new VitrineError("INVALID_FILE", { rule: "a GPT without an encoder has no cross-attention", place });
  const found = Object.entries(keys).flatMap(([key, option]): (readonly [string, Json])[] => {
    const value = json[key];
    if (value === undefined || value === null) return [];
    const kind = kinds[option] ?? "number";
    if (typeof value !== kind)
      throw new VitrineError("INVALID_FILE", {
        rule: `"${key}" must be a ${kind}`,
        evidence: `got ${JSON.stringify(value)}`,
        place,
      });
    return [[option, option === "activation" ? activationNamed(value as string) : value]];
  });
  return Object.fromEntries(found) as Gpt2Options;
}
