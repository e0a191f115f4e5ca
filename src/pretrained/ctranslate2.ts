/** Transformers that OpenNMT trained and CTranslate2 holds: no configuration file, but sizes that the weights have, and a few words beside them. */

import { VitrineError } from "../errors.ts";
import type { StackSize } from "../models/transformer/transformer.ts";
import type { WordTransformerOptions } from "../models/transformer/word-transformer.ts";
import type { WeightSource } from "../weights/source.ts";

/** What the weights' metadata must say; another value means a Transformer that is computed in another way. */
const metadata: Readonly<Record<string, RegExp>> = {
  heads: /^[1-9][0-9]*$/,
  norm: /^pre$/,
  activation: /^relu$/,
  embedding_scale: /^sqrt\([1-9][0-9]*\)$/,
  positions: /^sinusoidal, concatenated sin\|cos, first position = 1$/,
};

/** Whether weights have CTranslate2's names of a translating Transformer. */
export function isCtranslate2(weights: WeightSource): boolean {
  return ["encoder/embeddings/weight", "decoder/embeddings/weight", "decoder/projection/weight"].every((name) =>
    weights.has(name),
  );
}

/**
 * Our options for weights with CTranslate2's names and metadata that says `heads`, `norm`, `activation`, `embedding_scale` and `positions`.
 * @throws {VitrineError} INVALID_FILE for metadata that lack one of these or say what is not here; UNKNOWN_NAME for weights that lack a layer.
 * @source OpenNMT-tf, opennmt/models/transformer.py; CTranslate2, python/ctranslate2/specs/transformer_spec.py: ids of the blank, begin and end
 */
export function ctranslate2Config(weights: WeightSource): WordTransformerOptions {
  for (const [key, form] of Object.entries(metadata)) {
    const value = weights.metadata?.get(key);
    if (value !== undefined && form.test(value)) continue;
    throw new VitrineError("INVALID_FILE", {
      rule: `weights with CTranslate2's names need metadata whose "${key}" is ${form.source}`,
      evidence: value === undefined ? "got none" : `got ${JSON.stringify(value)}`,
      place: weights.place,
    });
  }
  const heads = Number(weights.metadata!.get("heads"));
  const rows = (name: string): number => weights.info(name).shape[0]!;
  const stack = (side: "encoder" | "decoder"): StackSize => {
    const layer = new RegExp(`^${side}/layer_[0-9]+/ffn/linear_0/weight$`);
    const layers = [...weights.names()].filter((name) => layer.test(name)).length;
    return { layers, heads, mlpWidth: rows(`${side}/layer_0/ffn/linear_0/weight`) };
  };
  return {
    sourceWords: rows("encoder/embeddings/weight"),
    targetWords: rows("decoder/embeddings/weight"),
    shared: false,
    tied: false,
    outputBias: false,
    width: weights.info("encoder/embeddings/weight").shape[1]!,
    encoder: stack("encoder"),
    decoder: stack("decoder"),
    activation: "relu",
    normFirst: true,
    finalNorm: true,
    scaled: true,
    positions: "opennmt",
    pad: 0,
    begin: 1,
    end: 2,
  };
}
