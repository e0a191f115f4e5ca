/** What the settings of a recipe stand for: augmentation, optimiser, learning rates. */

import type { Augmentation } from "../data/augment.ts";
import { VitrineError } from "../errors.ts";
import type { Variable } from "../graph/value.ts";
import { binaryCrossEntropy, crossEntropySoft } from "../losses/index.ts";
import {
  adam,
  adamW,
  cosineSchedule,
  lamb,
  layersOfFamily,
  lion,
  type ModelAverage,
  modelAverage,
  muon,
  type NamedParameters,
  noamSchedule,
  type Optimizer,
  oneCycleSchedule,
  plateauRate,
  type Schedule,
  sgd,
  stepSchedule,
  type Trainable,
  weightDecayGroups,
  withLayerDecay,
} from "../optim/index.ts";
import { cast, greater } from "../tensor/index.ts";
import type { LabelLoss } from "./objective.ts";
import type { Recipe } from "./recipe.ts";
import { noWeightDecay } from "./step.ts";

/** The random changes of training images; `undefined` for the evaluation transform. */
export function augmentationOf(recipe: Recipe): Augmentation | undefined {
  const rest = {
    flip: recipe.flip,
    handwriting: recipe.handwriting || undefined,
    auto: recipe.autoAugment ?? undefined,
    jitter: recipe.colorJitter || undefined,
    erase: recipe.erase || undefined,
  };
  if (recipe.crop === "none" && !Object.values(rest).some(Boolean)) return undefined;
  return { presize: recipe.presize ?? undefined, crop: cropOf(recipe), ...rest };
}

function cropOf({ crop, pad, cropScale, cropRatio }: Recipe): Augmentation["crop"] {
  switch (crop) {
    case "padded":
      return { kind: "padded", padding: pad };
    case "none":
      return { kind: "fit" };
    case "resized":
      return { kind: "resized", scale: cropScale, ratio: cropRatio, filters: ["bilinear", "bicubic"] };
  }
}

/** What an optimiser needs of a recipe. */
export type OptimizerRecipe = Pick<Recipe, "optimizer" | "weightDecay" | "betas" | "momentum">;

/** What a schedule needs of a recipe. */
export type ScheduleRecipe = Pick<
  Recipe,
  "epochs" | "learningRate" | "minLearningRate" | "decayEpochs" | "decayRate" | "warmupEpochs"
> & { readonly schedule: Recipe["schedule"] | "noam" };

/** The optimiser of the parameters that are trained. */
export function optimizerOf(recipe: Recipe, parameters: NamedParameters): Optimizer {
  const decayed = weightDecayGroups(parameters, recipe.weightDecay, noWeightDecay);
  const trainables =
    recipe.layerDecay < 1 ? withLayerDecay(decayed, recipe.layerDecay, layersOfFamily(parameters.keys())) : decayed;
  // The head's rows are labels, no directions to make orthogonal.
  return optimizerOn(trainables, recipe, ({ name }) => !/(?:^|\.)(?:head\w*|fc)\./.test(name));
}

/** The optimiser of parameters. @param isHidden the matrices that are Muon's; AdamW has the others */
export function optimizerOn(
  trainables: readonly Trainable[],
  recipe: OptimizerRecipe,
  isHidden: (variable: Variable) => boolean,
): Optimizer {
  const betas = recipe.betas === null ? {} : { betas: recipe.betas };
  const momentum = recipe.momentum === null ? {} : { momentum: recipe.momentum };
  switch (recipe.optimizer) {
    case "adamw":
      return adamW(trainables, betas);
    case "adam":
      return adam(trainables, betas);
    case "lamb":
      return lamb(trainables, betas);
    case "lion":
      return lion(trainables, betas);
    case "sgd":
      return sgd(trainables, { momentum: 0.9, nesterov: true, ...momentum });
    case "muon":
      // `match-rms` makes one learning rate fit both kinds of parameters.
      return muon(trainables, { ...momentum, adjust: "match-rms", isHidden, adam: betas });
  }
}

/** The average of the weights that validation sees; `undefined` where the recipe has none. */
export function averageOf(
  { ema, emaWarmup }: Pick<Recipe, "ema" | "emaWarmup">,
  variables: Iterable<Variable>,
): ModelAverage | undefined {
  if (ema === null) return undefined;
  const floats = [...variables].filter(({ dtype }) => dtype === "float32");
  return modelAverage(floats, { decay: ema, ...(emaWarmup ? { warmup: { gamma: 1, power: 2 / 3 } } : {}) });
}

/** The loss of logits beside targets, which the loader has smoothed and mixed. */
export function labelLossOf({ loss, targetThreshold }: Recipe): LabelLoss {
  if (loss === "cross-entropy") return crossEntropySoft;
  return (logits, targets) =>
    binaryCrossEntropy(
      logits,
      targetThreshold === null ? targets : cast(greater(targets, targetThreshold), targets.dtype),
    );
}

/**
 * The learning rate of each step.
 * @param losses the validation loss after each epoch so far (the training loss where nothing validates)
 */
export function scheduleOf(
  recipe: ScheduleRecipe,
  stepsPerEpoch: number,
): (step: number, losses: readonly number[]) => number {
  const { learningRate, minLearningRate: min, decayRate: factor } = recipe;
  const steps = recipe.epochs * stepsPerEpoch;
  const warmup = Math.round(recipe.warmupEpochs * stepsPerEpoch);
  const rising = { warmup, warmupStart: learningRate / 100 };
  switch (recipe.schedule) {
    case "cosine":
      return cosineSchedule({ learningRate, min, steps, ...rising });
    case "one-cycle":
      return oneCycleSchedule({ learningRate, steps, rise: Math.min(1, warmup / steps), end: min });
    case "step": {
      const every = Math.max(1, Math.round(recipe.decayEpochs * stepsPerEpoch));
      const falling = stepSchedule({ learningRate, every, factor, ...rising });
      return (step) => (step < warmup ? falling(step) : Math.max(min, falling(step)));
    }
    case "noam": {
      const peak = Math.max(1, warmup);
      return noamSchedule({ width: 1, warmup: peak, factor: learningRate * Math.sqrt(peak) });
    }
    case "constant":
      return linearWarmup(learningRate, rising);
    case "plateau": {
      const rise = linearWarmup(learningRate, rising);
      const patience = Math.round(recipe.decayEpochs);
      return (step, losses) =>
        step < warmup ? rise(step) : plateauRate(losses, { learningRate, factor, patience, min });
    }
  }
}

function linearWarmup(
  learningRate: number,
  rising: { readonly warmup: number; readonly warmupStart: number },
): Schedule {
  return stepSchedule({ learningRate, every: Number.POSITIVE_INFINITY, ...rising });
}

/**
 * Steps of an epoch; the batches that make no whole step are left out.
 * @throws {VitrineError} INVALID_ARGUMENT where they make none.
 */
export function wholeSteps(batches: number, accumulate: number): number {
  if (batches >= accumulate) return Math.floor(batches / accumulate);
  throw new VitrineError("INVALID_ARGUMENT", {
    rule: "an epoch must have the batches of one step",
    evidence: `got ${batches}, accumulate is ${accumulate}`,
    next: "set a smaller accumulate or smaller batches",
  });
}
