/** A training run in a folder: data, model and recipe in, a log, checkpoints and a model that Python loads out. */

import { join } from "node:path";
import { loadCheckpoint, saveCheckpoint } from "./checkpoint-node.ts";
import type { TrainEvent } from "./events.ts";
import { fit } from "./fit.ts";
import { lockFolder } from "./lock-node.ts";
import { gridOf } from "./log-grid.ts";
import { appendEvent, rewindLog } from "./log-node.ts";
import { appendImage, appendValues } from "./log-tensorboard-node.ts";
import { scheduleOf } from "./recipe-parts.ts";
import { identityOf, openFolder, requireFolder, requireSameRun } from "./run-folder-node.ts";
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
export interface RunOptions extends TrainingOptions {
  /** What else a process needs to go on with the run, as plain data; kept in `recipe.json`. */
  readonly settings?: Readonly<Record<string, unknown>> | undefined;
  /**
   * Ends with `config.json`, `preprocessor_config.json`, `model.safetensors`, `recipe.json`, `log.jsonl` and `checkpoints/`; with adapters, which
   * are merged into `model.safetensors`, also with `adapter/` in PEFT's layout.
   */
  readonly folder: string;
  /** Go on where the folder's run stopped. */
  readonly resume?: boolean;
  /** Steps between checkpoints, besides those at the ends of epochs. */
  readonly checkpointEvery?: number | undefined;
  /** Tells of the spread of weights and gradients after each epoch (events `weights`). */
  readonly histograms?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
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
  await openFolder(run, runId);
  const unlock = await lockFolder(run.folder);
  try {
    yield* trainLocked(run, { ...tuning, trained: run.trained }, runId);
  } finally {
    await unlock();
  }
}

async function* trainLocked(
  options: RunOptions,
  tuning: Tuning,
  runId: string,
): AsyncGenerator<TrainEvent, void, undefined> {
  const { pretrained, trainee, recipe, folder, seed, signal } = options;
  const checkpoints = join(folder, "checkpoints");
  const events: TrainEvent[] = [];
  const resume = options.resume
    ? await loadCheckpoint(checkpoints, (message) => events.push({ type: "warning", message }))
    : undefined;
  if (resume) requireSameRun(resume.state.runId, runId, folder);
  if (options.resume) await rewindLog(folder, resume?.state.step ?? 0);
  if (!resume) appendValues(folder, 1, [{ tag: "recipe", kind: "text", text: recipeText({ ...recipe, seed }) }]);

  const training = await openTraining(options, tuning);
  const { learner, variables, stepsPerEpoch, evaluate } = training;
  try {
    const run = fit({
      learner,
      variables,
      parameterCount: (trainee?.model ?? pretrained.model).parameterCount(),
      batches: async function* (epoch, from) {
        for await (const batch of training.batches(epoch, from)) {
          if (epoch === 0 && batch.number === 0 && training.seesImages)
            await appendImage(folder, 1, "training images", gridOf(batch, pretrained.preprocessing));
          yield trainingBatch(batch);
        }
      },
      stepsPerEpoch,
      epochs: recipe.epochs,
      learningRate: scheduleOf(recipe, stepsPerEpoch),
      seed,
      patience: recipe.patience ?? undefined,
      histograms: options.histograms,
      evaluate,
      resume,
      runId,
      save: (checkpoint) => {
        requireFolder(folder);
        return saveCheckpoint(checkpoints, checkpoint);
      },
      checkpointEvery: options.checkpointEvery,
      onBest: () => {
        requireFolder(folder);
        return trainee ? trainee.save(folder) : saveTuned(folder, pretrained, tuning);
      },
      signal,
    });
    let steps = resume?.state.step ?? 0;
    const told = async (event: TrainEvent): Promise<TrainEvent> => {
      if (event.type === "step") steps = event.step;
      requireFolder(folder);
      await appendEvent(folder, event, steps);
      return event;
    };
    for (const event of events) yield await told(event);
    let badFiles = 0;
    for await (const event of run) {
      yield await told(event);
      for (const { file, reason } of training.badFiles().slice(badFiles)) {
        badFiles++;
        yield await told({ type: "skipped", file, reason });
      }
    }
  } finally {
    await training.close();
  }
}

/** As Markdown. */
function recipeText(settings: object): string {
  return `\`\`\`json\n${JSON.stringify(settings, null, 2)}\n\`\`\``;
}
