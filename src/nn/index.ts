/** The boxes that papers share: modules with named parameters, and how these begin. */

export { type Activation, activate, activationNamed } from "./activations.ts";
export {
  type Attended,
  type Attending,
  Attention,
  type AttentionOptions,
  attend,
  attendInStages,
  type KeysAndValues,
  repeatHeads,
} from "./attention.ts";
export { LocalAttention } from "./attention-local.ts";
export {
  addedMask,
  allowedMask,
  bandMask,
  blockMask,
  type CachePlace,
  cacheMask,
  cachePositions,
  causalMask,
  causalMaskFromFirst,
  joinMasks,
  keyPaddingMask,
  type Mask,
  validPositions,
} from "./attention-masks.ts";
export {
  MultiheadAttention,
  type MultiheadAttentionOptions,
  type MultiheadInputs,
} from "./attention-multihead.ts";
export {
  AdditiveSimilarity,
  CosineSimilarity,
  dot,
  dotTimes,
  GeneralSimilarity,
  LocationSimilarity,
  type Similarity,
  scaledDot,
} from "./attention-similarity.ts";
export { type BiasTableRule, resizeBiasTable } from "./bias-table.ts";
export { Conv2d, type Conv2dOptions } from "./conv.ts";
export { Dropout, DropPath, dropPathRates } from "./drop.ts";
export { Embedding } from "./embedding.ts";
export { FrozenBatchNorm2d } from "./frozen-batch-norm.ts";
export * from "./init.ts";
export { Linear, type LinearInit, type LinearOptions } from "./linear.ts";
export {
  type AdapterOptions,
  addLora,
  attachLora,
  endsWithPath,
  Lora,
  type LoraOptions,
  linearsOf,
  loraOf,
  loraParameters,
  mergeLora,
} from "./lora.ts";
export { Mlp, type MlpOptions, PackedSwiGlu, SwiGlu } from "./mlp.ts";
export { Buffer, buffer, evaluation, type Mode, Module, Parameter, parameter } from "./module.ts";
export {
  BatchNorm2d,
  GroupNorm,
  LayerNorm,
  LayerScale,
  RmsNorm,
  type TokenNorm,
  type TokenNormMaker,
  type TokenNormOptions,
} from "./norm.ts";
export { resizePatchKernel } from "./patch-kernel.ts";
export { PatchEmbed, type PatchEmbedOptions } from "./patches.ts";
export { AttentionPool, type AttentionPoolOptions } from "./pool.ts";
export {
  type GridSize,
  type PositionLayout,
  type PositionRule,
  positionRules,
  resizeLoadedPositions,
  resizePositions,
} from "./positions.ts";
export {
  Gru,
  Lstm,
  type RecurrentInputs,
  type RecurrentOptions,
  type RecurrentResults,
  Rnn,
} from "./recurrent.ts";
export { Cell, type CellState, GruCell, LstmCell } from "./recurrent-cells.ts";
export { type SinusoidLayout, sinusoids } from "./sinusoids.ts";
export { type Summarizable, type SummaryRow, summary, summaryText } from "./summary.ts";
export {
  cutWindows,
  forEachWindow,
  fromWindows,
  joinWindowHeads,
  offsetIndex,
  toWindows,
  type WindowCut,
  type WindowOrder,
  type Windows,
  windowBias,
  windowHeads,
  windowMask,
} from "./windows.ts";
