/**
 * How others name the Vision Transformer, as rules to timm's names (`timm/models/vision_transformer.py`).
 *
 * Sources: transformers 4.57 `modeling_vit.py` and `modeling_deit.py` (v5 writes the same names to files), torchvision 0.28
 * `vision_transformer.py`, google-research `vision_transformer` and `big_vision` `.npz` files as timm's `_load_weights` reads them,
 * timm's `checkpoint_filter_fn` for older files of its own.
 */

import type { NameRule, Naming } from "./rules.ts";

/** `weight` and `bias` of a module that only changes its name. */
const moved = (from: string, to: string): NameRule => ({ from: `${from}.{leaf}`, to: `${to}.{leaf}` });

const huggingFaceEncoder = (prefix: string): NameRule[] => [
  { from: `${prefix}embeddings.cls_token`, to: "cls_token" },
  { from: `${prefix}embeddings.position_embeddings`, to: "pos_embed" },
  moved(`${prefix}embeddings.patch_embeddings.projection`, "patch_embed.proj"),
  moved(`${prefix}encoder.layer.{i}.layernorm_before`, "blocks.{i}.norm1"),
  {
    from: ["query", "key", "value"].map((part) => `${prefix}encoder.layer.{i}.attention.attention.${part}.{leaf}`),
    to: "blocks.{i}.attn.qkv.{leaf}",
  },
  moved(`${prefix}encoder.layer.{i}.attention.output.dense`, "blocks.{i}.attn.proj"),
  moved(`${prefix}encoder.layer.{i}.layernorm_after`, "blocks.{i}.norm2"),
  moved(`${prefix}encoder.layer.{i}.intermediate.dense`, "blocks.{i}.mlp.fc1"),
  moved(`${prefix}encoder.layer.{i}.output.dense`, "blocks.{i}.mlp.fc2"),
  moved(`${prefix}layernorm`, "norm"),
  // Only the bare encoder has it, and the classifier never reads it.
  { from: `${prefix}pooler.dense.{leaf}`, to: [] },
];

/** Hugging Face `ViTForImageClassification` (prefix `vit.`) and `ViTModel` (no prefix). */
export const huggingFaceVitRules = (prefix = "vit."): readonly NameRule[] => [
  ...huggingFaceEncoder(prefix),
  moved("classifier", "head"),
];

const huggingFaceDeit = (prefix: string, secondToken: string): NameRule[] => [
  ...huggingFaceEncoder(prefix),
  { from: `${prefix}embeddings.distillation_token`, to: secondToken },
  // The mask of masked image modelling, which a classifier has no use for.
  { from: `${prefix}embeddings.mask_token`, to: [] },
];

/** Hugging Face `DeiTForImageClassificationWithTeacher`. */
export const huggingFaceDeitRules = (): readonly NameRule[] => [
  ...huggingFaceDeit("deit.", "dist_token"),
  moved("cls_classifier", "head"),
  moved("distillation_classifier", "head_dist"),
];

/** Hugging Face `DeiTForImageClassification` (prefix `deit.`) and `DeiTModel` (no prefix): nothing is read from the second token. */
export const huggingFaceDeitWithoutTeacherRules = (prefix = "deit."): readonly NameRule[] => [
  ...huggingFaceDeit(prefix, "reg_token"),
  moved("classifier", "head"),
];

/** torchvision's `VisionTransformer`, with the two layer names of the MLP before version 0.13 too. */
export const torchvisionVitRules: readonly NameRule[] = [
  { from: "class_token", to: "cls_token" },
  { from: "encoder.pos_embedding", to: "pos_embed" },
  moved("conv_proj", "patch_embed.proj"),
  moved("encoder.layers.encoder_layer_{i}.ln_1", "blocks.{i}.norm1"),
  {
    from: "encoder.layers.encoder_layer_{i}.self_attention.in_proj_weight",
    to: "blocks.{i}.attn.qkv.weight",
  },
  { from: "encoder.layers.encoder_layer_{i}.self_attention.in_proj_bias", to: "blocks.{i}.attn.qkv.bias" },
  moved("encoder.layers.encoder_layer_{i}.self_attention.out_proj", "blocks.{i}.attn.proj"),
  moved("encoder.layers.encoder_layer_{i}.ln_2", "blocks.{i}.norm2"),
  moved("encoder.layers.encoder_layer_{i}.mlp.0", "blocks.{i}.mlp.fc1"),
  moved("encoder.layers.encoder_layer_{i}.mlp.3", "blocks.{i}.mlp.fc2"),
  moved("encoder.layers.encoder_layer_{i}.mlp.linear_1", "blocks.{i}.mlp.fc1"),
  moved("encoder.layers.encoder_layer_{i}.mlp.linear_2", "blocks.{i}.mlp.fc2"),
  moved("encoder.ln", "norm"),
  moved("heads.pre_logits", "pre_logits.fc"),
  moved("heads.head", "head"),
];

