/**
 * The learning-rate range test: steps whose learning rate grows, and the loss beside it.
 *
 * @source Smith, arXiv:1506.01186, section 3.3; the suggestion is that of Howard & Gugger, "Deep Learning for Coders", chapter 5.
 */

import type { Batch } from "../data/loader-batch.ts";
import { VitrineError } from "../errors.ts";
import { foldIn, keyOf } from "../graph/random.ts";
import {
  openTraining,
  requireMatchingClasses,
  requireTeacher,
  type Training,
  type TrainingOptions,
  trainingBatch,
} from "./training-node.ts";
import { startTuning } from "./tuning.ts";

/** Options of `learningRateRange`. */
export interface RangeOptions extends TrainingOptions {
  /** First learning rate; default 1e-7. */
  readonly from?: number;
  /** Last learning rate; default 1. */
  readonly to?: number;
  /** Steps between them, at equal ratios; default 100. */
  readonly steps?: number;
  readonly signal?: AbortSignal | undefined;
}

/** What happens in a range test, as plain data. */
export type RangeEvent =
  | {
      readonly type: "range.step";
      /** From 1. */
      readonly step: number;
      readonly learningRate: number;
      readonly loss: number;
      /** Running mean of the losses. */
      readonly smoothed: number;
    }
  | {
      readonly type: "range.end";
      /** See `suggestedRate`; absent where the loss never fell. */
      readonly suggested?: number | undefined;
      /** Where the loss had grown to four times its least, or past all numbers; absent where it did not. */
      readonly diverged?: number | undefined;
    };

/**
 * Trains with growing learning rates until the loss explodes, then puts the model's weights back. Model, data and recipe are those of
 * `trainInFolder`; with `tune: "lora"` the model keeps its new adapters, so load another one to train.
 * @throws {VitrineError} INVALID_ARGUMENT for a range that does not grow, INTERRUPTED after the signal, and what opening data throws.
 */
export async function* learningRateRange(options: RangeOptions): AsyncGenerator<RangeEvent, void, undefined> {
  const { from = 1e-7, to = 1, steps = 100, seed, signal } = options;
  if (!(from > 0 && to > from && steps >= 2))
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "a range of learning rates must grow from above 0, in two steps or more",
      evidence: `got ${from} to ${to} in ${steps}`,
    });
  requireMatchingClasses(options);
  requireTeacher(options);
  const tuning = await startTuning(options.pretrained, options.recipe, seed);
  const trained = options.trained ?? tuning.trained;
  const training = await openTraining({ ...options, trained, validation: undefined }, { ...tuning, trained });
  const before = [...training.variables.values()].map((variable) => {
    const { data } = variable;
    return { variable, data: { ...data, data: data.data.slice() } };
  });
  try {
    const rates: number[] = [];
    const losses: number[] = [];
    let [mean, least] = [0, Number.POSITIVE_INFINITY];
    let diverged: number | undefined;
    for await (const batches of endless(training, steps)) {
      if (signal?.aborted) throw new VitrineError("INTERRUPTED", { rule: `stopped after step ${rates.length}` });
      const step = rates.length;
      const learningRate = from * (to / from) ** (step / (steps - 1));
      const key = foldIn(keyOf(seed), "step", step);
      const { loss, gradientNorm } = await training.learner.learn(batches.map(trainingBatch), {
        step,
        learningRate,
        key,
      });
      mean = smoothing * mean + (1 - smoothing) * loss;
      const smoothed = mean / (1 - smoothing ** (step + 1));
      if (!Number.isFinite(gradientNorm) || !(smoothed <= 4 * least)) {
        diverged = learningRate;
        break;
      }
      least = Math.min(least, smoothed);
      rates.push(learningRate);
      losses.push(smoothed);
      yield { type: "range.step", step: step + 1, learningRate, loss, smoothed };
    }
    yield { type: "range.end", suggested: suggestedRate(rates, losses), diverged };
  } finally {
    await training.close();
    for (const { variable, data } of before) variable.data = data;
  }
}

/** How much of the running mean of losses each step keeps. */
const smoothing = 0.9;

/** Groups of batches, epoch after epoch. */
async function* endless(
  { batches, learner, stepsPerEpoch }: Training,
  steps: number,
): AsyncGenerator<readonly Batch[], void, undefined> {
  let done = 0;
  for (let epoch = 0; done < steps; epoch++) {
    let group: Batch[] = [];
    let ofEpoch = 0;
    for await (const batch of batches(epoch, 0)) {
      group.push(batch);
      if (group.length < learner.accumulate) continue;
      yield group;
      group = [];
      if (++done === steps) return;
      if (++ofEpoch === stepsPerEpoch) break;
    }
  }
}

/**
 * A tenth of the learning rate at which the loss was least: below where it begins to be thrown about, and still fast.
 * @param rates in growing order, one for each loss
 * @returns `undefined` when the loss never fell
 */
export function suggestedRate(rates: readonly number[], losses: readonly number[]): number | undefined {
  const least = losses.indexOf(Math.min(...losses));
  return least > 0 ? rates[least]! / 10 : undefined;
}
