/** How a model is trained: plain data, kept beside the result so that it can be read, repeated and continued. */

import * as v from "valibot";
import { parseAutoAugment } from "../data/augment/parse-policy.ts";
import { atLeastZero, belowOne, changed, count, optimization, positive, range, share } from "./recipe-schema.ts";

/** A complete recipe. */
export interface Recipe {
  readonly epochs: number;
  /** Images that are held in memory together. */
  readonly batchSize: number;
  /** Batches of one optimiser step: their gradients count as those of one batch as large as all of them. */
  readonly accumulate: number;
  /**
   * Activations that are cheap to make again are not kept for the backward pass: less memory (a fifth with large images) and the same numbers; a step
   * takes up to 6 % longer.
   */
  readonly recompute: boolean;
  readonly optimizer: "adamw" | "adam" | "sgd" | "lamb" | "lion" | "muon";
  /** Of SGD (with Nesterov's look ahead) and Muon; `null` for their own: 0.9 and 0.95. */
  readonly momentum: number | null;
  /** Of Adam, AdamW, LAMB, Lion, and of Muon's AdamW; `null` for their own: 0.9 and 0.999, Lion 0.9 and 0.99. */
  readonly betas: readonly [number, number] | null;
  /** Highest learning rate, reached after the warm-up. */
  readonly learningRate: number;
  /** Lowest learning rate: at the end of cosine and one-cycle, and under plateau. */
  readonly minLearningRate: number;
  /**
   * How the learning rate falls after the warm-up. `cosine`: along half a cosine. `one-cycle`: the same, after a rise of `warmupEpochs` along a cosine too.
   * `step`: by `decayRate` every `decayEpochs`. `plateau`: by `decayRate` after more than `decayEpochs` without a lower validation loss. `constant`: never.
   */
  readonly schedule: "cosine" | "one-cycle" | "step" | "plateau" | "constant";
  readonly decayEpochs: number;
  /** In (0, 1]. */
  readonly decayRate: number;
  readonly warmupEpochs: number;
  /**
   * For matrices; vectors, biases, tokens and positions have none. SGD and Adam add it to the gradient (1e-4 is usual), LAMB to its direction, the
   * others shrink the weights by it times the learning rate.
   */
  readonly weightDecay: number;
  /** Factor on the learning rate from each block to the one before it, in (0, 1]; 1 treats all alike. */
  readonly layerDecay: number;
  /** Largest global norm of the gradient; `null` for none. */
  readonly clipNorm: number | null;
  /** Share of the running average of the weights that each step keeps (0.9998); validation and the saved model use the average. `null` for none. */
  readonly ema: number | null;
  /** The average keeps less at first, so that it does not remember the first steps: 1 − (1 + step)^−⅔, up to `ema`. */
  readonly emaWarmup: boolean;
  /** Ends the training after so many epochs without a better one, by validation accuracy, balanced where its classes are not equally many; `null` for never. */
  readonly patience: number | null;
  /**
   * `cross-entropy`: one label an image. `bce`: one yes-or-no decision for each label (Wightman et al., arXiv:2110.00476). Validation measures
   * cross-entropy either way.
   */
  readonly loss: "cross-entropy" | "bce";
  /** With `bce`: targets above it count as yes, all others as no; `null` leaves mixed and smoothed targets as they are. */
  readonly targetThreshold: number | null;
  /** In [0, 1). */
  readonly labelSmoothing: number;
  /** What a teacher adds: nothing, the label that it names, or all its probabilities (Touvron et al., arXiv:2012.12877, section 4). */
  readonly distillation: "none" | "hard" | "soft";
  /** Weight of the teacher in the loss, in [0, 1]; the labels have the rest. */
  readonly distillationAlpha: number;
  /** With `soft`: the logits of both are divided by it before they are compared. */
  readonly distillationTemperature: number;
  /** Shows every class equally often, however many images it has. */
  readonly balance: boolean;
  /**
   * How often each image of an epoch appears in it, changed each time anew (Hoffer et al., arXiv:1901.09335). An epoch of r repeats sees one image in r: it
   * keeps its length, rounded down to whole 256s where there are so many images, as timm's `--aug-repeats` has it.
   */
  readonly repeats: number;
  /** α of mixup; 0 switches it off. */
  readonly mixup: number;
  /** α of CutMix; 0 switches it off. */
  readonly cutmix: number;
  /** Stochastic depth of the last block, in [0, 1); earlier blocks have less, in proportion. */
  readonly dropPath: number;
  /**
   * `resized`: random resized crop; `padded`: shifts of up to `pad` pixels, after the evaluation transform where an image has another size than the
   * input; `none`: the evaluation transform alone, before all other changes.
   */
  readonly crop: "resized" | "padded" | "none";
  /** Least and largest share of the area of a random resized crop. */
  readonly cropScale: readonly [number, number];
  /** Least and largest aspect ratio (width / height) of a random resized crop. */
  readonly cropRatio: readonly [number, number];
  readonly pad: number;
  /**
   * Images whose shorter side has more pixels are made smaller to it before all random changes, so that what is kept of a photograph for later epochs is
   * small; `null` for never.
   */
  readonly presize: number | null;
  /** Probability of the mirror image. */
  readonly flip: number;
  /** Probability that grey images of light strokes on black are written as another hand would: turned, slanted, smaller, off the middle, thicker, inverted. */
  readonly handwriting: number;
  /** Automatic augmentation in timm's notation: `rand-m9-mstd0.5-inc1`, `augmix-m3-w3`, `ta_wide`, …; `null` for none. */
  readonly autoAugment: string | null;
  /** Strength of changes of brightness, contrast and saturation, in [0, 1]. */
  readonly colorJitter: number;
  /** Probability of random erasing. */
  readonly erase: number;
  /** What is trained: all; low-rank adapters and the head; or the head alone, on what the rest makes of the images. */
  readonly tune: "full" | "lora" | "probe";
  /** Rank of the adapters. */
  readonly loraRank: number;
  /** Adapters are scaled by this over their rank. */
  readonly loraAlpha: number;
  /** Dropout rate of what adapters read, in [0, 1). */
  readonly loraDropout: number;
  /** Linear maps that get adapters, by path or last parts of it. */
  readonly loraTargets: readonly string[];
  /**
   * In how many random versions (crop, flip, …) each image's features are computed before a probe is trained; its epochs take them in turn.
   * 0: anew in each step. Without random changes one is enough.
   */
  readonly probeViews: number;
}

