/** The course of a training run, from its events. */

import { type BestEpoch, bestEpoch } from "../train/best-epoch.ts";
import type { Means, TrainEvent } from "../train/events.ts";

/** One optimiser step. */
export interface StepPoint extends Means {
  readonly step: number;
  readonly learningRate: number;
  readonly gradientNorm: number;
}

/** One epoch. */
export interface EpochPoint {
  /** From 0. */
  readonly epoch: number;
  readonly train: Means;
  readonly validation?: Means | undefined;
  readonly seconds: number;
}

/** Steps and epochs of a run, in order. */
export interface History {
  readonly steps: readonly StepPoint[];
  readonly epochs: readonly EpochPoint[];
  readonly stepsPerEpoch: number;
  /** Epochs that the run was to have. */
  readonly plannedEpochs: number;
  /** The epoch whose weights were kept. */
  readonly best?: BestEpoch | undefined;
  /** Sum over the epochs, of all processes that worked on the run. */
  readonly seconds: number;
}

/** The history that a log tells. A step or epoch that was done again after a resumption counts as it was the last time. */
export function historyOf(events: Iterable<TrainEvent>): History {
  const steps = new Map<number, StepPoint>();
  const epochs = new Map<number, EpochPoint>();
  let [stepsPerEpoch, planned] = [1, 0];
  let best: History["best"];
  for (const event of events)
    switch (event.type) {
      case "run.start":
        stepsPerEpoch = event.stepsPerEpoch;
        planned = event.steps;
        break;
      case "step": {
        const { step, loss, accuracy, learningRate, gradientNorm } = event;
        steps.set(step, { step, loss, accuracy, learningRate, gradientNorm });
        break;
      }
      case "epoch.end": {
        const { epoch, train, validation, seconds } = event;
        epochs.set(epoch, { epoch, train, validation, seconds });
        // Logs that older versions wrote do not say by what.
        if (event.best && validation) best = bestEpoch(epoch, event.criterion ?? "accuracy", validation);
        break;
      }
    }
  const ordered = [...epochs.values()].sort((a, b) => a.epoch - b.epoch);
  return {
    steps: [...steps.values()].sort((a, b) => a.step - b.step),
    epochs: ordered,
    stepsPerEpoch,
    plannedEpochs: planned / stepsPerEpoch,
    best,
    seconds: ordered.reduce((sum, { seconds }) => sum + seconds, 0),
  };
}

/** Means of neighbouring numbers, so that at most `most` points are left. @returns each at the mean of its places */
export function thinned(
  points: readonly (readonly [x: number, y: number])[],
  most: number,
): { readonly points: readonly (readonly [number, number])[]; readonly each: number } {
  const each = Math.max(1, Math.ceil(points.length / most));
  const count = Math.ceil(points.length / each);
  return {
    each,
    points: Array.from({ length: count }, (_, i) => {
      const part = points.slice(i * each, (i + 1) * each);
      const mean = (axis: 0 | 1): number => part.reduce((sum, point) => sum + point[axis], 0) / part.length;
      return [mean(0), mean(1)] as const;
    }),
  };
}
