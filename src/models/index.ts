/** Models: one paper, one file; and all of them by name. */

export { createModel, modelNamed, modelNames } from "./registry.ts";
export { ViT, vitSizes } from "./vit.ts";
export { prefixTokens, type Stem, type ViTConfig, type ViTOptions, vitConfig } from "./vit-config.ts";
export {
  configForHuggingFace,
  configForTimm,
  configFromHuggingFace,
  configFromTimm,
  isHuggingFaceViTConfig,
  isTimmConfig,
  type TimmFileOptions,
} from "./vit-config-files.ts";
export { type Json, type JsonObject, timmArguments, timmOptions } from "./vit-config-timm.ts";
export { type NamedViT, namedViTs, type Published, type TimmPreprocessing } from "./vit-names.ts";
