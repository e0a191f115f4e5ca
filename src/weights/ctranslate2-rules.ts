/**
 * CTranslate2's names of a Transformer's weights as rules towards ours: queries, keys and values are joined already, in cross-attention keys and values.
 *
 * Reference code: CTranslate2, python/ctranslate2/specs/transformer_spec.py, attention_spec.py.
 */

import type { NameRule } from "./rules.ts";

const leaves = ["weight", "bias"] as const;

const map = (from: string, to: string): NameRule => ({ from: `${from}/{leaf}`, to: `${to}.{leaf}` });

const norm = (from: string, to: string): readonly NameRule[] => [
  { from: `${from}/gamma`, to: `${to}.weight` },
  { from: `${from}/beta`, to: `${to}.bias` },
];

const cross = (from: string, to: string): readonly NameRule[] => [
  ...norm(`${from}/attention/layer_norm`, `${to}.norm2`),
  ...leaves.map((leaf) => ({
    from: [`${from}/attention/linear_0/${leaf}`, `${from}/attention/linear_1/${leaf}`],
    to: `${to}.multihead_attn.in_proj_${leaf}`,
  })),
  map(`${from}/attention/linear_2`, `${to}.multihead_attn.out_proj`),
];

const stack = (side: "encoder" | "decoder"): readonly NameRule[] => {
  const [from, to] = [`${side}/layer_{i}`, `transformer.${side}.layers.{i}`];
  return [
    ...norm(`${from}/self_attention/layer_norm`, `${to}.norm1`),
    { from: `${from}/self_attention/linear_0/{leaf}`, to: `${to}.self_attn.in_proj_{leaf}` },
    map(`${from}/self_attention/linear_1`, `${to}.self_attn.out_proj`),
    ...(side === "decoder" ? cross(from, to) : []),
    ...norm(`${from}/ffn/layer_norm`, `${to}.norm${side === "encoder" ? 2 : 3}`),
    map(`${from}/ffn/linear_0`, `${to}.linear1`),
    map(`${from}/ffn/linear_1`, `${to}.linear2`),
    ...norm(`${side}/layer_norm`, `transformer.${side}.norm`),
  ];
};

/** From CTranslate2's names to ours, of a Transformer with a table for each language and an output of its own. */
export const ctranslate2Rules: readonly NameRule[] = [
  ...stack("encoder"),
  ...stack("decoder"),
  { from: "encoder/embeddings/weight", to: "source_embedding.weight" },
  { from: "decoder/embeddings/weight", to: "target_embedding.weight" },
  map("decoder/projection", "projection"),
];
