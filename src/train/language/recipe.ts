/** How a model of words is trained: plain data, kept beside the result so that it can be read, repeated and continued. */

import * as v from "valibot";
import type { Recipe } from "../recipe.ts";
import { changed, count, type Optimization, optimization } from "../recipe-schema.ts";

/** A complete recipe; what it shares with images' has the meaning that it has there. */
export interface WordRecipe extends Optimization {
  /** As for images; `noam`: after the warm-up along one over the square root of the step (Vaswani et al., section 5.3). */
  readonly schedule: Recipe["schedule"] | "noam";
  /** Most positions of a batch of translations, on either side; padding counts. */
  readonly batchWords: number;
  /** Windows of a batch of a text. */
  readonly batchSize: number;
  /** Words of a window of a text. */
  readonly window: number;
  /** Longer sentences are left out of the training. */
  readonly maxWords: number;
  /** Pieces of the vocabulary, at most: pairs of bytes, of both languages of translations together. `null`: the characters of a text. */
  readonly pieces: number | null;
  /** Share of a text's end that is held back to measure. */
  readonly heldOut: number;
}

const schema: v.GenericSchema<unknown, WordRecipe> = v.strictObject({
  ...optimization,
  schedule: v.picklist(["cosine", "one-cycle", "step", "plateau", "constant", "noam"]),
  batchWords: count,
  batchSize: count,
  window: count,
  maxWords: count,
  pieces: v.nullable(count),
  heldOut: v.pipe(v.number(), v.gtValue(0), v.ltValue(1)),
});

const shared: WordRecipe = {
  epochs: 12,
  accumulate: 1,
  recompute: false,
  optimizer: "muon",
  momentum: null,
  betas: null,
  learningRate: 3e-3,
  minLearningRate: 1e-5,
  schedule: "cosine",
  decayEpochs: 10,
  decayRate: 0.1,
  warmupEpochs: 1,
  weightDecay: 0.05,
  clipNorm: 1,
  ema: null,
  emaWarmup: false,
  patience: null,
  labelSmoothing: 0.1,
  batchWords: 2048,
  batchSize: 32,
  window: 128,
  maxWords: 100,
  pieces: 5000,
  heldOut: 0.1,
};

/** Where nothing else is said. */
export const wordRecipes: Readonly<Record<"transformer" | "seq2seq" | "gpt2" | "recurrent-language", WordRecipe>> = {
  transformer: { ...shared, epochs: 16 },
  // A recurrent decoder's steps are written out one by one: none is longer than this.
  seq2seq: { ...shared, epochs: 10, optimizer: "adamw", learningRate: 2e-3, weightDecay: 0.01, maxWords: 48 },
  gpt2: { ...shared, epochs: 10, labelSmoothing: 0, pieces: null },
  "recurrent-language": {
    ...shared,
    epochs: 10,
    optimizer: "adamw",
    learningRate: 3e-3,
    labelSmoothing: 0,
    weightDecay: 0.01,
    pieces: null,
  },
};

/**
 * A recipe from a base and changes to it.
 * @param place where the changes come from, for messages
 * @throws {VitrineError} INVALID_ARGUMENT naming the first setting that is unknown or out of range.
 */
export function wordRecipeFrom(
  base: WordRecipe,
  changes: Readonly<Record<string, unknown>>,
  place: string,
): WordRecipe {
  return changed(schema, base, changes, place);
}
