/** A training run in a folder: data, model and recipe in, a log, checkpoints and a model that Python loads out. */

import type { TrainEvent } from "./events.ts";
import { type FolderRunOptions, type OpenRun, runInFolder } from "./folder-run-node.ts";
import { gridOf } from "./log-grid.ts";
import { appendImage } from "./log-tensorboard-node.ts";
import type { TrainingBatch } from "./objective.ts";
import { scheduleOf } from "./recipe-parts.ts";
import { identityOf } from "./run-folder-node.ts";
import {
  batchSizeOf,
  openTraining,
  requireMatchingClasses,
  requireTeacher,
  type TrainingOptions,
  trainingBatch,
} from "./training-node.ts";
import { startTuning, type Tuning } from "./tuning.ts";
import { saveTuned } from "./tuning-node.ts";

export { type RunRecord, readRun } from "./run-folder-node.ts";

/** A run in a folder: model, data, recipe and place. */
export interface RunOptions extends TrainingOptions, FolderRunOptions {
  /**
   * Ends with `config.json`, `preprocessor_config.json`, `model.safetensors`, `recipe.json`, `log.jsonl` and `checkpoints/`; with adapters, which
   * are merged into `model.safetensors`, also with `adapter/` in PEFT's layout.
   */
  readonly folder: string;
  readonly seed: number;
}

/**
 * Trains in a folder; the events are also its log.
 * @throws {VitrineError} OUTPUT_CONFLICT when the folder holds another run's results, DATA_PROBLEM or INVALID_ARGUMENT for data that cannot be
 *   trained on, INTERRUPTED after the signal, STORAGE_FAILURE when a checkpoint cannot be written, RUNTIME_FAILURE when loss or gradient are no
 *   longer finite.
 */
export async function* trainInFolder(options: RunOptions): AsyncGenerator<TrainEvent, void, undefined> {
  requireMatchingClasses(options);
  requireTeacher(options);
  const tuning = await startTuning(options.pretrained, options.recipe, options.seed);
  const run = { ...options, trained: options.trained ?? tuning.trained };
  const runId = identityOf(run, batchSizeOf(run));
  yield* runInFolder(run, runId, run.recipe, () => openRun(run, { ...tuning, trained: run.trained }));
}

async function openRun(options: RunOptions, tuning: Tuning): Promise<OpenRun<TrainingBatch>> {
  const { pretrained, trainee, recipe, folder } = options;
  const training = await openTraining(options, tuning, (images) =>
    appendImage(folder, 1, "training images", gridOf(images, pretrained.preprocessing)),
  );
  const { learner, variables, stepsPerEpoch, evaluate } = training;
  const from = options.settings?.from;
  let badFiles = 0;
  return {
    learner,
    variables,
    parameterCount: (trainee?.model ?? pretrained.model).parameterCount(),
    batches: async function* (epoch, from) {
      for await (const batch of training.batches(epoch, from)) yield trainingBatch(batch);
    },
    stepsPerEpoch,
    epochs: recipe.epochs,
    learningRate: scheduleOf(recipe, stepsPerEpoch),
    patience: recipe.patience ?? undefined,
    evaluate,
    saveModel: () =>
      trainee
        ? trainee.save(folder)
        : saveTuned(folder, pretrained, tuning, typeof from === "string" ? from : undefined),
    news: () => {
      const fresh = training.badFiles().slice(badFiles);
      badFiles += fresh.length;
      return fresh.map(({ file, reason }) => ({ type: "skipped", file, reason }));
    },
    close: training.close,
  };
}
