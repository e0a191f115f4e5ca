/** Optimisers, schedules and averages. */

export { type AdamOptions, adam, adamW } from "./adam.ts";
export { type AverageOptions, type ModelAverage, modelAverage } from "./average.ts";
export { clipByGlobalNorm, globalNorm } from "./clip.ts";
export {
  type LayerPattern,
  layerNumbers,
  layersOfFamily,
  type NamedParameters,
  resnetLayers,
  swinLayers,
  vitLayers,
  weightDecayGroups,
  withLayerDecay,
} from "./groups.ts";
export { lamb } from "./lamb.ts";
export { type LionOptions, lion } from "./lion.ts";
export { type MuonOptions, muon } from "./muon.ts";
export type { Optimizer, Trainable } from "./optimizer.ts";
export {
  type CosineOptions,
  constantSchedule,
  cosineSchedule,
  type LinearOptions,
  linearSchedule,
  type NoamOptions,
  noamSchedule,
  type OneCycleOptions,
  oneCycleSchedule,
  type PlateauOptions,
  plateauRate,
  type Schedule,
  type StepOptions,
  stepSchedule,
  type Warmup,
} from "./schedules.ts";
export { type SgdOptions, sgd } from "./sgd.ts";
