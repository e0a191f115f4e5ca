/** The log as a table for spreadsheets: one row an epoch. */

import type { TrainEvent } from "./events.ts";

const columns = [
  "epoch",
  "step",
  "train_loss",
  "train_accuracy",
  "validation_loss",
  "validation_accuracy",
  "learning_rate",
  "gradient_norm",
  "seconds",
  "best",
  "validation_balanced_accuracy",
] as const;

/** The table of all epochs in a log (RFC 4180, `\n` at the ends of lines). Epochs count from 1; what was not measured is empty. */
export function csvOf(events: Iterable<TrainEvent>): string {
  const rows = new Map<number, readonly (number | undefined)[]>();
  let last: Extract<TrainEvent, { type: "step" }> | undefined;
  for (const event of events) {
    if (event.type === "step") last = event;
    if (event.type !== "epoch.end") continue;
    const { epoch, train, validation, seconds, best } = event;
    rows.set(epoch, [
      ...[epoch + 1, last?.step, train.loss, train.accuracy, validation?.loss, validation?.accuracy],
      ...[last?.learningRate, last?.gradientNorm, seconds, Number(best), validation?.balancedAccuracy],
    ]);
  }
  return [columns, ...rows.values()].map((row) => `${row.map((cell) => cell ?? "").join(",")}\n`).join("");
}
