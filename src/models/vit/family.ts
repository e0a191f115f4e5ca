/** Vision Transformers, as loading and saving see them. */

import { toFloat32 } from "../../graph/dtype.ts";
import { type PositionRule, resizeLoadedPositions } from "../../nn/positions.ts";
import { invertRules, type NameRule } from "../../weights/rules.ts";
import type { WeightSource } from "../../weights/source.ts";
import {
  huggingFaceDeitRules,
  huggingFaceDeitWithoutTeacherRules,
  huggingFaceVitRules,
  vitNamings,
} from "../../weights/vit-rules.ts";
import type { Family } from "../family.ts";
import { maeFromHuggingFace } from "../mae/config.ts";
import { featuresOf, fineTuned } from "../mae/encoder.ts";
import { maeEncoders } from "../mae/names.ts";
import { prefixTokens, type ViTConfig, type ViTOptions, vitConfig } from "./config.ts";
import {
  configForHuggingFace,
  configForTimm,
  configFromHuggingFace,
  configFromTimm,
  hasSilentToken,
} from "./config-files.ts";
import { namedViTs } from "./names.ts";
import { ViT } from "./vit.ts";

/** ViT and DeiT. */
export const vitFamily: Family<ViTConfig, ViTOptions> = {
  models: namedViTs,
  tagged: maeEncoders,
  heads: ["head", "head_dist"],
  // Masked autoencoders normalise tokens, and are fine-tuned with the mean of patches normalised instead. @source facebookresearch/mae main_finetune.py
  freshBesideHead: (source, { finalNorm }) =>
    finalNorm === "pooled" && source.has("norm.weight") && !source.has("fc_norm.weight") ? ["norm", "fc_norm"] : [],
  remedy: (source, architecture) => {
    if (!source.has("fc_norm.weight") || source.has("norm.weight")) return undefined;
    const known = maeEncoders.has(`${architecture}.mae`);
    const published = known
      ? `of one fine-tuned from a published masked autoencoder say --arch ${architecture}.mae; `
      : "";
    return `these weights are of a model that averages its patches (fc_norm): ${published}a folder with config.json says it with timm's "global_pool": "avg"`;
  },
  namings: vitNamings,
  config: vitConfig,
  create: (config) => new ViT(config),
  blocks: "attention",
  smallImages: ({ stem }, side) => {
    if (stem) return {};
    const patchSize = side <= 32 ? 4 : side <= 64 ? 8 : 16;
    return { patchSize, imageSize: patchSize * Math.ceil(side / patchSize) };
  },
  takesAnySize: ({ resizePositions }) => resizePositions !== undefined,
  describe: ({ width, depth, heads, patchSize }) =>
    `ViT of width ${width}, depth ${depth}, ${heads} heads, patch ${patchSize[0]}`,
  resizeWeights,
  configFromTimm,
  configForTimm,
  configFromHuggingFace: (json, place) => {
    if (json.model_type === "vit_mae") {
      const config = vitConfig(featuresOf(maeFromHuggingFace(json, place)));
      const { mean, std } = maeEncoders.get("vit_base_patch16_224.mae")!.preprocessing;
      const grey = { image_mean: [0.5], image_std: [0.5] };
      return {
        architecture: "vit_base_patch16_224",
        config,
        processor: {
          image_processor_type: "ViTImageProcessor",
          ...(config.channels === 3 ? { image_mean: mean, image_std: std } : grey),
        },
        fineTuning: fineTuned,
      };
    }
    const config = configFromHuggingFace(json, place);
    const architecture = config.distilled ? "deit_base_distilled_patch16_224" : "vit_base_patch16_224";
    const half = Array.from({ length: config.channels }, () => 0.5);
    return {
      architecture,
      config,
      processor: { image_processor_type: "ViTImageProcessor", image_mean: half, image_std: half },
    };
  },
  configForHuggingFace,
  huggingFaceNames,
};

/** The source, its position embeddings those of the wanted grid. */
function resizeWeights(source: WeightSource, before: ViTConfig, after: ViTConfig, rule: PositionRule): WeightSource {
  if (after.positions === "none") return source;
  const name = "pos_embed";
  const prefix = after.positions === "prefixed" ? prefixTokens(after) : 0;
  const [from, to] = [new ViT(before).patchEmbed.grid, new ViT(after).patchEmbed.grid];
  const fits = (shape: readonly number[]) => shape.length === 3 && shape[1] === prefix + from[0] * from[1];
  return {
    ...source,
    info: (wanted) => {
      const info = source.info(wanted);
      if (wanted !== name || !fits(info.shape)) return info;
      return { dtype: info.dtype, shape: [1, prefix + to[0] * to[1], info.shape[2]!] };
    },
    read: async (wanted) => {
      const array = await source.read(wanted);
      if (wanted !== name || !fits(array.shape)) return array;
      return resizeLoadedPositions(toFloat32(array), { from, to, prefix, rule });
    },
  };
}

/** From timm's names to those of a Hugging Face class that holds the whole classifier. */
function huggingFaceNames(config: ViTConfig): readonly NameRule[] {
  if (hasSilentToken(config)) return invertRules(huggingFaceDeitWithoutTeacherRules());
  return invertRules(config.distilled ? huggingFaceDeitRules() : huggingFaceVitRules());
}
