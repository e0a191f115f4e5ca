/** Which epoch of a run is the best: what it is chosen by, and when one is better than those before. */

import type { Means } from "./events.ts";

/** What epochs are compared by. Balanced accuracy counts all classes alike: where most pictures are of one, accuracy praises a model that knows no other. */
export type Criterion = "accuracy" | "balanced accuracy" | "loss";

/** The best epoch so far. */
export interface BestEpoch {
  /** From 0. */
  readonly epoch: number;
  readonly by: Criterion;
  /** On the validation data, 0 to 1. */
  readonly accuracy: number;
  readonly balancedAccuracy?: number | undefined;
  /** Where epochs are chosen by it. */
  readonly loss?: number | undefined;
}

/** What an epoch is compared by: what those before it were, and in the first what was asked for, else accuracy, balanced where classes are not equally many. */
export function criterionFor(validation: Means, asked: "accuracy" | "loss", best: BestEpoch | undefined): Criterion {
  if (best) return best.by;
  return asked === "accuracy" && validation.balancedAccuracy !== undefined ? "balanced accuracy" : asked;
}

/** The accuracy of epochs that are compared by `by`. Where images that cannot be read leave all classes equal, both accuracies are the same. */
export const accuracyBy = (by: Criterion, means: Pick<Means, "accuracy" | "balancedAccuracy">): number =>
  by === "balanced accuracy" ? (means.balancedAccuracy ?? means.accuracy) : means.accuracy;

/** Rounding, of which a mean over classes may have more in one epoch than in another that is as good. */
const rounding = 1e-12;

/** Whether an epoch is better than the best so far. */
export function isBetter(validation: Means, by: Criterion, best: BestEpoch | undefined): boolean {
  return by === "loss"
    ? validation.loss < (best?.loss ?? Number.POSITIVE_INFINITY)
    : accuracyBy(by, validation) > (best ? accuracyBy(by, best) + rounding : -1);
}

/** The epoch as the best. */
export function bestEpoch(epoch: number, by: Criterion, { loss, accuracy, balancedAccuracy }: Means): BestEpoch {
  return {
    ...{ epoch, by, accuracy },
    ...(balancedAccuracy === undefined ? {} : { balancedAccuracy }),
    ...(by === "loss" ? { loss } : {}),
  };
}
