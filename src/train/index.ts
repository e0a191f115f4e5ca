/** Training: steps that are compiled, and runs as streams of events. */

export type { BestEpoch, Criterion } from "./best-epoch.ts";
export type { Checkpoint, RunState } from "./checkpoint-node.ts";
export { type DistillationObjective, type DistillationOptions, distillation } from "./distillation.ts";
export type { Histogram, Means, TrainEvent } from "./events.ts";
export { type FitOptions, fit } from "./fit.ts";
export { histogramOf } from "./histogram.ts";
export { compileLearner, type Learner, type LearnerOptions, type StepResult, type StepSettings } from "./learner.ts";
export {
  type Classifier,
  classification,
  type LabelLoss,
  type LabelObjective,
  type Objective,
  type TrainingBatch,
} from "./objective.ts";
export { type Origin, originText } from "./origin.ts";
export * from "./preference/index.ts";
export { type Preset, presetForPictures, presets } from "./presets.ts";
export { MaskedPainter, maskedPretraining, painting } from "./pretraining.ts";
export { Probe } from "./probe.ts";
export { adapterTuning, fineTuning, fromScratch, probing, type Recipe, recipeFrom } from "./recipe.ts";
export { compileTrainingStep, noWeightDecay, type StepOptions, trainedParameters } from "./step.ts";
export { startTuning, type Tuning } from "./tuning.ts";
export { compileValidation, validate } from "./validate.ts";
