/**
 * transformers' names of MarianMT's weights as rules towards ours: PyTorch's, with queries, keys and values in one matrix.
 *
 * Reference code: transformers 4.57, models/marian/modeling_marian.py.
 */

import type { NameRule } from "./rules.ts";

const leaves = ["weight", "bias"] as const;

const attention = (from: string, to: string): readonly NameRule[] => [
  ...leaves.map((leaf) => ({
    from: ["q", "k", "v"].map((part) => `${from}.${part}_proj.${leaf}`),
    to: `${to}.in_proj_${leaf}`,
  })),
  { from: `${from}.out_proj.{leaf}`, to: `${to}.out_proj.{leaf}` },
];

const renamed = (from: string, to: string): NameRule => ({ from: `${from}.{leaf}`, to: `${to}.{leaf}` });

const layer = (side: "encoder" | "decoder"): readonly NameRule[] => {
  const [from, to] = [`model.${side}.layers.{i}`, `transformer.${side}.layers.{i}`];
  const cross = [
    ...attention(`${from}.encoder_attn`, `${to}.multihead_attn`),
    renamed(`${from}.encoder_attn_layer_norm`, `${to}.norm2`),
  ];
  return [
    ...attention(`${from}.self_attn`, `${to}.self_attn`),
    renamed(`${from}.self_attn_layer_norm`, `${to}.norm1`),
    ...(side === "decoder" ? cross : []),
    renamed(`${from}.fc1`, `${to}.linear1`),
    renamed(`${from}.fc2`, `${to}.linear2`),
    renamed(`${from}.final_layer_norm`, `${to}.norm${side === "encoder" ? 2 : 3}`),
  ];
};

/**
 * From transformers' names to ours. What is tied or can be computed, and older files carry, is dropped.
 * @param shared both languages have one table
 */
export const marianRules = (shared = true): readonly NameRule[] => [
  ...layer("encoder"),
  ...layer("decoder"),
  ...(["encoder", "decoder"] as const).map((side) => ({ from: `model.${side}.embed_positions.weight`, to: [] })),
  { from: "lm_head.weight", to: [] },
  ...(["encoder", "decoder"] as const).map((side) => ({
    from: `model.${side}.embed_tokens.weight`,
    to: shared ? [] : `${side === "encoder" ? "source" : "target"}_embedding.weight`,
  })),
  ...(shared ? [{ from: "model.shared.weight", to: "source_embedding.weight" }] : []),
];
