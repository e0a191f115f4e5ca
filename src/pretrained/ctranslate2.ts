/** Transformers that OpenNMT trained and CTranslate2 holds: no configuration file, but sizes that the weights have, and a few words beside them. */

import { VitrineError } from "../errors.ts";
import type { StackSize } from "../models/transformer/transformer.ts";
import type { WordTransformerOptions } from "../models/transformer/word-transformer.ts";
import type { WeightSource } from "../weights/source.ts";

/** What the weights' metadata must say; another value means a Transformer that is computed in another way. */
function wantedMetadata(width: number): Readonly<Record<string, string>> {
  return {
    norm: "pre",
    activation: "relu",
    embedding_scale: `sqrt(${width})`,
    positions: "sinusoidal, concatenated sin|cos, first position = 1",
  };
}

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
  const refuse = (key: string, wanted: string): VitrineError =>
    new VitrineError("INVALID_FILE", {
      rule: `weights with CTranslate2's names need metadata whose "${key}" is ${wanted}`,
      evidence: `got ${JSON.stringify(weights.metadata?.get(key)) ?? "none"}`,
      place: weights.place,
    });
  const width = weights.info("encoder/embeddings/weight").shape[1]!;
  for (const [key, wanted] of Object.entries(wantedMetadata(width)))
    if (weights.metadata?.get(key) !== wanted) throw refuse(key, JSON.stringify(wanted));
  const heads = Number(weights.metadata?.get("heads"));
  if (!(Number.isInteger(heads) && heads > 0 && width % heads === 0))
    throw refuse("heads", `a whole number that divides ${width}`);
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
    width,
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
