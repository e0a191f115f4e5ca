/** A training run in a folder: data, model and recipe in, a log, checkpoints and a model that Python loads out. */

import { join } from "node:path";
import type { Dataset } from "../data/datasets/dataset.ts";
import type { Batch, BatchPlan } from "../data/loader-batch.ts";
import { type Loader, openLoader } from "../data/loader-node.ts";
import { VitrineError } from "../errors.ts";
import type { Pretrained } from "../pretrained/pretrained.ts";
import { savePretrained } from "../pretrained/save-node.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { loadCheckpoint, saveCheckpoint } from "./checkpoint-node.ts";
import type { TrainEvent } from "./events.ts";
import { fit } from "./fit.ts";
import { lockFolder } from "./lock-node.ts";
import { appendEvent, rewindLog } from "./log-node.ts";
import type { Objective, TrainingBatch } from "./objective.ts";
import type { Recipe } from "./recipe.ts";
import { augmentationOf, optimizerOf, scheduleOf } from "./recipe-parts.ts";
import { identityOf, openFolder, requireSameRun } from "./run-folder-node.ts";
import { compileTrainingStep, trainedParameters } from "./step.ts";
import { compileValidation, validate } from "./validate.ts";

export { type RunRecord, readRun } from "./run-folder-node.ts";

/** A run in a folder: model, data, recipe and place. */
export interface RunOptions {
  /** The model with its first weights, and the preprocessing that it keeps. */
  readonly pretrained: Pretrained;
  readonly train: Dataset;
  /** What the best epoch is chosen by; without it, the last epoch is kept. */
  readonly validation?: Dataset | undefined;
  readonly recipe: Recipe;
  /** Which parameters are trained, by name; all without it. */
  readonly trained?: ((name: string) => boolean) | undefined;
  /** What is minimised; the recipe's loss of the model's logits without it. */
  readonly objective?: Objective | undefined;
  readonly seed: number;
  /** What else a process needs to go on with the run, as plain data; kept in `recipe.json`. */
  readonly settings?: Readonly<Record<string, unknown>> | undefined;
  /** Ends with `config.json`, `preprocessor_config.json`, `model.safetensors`, `recipe.json`, `log.jsonl` and `checkpoints/`. */
  readonly folder: string;
  /** Go on where the folder's run stopped. */
  readonly resume?: boolean;
  readonly runtime: Runtime;
  /** Loader threads. */
  readonly workers?: number;
  /** A file that cannot be read stops the run instead of being skipped. */
  readonly strict?: boolean;
  /** Steps between checkpoints, besides those at the ends of epochs. */
  readonly checkpointEvery?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Trains in a folder; the events are also its log.
 * @throws {VitrineError} OUTPUT_CONFLICT when the folder holds another run's results, DATA_PROBLEM or INVALID_ARGUMENT for data that cannot be
 *   trained on, INTERRUPTED after the signal, STORAGE_FAILURE when a checkpoint cannot be written.
 */
export async function* trainInFolder(options: RunOptions): AsyncGenerator<TrainEvent, void, undefined> {
  requireMatchingClasses(options);
  const batchSize = Math.min(options.recipe.batchSize, options.train.length);
  const runId = identityOf(options, batchSize);
  await openFolder(options, runId);
  const unlock = await lockFolder(options.folder);
  try {
    yield* trainLocked(options, runId, batchSize);
  } finally {
    await unlock();
  }
}

async function* trainLocked(
  options: RunOptions,
  runId: string,
  batchSize: number,
): AsyncGenerator<TrainEvent, void, undefined> {
  const { pretrained, recipe, folder, seed, runtime, signal } = options;
  const { model, preprocessing } = pretrained;
  const checkpoints = join(folder, "checkpoints");
  const events: TrainEvent[] = [];
  const resume = options.resume
    ? await loadCheckpoint(checkpoints, (message) => events.push({ type: "warning", message }))
    : undefined;
  if (resume) {
    requireSameRun(resume.state.runId, runId, folder);
    await rewindLog(folder, resume.state.step);
  }

  const loaders: Loader[] = [];
  const load = (dataset: Dataset, plan: Partial<BatchPlan>, strict: boolean): Loader => {
    const whole: BatchPlan = { preprocessing, batchSize, shuffle: false, dropLast: false, seed, ...plan };
    const loader = openLoader(dataset, whole, { strict, workers: options.workers ?? 2 });
    loaders.push(loader);
    return loader;
  };
  try {
    const strict = options.strict ?? false;
    const training = load(
      options.train,
      {
        shuffle: true,
        dropLast: true,
        soften: recipe.labelSmoothing,
        augmentation: augmentationOf(recipe),
        mix: recipe.mixup + recipe.cutmix > 0 ? { mixup: recipe.mixup, cutmix: recipe.cutmix } : undefined,
      },
      strict,
    );
    const stepsPerEpoch = training.batchesPerEpoch;
    const optimizer = optimizerOf(recipe, trainedParameters(model, options.trained));
    const step = await compileTrainingStep(model, {
      runtime,
      optimizer,
      batchSize,
      imageShape: preprocessing.inputSize,
      labels: pretrained.labels.length,
      clipNorm: recipe.clipNorm ?? undefined,
      trained: options.trained,
      objective: options.objective,
    });
    const validation = options.validation && load(options.validation, {}, strict);
    const measure = validation && (await compileValidation(model, preprocessing.inputSize, runtime));
    const run = fit({
      step,
      optimizer,
      objective: options.objective,
      variables: model.variables(),
      parameterCount: model.parameterCount(),
      batches: (epoch, from) => trainingBatches(training.epoch(epoch, from)),
      stepsPerEpoch,
      epochs: recipe.epochs,
      learningRate: scheduleOf(recipe, stepsPerEpoch),
      seed,
      evaluate: measure && validation ? () => validate(measure, validation.epoch(0)) : undefined,
      resume,
      runId,
      save: (checkpoint) => saveCheckpoint(checkpoints, checkpoint),
      checkpointEvery: options.checkpointEvery,
      onBest: () => savePretrained(folder, pretrained, { replace: true }),
      signal,
    });
    const told = function* (event: TrainEvent): Generator<TrainEvent> {
      appendEvent(folder, event);
      yield event;
    };
    for (const event of events) yield* told(event);
    let badFiles = 0;
    for await (const event of run) {
      yield* told(event);
      for (const { file, reason } of validation?.badFiles.slice(badFiles) ?? []) {
        badFiles++;
        yield* told({ type: "skipped", file, reason });
      }
    }
    await step.dispose();
    await measure?.dispose();
  } finally {
    await Promise.all(loaders.map((loader) => loader.close()));
  }
}

async function* trainingBatches(batches: AsyncIterable<Batch>): AsyncGenerator<TrainingBatch> {
  for await (const { images, shape, targets, bad } of batches) {
    const b = shape[0];
    yield {
      images: { dtype: "float32", shape, data: images },
      targets: { dtype: "float32", shape: [b, targets!.length / b], data: targets! },
      skipped: bad,
    };
  }
}

function requireMatchingClasses({ pretrained, train, validation }: RunOptions): void {
  const { labels } = pretrained;
  for (const part of [train, validation]) {
    if (!part || (part.classes.length === labels.length && part.classes.every((name, i) => name === labels[i])))
      continue;
    throw new VitrineError("DATA_PROBLEM", {
      rule: "all parts of the data and the model must have the same classes",
      evidence: `got ${part.classes.length} (${part.classes.slice(0, 5).join(", ")}${part.classes.length > 5 ? ", …" : ""}) for ${labels.length}`,
      place: part.name,
    });
  }
}
