/** How a model is trained: plain data, kept beside the result so that it can be read, repeated and continued. */

import * as v from "valibot";
import { VitrineError } from "../errors.ts";

/** A complete recipe. */
export interface Recipe {
  readonly epochs: number;
  /** Images of one step. */
  readonly batchSize: number;
  /** Highest learning rate, reached after the warm-up. */
  readonly learningRate: number;
  /** Learning rate at the end of the cosine. */
  readonly minLearningRate: number;
  readonly warmupEpochs: number;
  /** AdamW's, for matrices; vectors, biases, tokens and positions have none. */
  readonly weightDecay: number;
  /** Factor on the learning rate from each block to the one before it, in (0, 1]; 1 treats all alike. */
  readonly layerDecay: number;
  /** Largest global norm of the gradient; `null` for none. */
  readonly clipNorm: number | null;
  /** In [0, 1). */
  readonly labelSmoothing: number;
  /** α of mixup; 0 switches it off. */
  readonly mixup: number;
  /** α of CutMix; 0 switches it off. */
  readonly cutmix: number;
  /** Stochastic depth of the last block, in [0, 1); earlier blocks have less, in proportion. */
  readonly dropPath: number;
  /** `resized`: random resized crop; `padded`: shifts of up to `pad` pixels; `none`: the evaluation transform. */
  readonly crop: "resized" | "padded" | "none";
  /** Least and largest share of the area of a random resized crop. */
  readonly cropScale: readonly [number, number];
  /** Least and largest aspect ratio (width / height) of a random resized crop. */
  readonly cropRatio: readonly [number, number];
  readonly pad: number;
  /** Probability of the mirror image. */
  readonly flip: number;
  /** Strength of changes of brightness, contrast and saturation, in [0, 1]. */
  readonly colorJitter: number;
  /** Probability of random erasing. */
  readonly erase: number;
}

const count = v.pipe(v.number(), v.integer(), v.minValue(1));
const positive = v.pipe(v.number(), v.gtValue(0), v.finite());
const atLeastZero = v.pipe(v.number(), v.minValue(0), v.finite());
const belowOne = v.pipe(v.number(), v.minValue(0), v.ltValue(1));
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const range = v.pipe(
  v.tuple([positive, positive]),
  v.check(([low, high]) => low <= high, "the first must not exceed the second"),
);

const recipeSchema: v.GenericSchema<unknown, Recipe> = v.strictObject({
  epochs: count,
  batchSize: count,
  learningRate: positive,
  minLearningRate: atLeastZero,
  warmupEpochs: atLeastZero,
  weightDecay: atLeastZero,
  layerDecay: v.pipe(v.number(), v.gtValue(0), v.maxValue(1)),
  clipNorm: v.nullable(positive),
  labelSmoothing: belowOne,
  mixup: atLeastZero,
  cutmix: atLeastZero,
  dropPath: belowOne,
  crop: v.picklist(["resized", "padded", "none"]),
  cropScale: range,
  cropRatio: range,
  pad: v.pipe(v.number(), v.integer(), v.minValue(0)),
  flip: share,
  colorJitter: share,
  erase: share,
});

/** For small models that start from nothing, on small images. */
export const fromScratch: Recipe = {
  epochs: 20,
  batchSize: 64,
  learningRate: 1e-3,
  minLearningRate: 1e-5,
  warmupEpochs: 1,
  weightDecay: 0.05,
  layerDecay: 1,
  clipNorm: 1,
  labelSmoothing: 0.1,
  mixup: 0,
  cutmix: 0,
  dropPath: 0,
  crop: "padded",
  cropScale: [0.08, 1],
  cropRatio: [3 / 4, 4 / 3],
  pad: 2,
  flip: 0.5,
  colorJitter: 0,
  erase: 0,
};

/** For photographs, from published weights. */
export const fineTuning: Recipe = {
  ...fromScratch,
  epochs: 8,
  batchSize: 16,
  learningRate: 1e-4,
  minLearningRate: 1e-6,
  warmupEpochs: 1,
  layerDecay: 0.75,
  crop: "resized",
  cropScale: [0.4, 1],
};

/**
 * A recipe from a base and changes to it.
 * @param place where the changes come from, for messages
 * @throws {VitrineError} INVALID_ARGUMENT naming the first setting that is unknown or out of range.
 */
export function recipeFrom(base: Recipe, changes: Readonly<Record<string, unknown>>, place: string): Recipe {
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  const result = v.safeParse(recipeSchema, { ...base, ...given });
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw new VitrineError("INVALID_ARGUMENT", {
    rule: `${v.getDotPath(issue) ?? "the recipe"}: ${issue.message}`,
    place,
    next: `settings are ${Object.keys(base).join(", ")}`,
  });
}
