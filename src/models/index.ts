/** Models: one paper, one file; and all of them by name. */

export type { FeatureMap, ImageClassifier, ImageClassifierConfig, Readout, TokenLayout } from "./classifier.ts";
export { familyNamed, familyOfType } from "./families.ts";
export type {
  Family,
  HuggingFaceMeaning,
  NamedModel,
  Published,
  TaggedModel,
  TimmFileOptions,
  TimmPreprocessing,
} from "./family.ts";
export { type Gpt2Config, type Gpt2Options, gpt2Config, gpt2FromHuggingFace, gpt2Sizes } from "./gpt2/config.ts";
export { Gpt2, type Gpt2Cache, type Gpt2Reading } from "./gpt2/gpt2.ts";
export { Gpt2Scorer } from "./gpt2/scorer.ts";
export type { Json, JsonObject } from "./json.ts";
export {
  type MAEConfig,
  type MAEOptions,
  maeConfig,
  maeForHuggingFace,
  maeFromHuggingFace,
  maeGrid,
  maeOptions,
  maeSizes,
  maeVisible,
} from "./mae/config.ts";
export { maeAround, maeEncoder } from "./mae/encoder.ts";
export { MAE, type MAEResult } from "./mae/mae.ts";
export {
  createModel,
  familyOf,
  type ImageClassifierOptions,
  type ModelNamed,
  modelNamed,
  modelNames,
  type OptionsNamed,
  type OptionsWithout,
  taggedModels,
} from "./registry.ts";
export {
  type ResNetBlock,
  type ResNetConfig,
  type ResNetOptions,
  resnetConfig,
  resnetOptions,
} from "./resnet/config.ts";
export { resnetFamily } from "./resnet/family.ts";
export { type NamedResNet, namedResNets } from "./resnet/names.ts";
export { ResNet, resnetSizes } from "./resnet/resnet.ts";
export {
  Seq2Seq,
  type Seq2SeqAttention,
  type Seq2SeqConfig,
  type Seq2SeqStep,
  type SourceMemory,
} from "./seq2seq.ts";
export { type SwinConfig, type SwinOptions, swinConfig } from "./swin/config.ts";
export { type SwinVersion, swinOptions } from "./swin/config-files.ts";
export { swinFamily, swinV2Family } from "./swin/family.ts";
export { type NamedSwin, namedSwins, namedSwinV2s } from "./swin/names.ts";
export { Swin, swinSizes } from "./swin/swin.ts";
export { SwinV2 } from "./swin/swin-v2.ts";
export { type TimmWeights, timmWeights } from "./timm-weights.ts";
export { type TNTConfig, type TNTOptions, tntConfig, tntOptions } from "./tnt/config.ts";
export { tntFamily } from "./tnt/family.ts";
export { type NamedTNT, namedTNTs } from "./tnt/names.ts";
export { TNT, tntSizes } from "./tnt/tnt.ts";
export { marianFromHuggingFace } from "./transformer/marian-config.ts";
export {
  type DecoderInputs,
  type StackSize,
  Transformer,
  type TransformerConfig,
  type TransformerInputs,
  type TransformerOptions,
  transformerConfig,
} from "./transformer/transformer.ts";
export {
  type WordCache,
  type WordMemory,
  WordTransformer,
  type WordTransformerConfig,
  type WordTransformerOptions,
  wordTransformerConfig,
} from "./transformer/word-transformer.ts";
export { prefixTokens, type Stem, type ViTConfig, type ViTOptions, vitConfig } from "./vit/config.ts";
export {
  configForHuggingFace,
  configForTimm,
  configFromHuggingFace,
  configFromTimm,
  isHuggingFaceViTConfig,
  isTimmConfig,
} from "./vit/config-files.ts";
export { timmArguments, timmOptions } from "./vit/config-timm.ts";
export { vitFamily } from "./vit/family.ts";
export { type NamedViT, namedViTs } from "./vit/names.ts";
export { ViT, vitSizes } from "./vit/vit.ts";
