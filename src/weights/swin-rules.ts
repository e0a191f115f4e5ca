/**
 * How others name the Swin Transformers, as rules to timm's names (`timm/models/swin_transformer.py`, `swin_transformer_v2.py`).
 *
 * Sources: microsoft/Swin-Transformer `models/swin_transformer.py` and `swin_transformer_v2.py` (and timm before 0.9, which had the same names),
 * transformers 4.57 `modeling_swin.py` and `modeling_swinv2.py` (v5 writes the same names to files), torchvision 0.28 `swin_transformer.py`.
 */

import type { NameRule, Naming } from "./rules.ts";

/** `weight` and `bias` of a module that only changes its name. */
const moved = (from: string, to: string): NameRule => ({ from: `${from}.{leaf}`, to: `${to}.{leaf}` });

/** More stages than any published model has; a rule has no arithmetic. */
const stages = [0, 1, 2, 3, 4, 5, 6, 7] as const;

/** What files carry and any reader can make again. */
const made: readonly NameRule[] = ["relative_position_index", "relative_coords_table"].map((name) => ({
  from: `layers.{i}.blocks.{j}.attn.${name}`,
  to: [],
}));

/** microsoft's names: patches are merged where a stage ends. */
export const microsoftSwinRules: readonly NameRule[] = [
  ...stages.map((i): NameRule => ({ from: `layers.${i}.downsample.{rest}`, to: `layers.${i + 1}.downsample.{rest}` })),
  ...made,
  { from: "layers.{i}.blocks.{j}.attn_mask", to: [] },
  moved("head", "head.fc"),
];

/** timm's own names where a file also holds what can be made again. */
const timmSwinRules: readonly NameRule[] = [...made, { from: "layers.{i}.blocks.{j}.attn_mask", to: [] }];

const huggingFaceSwin = (prefix: string, attention: (from: string, to: string) => readonly NameRule[]): NameRule[] => {
  const [from, to] = [`${prefix}encoder.layers.{i}.blocks.{j}`, "layers.{i}.blocks.{j}"];
  return [
    moved(`${prefix}embeddings.patch_embeddings.projection`, "patch_embed.proj"),
    moved(`${prefix}embeddings.norm`, "patch_embed.norm"),
    { from: `${prefix}embeddings.position_embeddings`, to: "absolute_pos_embed" },
    // The mask of masked image modelling, which a classifier has no use for.
    { from: `${prefix}embeddings.mask_token`, to: [] },
    moved(`${from}.layernorm_before`, `${to}.norm1`),
    ...attention(`${from}.attention.self`, `${to}.attn`),
    { from: `${from}.attention.self.relative_position_index`, to: [] },
    { from: `${from}.attention.self.relative_coords_table`, to: [] },
    moved(`${from}.attention.output.dense`, `${to}.attn.proj`),
    moved(`${from}.layernorm_after`, `${to}.norm2`),
    moved(`${from}.intermediate.dense`, `${to}.mlp.fc1`),
    moved(`${from}.output.dense`, `${to}.mlp.fc2`),
    ...stages.map(
      (i): NameRule => ({
        from: `${prefix}encoder.layers.${i}.downsample.{rest}`,
        to: `layers.${i + 1}.downsample.{rest}`,
      }),
    ),
    moved(`${prefix}layernorm`, "norm"),
    moved("classifier", "head.fc"),
  ];
};

/** Hugging Face `SwinForImageClassification` (prefix `swin.`) and `SwinModel` (no prefix). */
export const huggingFaceSwinRules = (prefix = "swin."): readonly NameRule[] =>
  huggingFaceSwin(prefix, (from, to) => [
    { from: ["query", "key", "value"].map((part) => `${from}.${part}.{leaf}`), to: `${to}.qkv.{leaf}` },
    { from: `${from}.relative_position_bias_table`, to: `${to}.relative_position_bias_table` },
  ]);

/** Hugging Face `Swinv2ForImageClassification` (prefix `swinv2.`) and `Swinv2Model` (no prefix). */
export const huggingFaceSwinV2Rules = (prefix = "swinv2."): readonly NameRule[] =>
  huggingFaceSwin(prefix, (from, to) => [
    { from: ["query", "key", "value"].map((part) => `${from}.${part}.weight`), to: `${to}.qkv.weight` },
    { from: `${from}.query.bias`, to: `${to}.q_bias` },
    { from: `${from}.value.bias`, to: `${to}.v_bias` },
    { from: `${from}.logit_scale`, to: `${to}.logit_scale` },
    { from: `${from}.continuous_position_bias_mlp.{rest}`, to: `${to}.cpb_mlp.{rest}` },
  ]);

/** torchvision's `swin_t`, `swin_s` and `swin_b`. */
export const torchvisionSwinRules: readonly NameRule[] = [
  moved("features.0.0", "patch_embed.proj"),
  moved("features.0.2", "patch_embed.norm"),
  ...[0, 1, 2, 3].flatMap((stage): NameRule[] => {
    const [from, to] = [`features.${2 * stage + 1}.{j}`, `layers.${stage}.blocks.{j}`];
    return [
      moved(`${from}.norm1`, `${to}.norm1`),
      moved(`${from}.attn.qkv`, `${to}.attn.qkv`),
      moved(`${from}.attn.proj`, `${to}.attn.proj`),
      { from: `${from}.attn.relative_position_bias_table`, to: `${to}.attn.relative_position_bias_table` },
      { from: `${from}.attn.relative_position_index`, to: [] },
      moved(`${from}.norm2`, `${to}.norm2`),
      moved(`${from}.mlp.0`, `${to}.mlp.fc1`),
      moved(`${from}.mlp.3`, `${to}.mlp.fc2`),
      ...(stage === 0 ? [] : [{ from: `features.${2 * stage}.{rest}`, to: `layers.${stage}.downsample.{rest}` }]),
    ];
  }),
  moved("head", "head.fc"),
];

const firstBlock = "layers.0.blocks.0";

/** Files of microsoft and of timm: by where the first patches are merged, and by the head of a model without a second stage. */
const own: readonly Naming[] = [
  { name: "microsoft", marks: ["layers.0.downsample.reduction.weight"], rules: microsoftSwinRules },
  { name: "microsoft", marks: [`${firstBlock}.norm1.weight`, "head.weight"], rules: microsoftSwinRules },
  { name: "timm", marks: [`${firstBlock}.attn.relative_position_index`], rules: timmSwinRules },
];

/** All namings of version 1; a file that none of them knows has timm's names. */
export const swinNamings: readonly Naming[] = [
  ...["swin.", ""].map((prefix) => ({
    name: "Hugging Face Swin",
    marks: [`${prefix}embeddings.patch_embeddings.projection.weight`],
    rules: huggingFaceSwinRules(prefix),
  })),
  { name: "torchvision", marks: ["features.0.0.weight", "features.1.0.attn.qkv.weight"], rules: torchvisionSwinRules },
  ...own,
];

/** All namings of version 2; a file that none of them knows has timm's names. */
export const swinV2Namings: readonly Naming[] = [
  ...["swinv2.", ""].map((prefix) => ({
    name: "Hugging Face Swin V2",
    marks: [`${prefix}embeddings.patch_embeddings.projection.weight`],
    rules: huggingFaceSwinV2Rules(prefix),
  })),
  ...own,
];