/** Flax `Dense`, `LayerNorm` and `MultiHeadDotProductAttention` under a path, to timm's names. */
const dense = (from: string, to: string): NameRule[] => [
  { from: `${from}/kernel`, to: `${to}.weight`, arrange: "i o -> o i" },
  { from: `${from}/bias`, to: `${to}.bias` },
];
const norm = (from: string, to: string): NameRule[] => [
  { from: `${from}/scale`, to: `${to}.weight` },
  { from: `${from}/bias`, to: `${to}.bias` },
];
const heads = (from: string, parts: readonly string[], to: string): NameRule[] => [
  { from: parts.map((part) => `${from}/${part}/kernel`), to: `${to}.weight`, arrange: "i h k -> (h k) i" },
  { from: parts.map((part) => `${from}/${part}/bias`), to: `${to}.bias`, arrange: "h k -> (h k)" },
];
const headsOut = (from: string, to: string): NameRule[] => [
  { from: `${from}/out/kernel`, to: `${to}.weight`, arrange: "h k o -> o (h k)" },
  { from: `${from}/out/bias`, to: `${to}.bias` },
];

/** Where Flax puts the parts of one encoder block: it numbers modules by class in big_vision, over all classes in the older code. */
interface FlaxBlock {
  readonly attention: string;
  readonly secondNorm: string;
  readonly mlp: string;
}
const originalBlock: FlaxBlock = {
  attention: "MultiHeadDotProductAttention_1",
  secondNorm: "LayerNorm_2",
  mlp: "MlpBlock_3",
};
const bigVisionBlock: FlaxBlock = {
  attention: "MultiHeadDotProductAttention_0",
  secondNorm: "LayerNorm_1",
  mlp: "MlpBlock_0",
};

const flaxVit = (prefix: string, { attention, secondNorm, mlp }: FlaxBlock): NameRule[] => {
  const block = `${prefix}Transformer/encoderblock_{i}`;
  const pool = `${prefix}MAPHead_0`;
  return [
    { from: `${prefix}cls`, to: "cls_token" },
    { from: `${prefix}Transformer/posembed_input/pos_embedding`, to: "pos_embed" },
    { from: `${prefix}pos_embedding`, to: "pos_embed" },
    { from: `${prefix}embedding/kernel`, to: "patch_embed.proj.weight", arrange: "h w i o -> o i h w" },
    { from: `${prefix}embedding/bias`, to: "patch_embed.proj.bias" },
    ...norm(`${block}/LayerNorm_0`, "blocks.{i}.norm1"),
    ...heads(`${block}/${attention}`, ["query", "key", "value"], "blocks.{i}.attn.qkv"),
    ...headsOut(`${block}/${attention}`, "blocks.{i}.attn.proj"),
    ...norm(`${block}/${secondNorm}`, "blocks.{i}.norm2"),
    ...dense(`${block}/${mlp}/Dense_0`, "blocks.{i}.mlp.fc1"),
    ...dense(`${block}/${mlp}/Dense_1`, "blocks.{i}.mlp.fc2"),
    ...norm(`${prefix}Transformer/encoder_norm`, "norm"),
    { from: `${pool}/probe`, to: "attn_pool.latent" },
    ...heads(`${pool}/MultiHeadDotProductAttention_0`, ["query"], "attn_pool.q"),
    ...heads(`${pool}/MultiHeadDotProductAttention_0`, ["key", "value"], "attn_pool.kv"),
    ...headsOut(`${pool}/MultiHeadDotProductAttention_0`, "attn_pool.proj"),
    ...norm(`${pool}/LayerNorm_0`, "attn_pool.norm"),
    ...dense(`${pool}/MlpBlock_0/Dense_0`, "attn_pool.mlp.fc1"),
    ...dense(`${pool}/MlpBlock_0/Dense_1`, "attn_pool.mlp.fc2"),
    ...dense(`${prefix}pre_logits`, "pre_logits.fc"),
    ...dense(`${prefix}head`, "head"),
  ];
};

/** The original JAX files (`vit_jax`, AugReg) with modules numbered over all classes. */
export const jaxVitRules = (prefix = ""): readonly NameRule[] => flaxVit(prefix, originalBlock);

/** big_vision files, with modules numbered by class. */
export const bigVisionVitRules = (prefix = ""): readonly NameRule[] => flaxVit(prefix, bigVisionBlock);

/** Older files with timm's layout: DeiT III's names of the layer scale. */
export const olderTimmVitRules: readonly NameRule[] = [
  { from: "blocks.{i}.gamma_1", to: "blocks.{i}.ls1.gamma" },
  { from: "blocks.{i}.gamma_2", to: "blocks.{i}.ls2.gamma" },
];

