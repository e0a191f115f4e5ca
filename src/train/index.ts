/** Training: steps that are compiled, and runs as streams of events. */

export type { Checkpoint, RunState } from "./checkpoint-node.ts";
export type { Means, TrainEvent } from "./events.ts";
export { type FitOptions, fit, type TrainingBatch } from "./fit.ts";
export { type Preset, presetForPictures, presets } from "./presets.ts";
export { fineTuning, fromScratch, type Recipe, recipeFrom } from "./recipe.ts";
export { type Classifier, compileTrainingStep, noWeightDecay, type StepOptions } from "./step.ts";
export { compileValidation, validate } from "./validate.ts";
