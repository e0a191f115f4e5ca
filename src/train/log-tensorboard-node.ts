/** A run's log for TensorBoard: one event file in the run's folder. Node only. */

import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { encodePng } from "../data/decode-node.ts";
import type { Image } from "../data/image.ts";
import type { TrainEvent } from "./events.ts";
import { eventRecord, firstRecord, lengthUpTo, type TensorBoardValue } from "./log-tensorboard.ts";

/** The folder inside a run's folder: `tensorboard --logdir RUN` finds it. */
export const tensorBoardName = "tensorboard";

/** The run's event file; begun where there is none. */
function eventFile(folder: string): string {
  const place = join(folder, tensorBoardName);
  const found = existsSync(place) ? readdirSync(place).find((name) => name.includes("tfevents")) : undefined;
  if (found !== undefined) return join(place, found);
  mkdirSync(place, { recursive: true });
  const path = join(place, `events.out.tfevents.${Math.floor(Date.now() / 1000)}.vitrine`);
  appendFileSync(path, firstRecord(Date.now() / 1000));
  return path;
}

/** Removes what a killed process wrote after a step, and a record that it left unfinished. The file stays the same one, so that a TensorBoard that reads it goes on. */
export function rewindTensorBoard(folder: string, step: number): void {
  if (!existsSync(join(folder, tensorBoardName))) return;
  const path = eventFile(folder);
  truncateSync(path, lengthUpTo(readFileSync(path), step));
}

/** Adds values at a step. */
export function appendValues(folder: string, step: number, values: readonly TensorBoardValue[]): void {
  if (values.length > 0) appendFileSync(eventFile(folder), eventRecord(Date.now() / 1000, step, values));
}

/** Adds an image at a step. */
export async function appendImage(folder: string, step: number, tag: string, image: Image): Promise<void> {
  const { width, height, channels } = image;
  appendValues(folder, step, [{ tag, kind: "image", width, height, channels, png: await encodePng(image) }]);
}

/** What an event shows in TensorBoard: figures of a step under `step/`, of an epoch under `epoch/`, and the spread of weights and gradients. */
export function valuesOf(event: TrainEvent): readonly TensorBoardValue[] {
  const scalars = (folder: string, figures: Readonly<Record<string, number | undefined>>): TensorBoardValue[] =>
    Object.entries(figures).flatMap(([name, value]) =>
      value === undefined ? [] : [{ tag: `${folder}/${name}`, kind: "scalar", value }],
    );
  switch (event.type) {
    case "step": {
      const { loss, accuracy, learningRate, gradientNorm, examplesPerSecond } = event;
      return scalars("step", {
        loss,
        accuracy,
        learning_rate: learningRate,
        gradient_norm: gradientNorm,
        examples_per_second: examplesPerSecond,
      });
    }
    case "epoch.end":
      return scalars("epoch", {
        train_loss: event.train.loss,
        train_accuracy: event.train.accuracy,
        validation_loss: event.validation?.loss,
        validation_accuracy: event.validation?.accuracy,
        validation_balanced_accuracy: event.validation?.balancedAccuracy,
        seconds: event.seconds,
      });
    case "weights":
      return (["weights", "gradients"] as const).flatMap((folder) =>
        Object.entries(event[folder]).map(([name, histogram]): TensorBoardValue => {
          return { tag: `${folder}/${name}`, kind: "histogram", histogram };
        }),
      );
    default:
      return [];
  }
}