/** OpenAI's CLIP: the image encoder alone; it has no `head.bias`, which timm sets to zero. */
export const clipVitRules: readonly NameRule[] = [
  { from: "visual.class_embedding", to: "cls_token", arrange: "d -> 1 1 d" },
  { from: "visual.positional_embedding", to: "pos_embed", arrange: "n d -> 1 n d" },
  { from: "visual.conv1.weight", to: "patch_embed.proj.weight" },
  moved("visual.ln_pre", "norm_pre"),
  moved("visual.transformer.resblocks.{i}.ln_1", "blocks.{i}.norm1"),
  { from: "visual.transformer.resblocks.{i}.attn.in_proj_weight", to: "blocks.{i}.attn.qkv.weight" },
  { from: "visual.transformer.resblocks.{i}.attn.in_proj_bias", to: "blocks.{i}.attn.qkv.bias" },
  moved("visual.transformer.resblocks.{i}.attn.out_proj", "blocks.{i}.attn.proj"),
  moved("visual.transformer.resblocks.{i}.ln_2", "blocks.{i}.norm2"),
  moved("visual.transformer.resblocks.{i}.mlp.c_fc", "blocks.{i}.mlp.fc1"),
  moved("visual.transformer.resblocks.{i}.mlp.c_proj", "blocks.{i}.mlp.fc2"),
  moved("visual.ln_post", "norm"),
  { from: "visual.proj", to: "head.weight", arrange: "d o -> o d" },
  ...["transformer.{rest}", "token_embedding.weight", "positional_embedding", "ln_final.{leaf}"].map(
    (from): NameRule => ({ from, to: [] }),
  ),
  ...["text_projection", "logit_scale", "input_resolution", "context_length", "vocab_size"].map(
    (from): NameRule => ({ from, to: [] }),
  ),
];

/** DINOv2 without registers: the mask of its pre-training is dropped, the gated MLP has timm's names. */
export const dinoV2Rules: readonly NameRule[] = [
  { from: "mask_token", to: [] },
  moved("blocks.{i}.mlp.w12", "blocks.{i}.mlp.fc1"),
  moved("blocks.{i}.mlp.w3", "blocks.{i}.mlp.fc2"),
];

/** A whole masked autoencoder, of which the Vision Transformer is the encoder, under the official names or Hugging Face's. */
export const maeEncoderRules: readonly NameRule[] = [
  { from: "mask_token", to: [] },
  { from: "decoder_pos_embed", to: [] },
  ...["decoder_embed", "decoder_blocks", "decoder_norm", "decoder_pred", "decoder"].map(
    (part): NameRule => ({ from: `${part}.{rest}`, to: [] }),
  ),
];

/** Under which paths JAX training code saves the parameters. */
const jaxPrefixes: readonly string[] = ["", "opt/target/", "params/", "params/img/"];

/** All namings, most particular first; a file that none of them knows has timm's names. */
export const vitNamings: readonly Naming[] = [
  { name: "Hugging Face DeiT", marks: ["distillation_classifier.weight"], rules: huggingFaceDeitRules() },
  ...["deit.", ""].map((prefix) => ({
    name: "Hugging Face DeiT without teacher",
    marks: [`${prefix}embeddings.distillation_token`],
    rules: huggingFaceDeitWithoutTeacherRules(prefix),
  })),
  {
    name: "Hugging Face ViTMAE",
    marks: ["decoder.mask_token", "vit.embeddings.cls_token"],
    rules: [...huggingFaceVitRules(), ...maeEncoderRules],
  },
  { name: "MAE", marks: ["mask_token", "decoder_pos_embed"], rules: maeEncoderRules },
  ...["vit.", ""].map((prefix) => ({
    name: "Hugging Face ViT",
    marks: [`${prefix}embeddings.cls_token`],
    rules: huggingFaceVitRules(prefix),
  })),
  { name: "torchvision", marks: ["class_token", "encoder.pos_embedding"], rules: torchvisionVitRules },
  ...jaxPrefixes.flatMap((prefix) => [
    {
      name: "JAX",
      marks: [`${prefix}Transformer/encoderblock_0/MlpBlock_3/Dense_0/kernel`],
      rules: jaxVitRules(prefix),
    },
    {
      name: "big_vision",
      marks: [`${prefix}Transformer/encoderblock_0/MlpBlock_0/Dense_0/kernel`],
      rules: bigVisionVitRules(prefix),
    },
  ]),
  { name: "CLIP", marks: ["visual.class_embedding"], rules: clipVitRules },
  { name: "DINOv2", marks: ["mask_token", "blocks.0.ls1.gamma"], rules: dinoV2Rules },
  { name: "DeiT III", marks: ["blocks.0.gamma_1"], rules: olderTimmVitRules },
];
