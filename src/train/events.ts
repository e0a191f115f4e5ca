/** What happens in a training run, as plain data: the same for the progress bar, the log and a page. */

import type { BestEpoch, Criterion } from "./best-epoch.ts";

/** Means over some examples. */
export interface Means {
  readonly loss: number;
  /** Share of examples whose largest logit is the label's, 0 to 1. */
  readonly accuracy: number;
  /** Mean over the classes of each one's accuracy, 0 to 1: only of validation images of whose classes some have more than others. */
  readonly balancedAccuracy?: number | undefined;
}

/** How the numbers of an array are spread. */
export interface Histogram {
  readonly min: number;
  readonly max: number;
  /** Of all elements. */
  readonly sum: number;
  readonly sumSquares: number;
  /** Elements in each of equally wide buckets from `min` to `max`. */
  readonly counts: readonly number[];
}

export type TrainEvent =
  | {
      readonly type: "run.start";
      readonly parameters: number;
      readonly steps: number;
      readonly stepsPerEpoch: number;
      /** Steps that an earlier process had done; 0 for a new run. */
      readonly resumedAt: number;
    }
  | ({
      readonly type: "step";
      /** Steps done, this one included. */
      readonly step: number;
      readonly epoch: number;
      readonly learningRate: number;
      /** Global L2 norm of the gradient before clipping. */
      readonly gradientNorm: number;
      /** Images, or words. */
      readonly examplesPerSecond: number;
      readonly secondsLeft: number;
    } & Means)
  | {
      readonly type: "epoch.end";
      /** From 0. */
      readonly epoch: number;
      readonly train: Means;
      readonly validation?: Means | undefined;
      /** Whether this is the best epoch so far, and by what; nothing is best without validation. */
      readonly best: boolean;
      readonly criterion?: Criterion | undefined;
      readonly seconds: number;
    }
  | {
      /** At the end of an epoch, where asked for. */
      readonly type: "weights";
      readonly step: number;
      readonly epoch: number;
      /** Of each parameter that is trained, by name. */
      readonly weights: Readonly<Record<string, Histogram>>;
      /** Of their gradients on the epoch's last batch. */
      readonly gradients: Readonly<Record<string, Histogram>>;
    }
  | { readonly type: "checkpoint"; readonly step: number; readonly folder: string }
  | { readonly type: "skipped"; readonly file: string; readonly reason: string }
  | { readonly type: "warning"; readonly message: string }
  | {
      readonly type: "run.end";
      readonly best?: BestEpoch | undefined;
      /** True: it ended before its last epoch, for want of improvement. */
      readonly stoppedEarly: boolean;
      readonly seconds: number;
    };