const recipeSchema: v.GenericSchema<unknown, Recipe> = v.strictObject({
  ...optimization,
  batchSize: count,
  schedule: v.picklist(["cosine", "one-cycle", "step", "plateau", "constant"]),
  layerDecay: v.pipe(v.number(), v.gtValue(0), v.maxValue(1)),
  loss: v.picklist(["cross-entropy", "bce"]),
  targetThreshold: v.nullable(belowOne),
  distillation: v.picklist(["none", "hard", "soft"]),
  distillationAlpha: share,
  distillationTemperature: positive,
  balance: v.boolean(),
  repeats: count,
  mixup: atLeastZero,
  cutmix: atLeastZero,
  dropPath: belowOne,
  crop: v.picklist(["resized", "padded", "none"]),
  cropScale: range,
  cropRatio: range,
  pad: v.pipe(v.number(), v.integer(), v.minValue(0)),
  presize: v.nullable(count),
  flip: share,
  handwriting: share,
  autoAugment: v.nullable(
    v.pipe(
      v.string(),
      v.rawCheck(({ dataset, addIssue }) => {
        if (!dataset.typed) return;
        try {
          parseAutoAugment(dataset.value);
        } catch (error) {
          addIssue({ message: (error as Error).message });
        }
      }),
    ),
  ),
  colorJitter: share,
  erase: share,
  tune: v.picklist(["full", "lora", "probe"]),
  loraRank: count,
  loraAlpha: positive,
  loraDropout: belowOne,
  loraTargets: v.pipe(v.array(v.string()), v.minLength(1)),
  probeViews: v.pipe(v.number(), v.integer(), v.minValue(0)),
});

/** For small models that start from nothing, on small images. */
export const fromScratch: Recipe = {
  epochs: 20,
  batchSize: 64,
  accumulate: 1,
  recompute: false,
  optimizer: "adamw",
  momentum: null,
  betas: null,
  learningRate: 1e-3,
  minLearningRate: 1e-5,
  schedule: "cosine",
  decayEpochs: 10,
  decayRate: 0.1,
  warmupEpochs: 1,
  weightDecay: 0.05,
  layerDecay: 1,
  clipNorm: 1,
  ema: null,
  emaWarmup: false,
  patience: null,
  loss: "cross-entropy",
  targetThreshold: null,
  labelSmoothing: 0.1,
  distillation: "none",
  distillationAlpha: 0.5,
  distillationTemperature: 3,
  balance: false,
  repeats: 1,
  mixup: 0,
  cutmix: 0,
  dropPath: 0,
  crop: "padded",
  cropScale: [0.08, 1],
  cropRatio: [3 / 4, 4 / 3],
  pad: 2,
  presize: null,
  flip: 0.5,
  handwriting: 0,
  autoAugment: null,
  colorJitter: 0,
  erase: 0,
  tune: "full",
  loraRank: 8,
  loraAlpha: 16,
  loraDropout: 0,
  loraTargets: ["attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"],
  probeViews: 4,
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

/** For photographs, from published weights that stay as they are: only adapters and the head learn. */
export const adapterTuning: Recipe = { ...fineTuning, tune: "lora", learningRate: 1e-3, layerDecay: 1 };

/** For few photographs, from published weights that stay as they are: only the head learns. */
export const probing: Recipe = { ...fineTuning, tune: "probe", epochs: 40, learningRate: 3e-3, layerDecay: 1 };

/**
 * A recipe from a base and changes to it.
 * @param place where the changes come from, for messages
 * @throws {VitrineError} INVALID_ARGUMENT naming the first setting that is unknown or out of range.
 */
export function recipeFrom(base: Recipe, changes: Readonly<Record<string, unknown>>, place: string): Recipe {
  return changed(recipeSchema, base, changes, place);
}
