/** What the settings of a recipe stand for: augmentation, optimiser, learning rates. */

import type { Augmentation } from "../data/augment.ts";
import {
  adamW,
  cosineSchedule,
  type NamedParameters,
  type Optimizer,
  type Schedule,
  vitLayers,
  weightDecayGroups,
  withLayerDecay,
} from "../optim/index.ts";
import type { Recipe } from "./recipe.ts";
import { noWeightDecay } from "./step.ts";

/** The random changes of training images; `undefined` for the evaluation transform. */
export function augmentationOf(recipe: Recipe): Augmentation | undefined {
  const rest = { flip: recipe.flip, jitter: recipe.colorJitter || undefined, erase: recipe.erase || undefined };
  if (recipe.crop === "padded") return { crop: { kind: "padded", padding: recipe.pad }, ...rest };
  if (recipe.crop === "none") return undefined;
  const filters = ["bilinear", "bicubic"] as const;
  return { crop: { kind: "resized", scale: recipe.cropScale, ratio: recipe.cropRatio, filters }, ...rest };
}

/** The optimiser of the parameters that are trained. */
export function optimizerOf(recipe: Recipe, parameters: NamedParameters): Optimizer {
  const decayed = weightDecayGroups(parameters, recipe.weightDecay, noWeightDecay);
  return adamW(recipe.layerDecay < 1 ? withLayerDecay(decayed, recipe.layerDecay, vitLayers) : decayed);
}

/** The learning rate of each step. */
export function scheduleOf(recipe: Recipe, stepsPerEpoch: number): Schedule {
  return cosineSchedule({
    learningRate: recipe.learningRate,
    min: recipe.minLearningRate,
    steps: recipe.epochs * stepsPerEpoch,
    warmup: Math.round(recipe.warmupEpochs * stepsPerEpoch),
    warmupStart: recipe.learningRate / 100,
  });
}
