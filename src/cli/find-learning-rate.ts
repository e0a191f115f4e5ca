/** `--find-lr`: the learning rate by a range test, before the training begins. */

import { VitrineError } from "../errors.ts";
import { learningRateRange } from "../train/learning-rate-range-node.ts";
import type { Context } from "./context.ts";
import type { TrainingData } from "./train-data.ts";
import type { TrainingStart } from "./train-plan.ts";

/** What the test needs besides the model. */
export interface RangeTest {
  readonly data: TrainingData;
  readonly seed: number;
  readonly workers: number;
  /** Makes model and recipe again, with settings over those that were chosen. */
  readonly begin: (changes: Readonly<Record<string, unknown>>) => Promise<TrainingStart>;
}

const steps = 100;

/**
 * A start with the learning rate that the range test suggests.
 * @throws {VitrineError} DATA_PROBLEM where the loss never falls; INTERRUPTED.
 */
export async function withFoundRate(
  context: Context,
  { pretrained, teacher, recipe }: TrainingStart,
  { data, seed, workers, begin }: RangeTest,
): Promise<TrainingStart> {
  const { terminal, signal } = context;
  const progress = await terminal.progress("learning rates", steps);
  let found: number | undefined;
  try {
    const events = learningRateRange({
      ...{ pretrained, teacher, train: data.train, recipe, seed, workers, signal, steps },
      runtime: await context.runtime(),
    });
    for await (const event of events) {
      if (event.type === "range.end") found = event.suggested;
      else progress.update(event.step, `${event.learningRate.toExponential(1)}  loss ${event.smoothed.toFixed(3)}`);
    }
  } finally {
    progress.stop();
  }
  if (found === undefined)
    throw new VitrineError("DATA_PROBLEM", {
      rule: "a range test needs a loss that falls at some learning rate",
      evidence: `it did not in ${steps} steps from 1e-7 to 1`,
      next: "set --lr yourself",
    });
  const learningRate = Number(found.toPrecision(2));
  // Made again rather than put back: adapters would otherwise be there twice.
  const start = await begin({ learningRate });
  const choices = start.choices.map((one) =>
    one.what === "learning rate" ? { ...one, reason: `what a range test of ${steps} steps suggests` } : one,
  );
  return { ...start, choices, chosen: { ...start.chosen, choices } };
}
