/** A training run in a folder: data, model and recipe in, a log, checkpoints and a model that Python loads out. */

import { join } from "node:path";
import type { Dataset } from "../data/datasets/dataset.ts";
import type { Batch, BatchPlan } from "../data/loader-batch.ts";
import { type Loader, openLoader } from "../data/loader-node.ts";
import { VitrineError } from "../errors.ts";
import type { Pretrained } from "../pretrained/pretrained.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { loadCheckpoint, saveCheckpoint } from "./checkpoint-node.ts";
import type { TrainEvent } from "./events.ts";
import { fit } from "./fit.ts";
import { compileLearner } from "./learner.ts";
import { lockFolder } from "./lock-node.ts";
import { gridOf } from "./log-grid.ts";
import { appendEvent, rewindLog } from "./log-node.ts";
import { appendImage } from "./log-tensorboard-node.ts";
import { classification, type Objective, type TrainingBatch } from "./objective.ts";
import { Probe } from "./probe.ts";
import { featureLoader } from "./probe-features.ts";
import type { Recipe } from "./recipe.ts";
import { augmentationOf, averageOf, labelLossOf, optimizerOf, scheduleOf } from "./recipe-parts.ts";
import { identityOf, openFolder, requireSameRun } from "./run-folder-node.ts";
import { trainedParameters } from "./step.ts";
import { startTuning, type Tuning } from "./tuning.ts";
import { keptVariables, saveTuned } from "./tuning-node.ts";
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
  /** Which parameters are trained, by name; those that the recipe tunes without it. */
  readonly trained?: ((name: string) => boolean) | undefined;
  /** What is minimised; the recipe's loss of the model's logits without it. */
  readonly objective?: Objective | undefined;
  readonly seed: number;
  /** What else a process needs to go on with the run, as plain data; kept in `recipe.json`. */
  readonly settings?: Readonly<Record<string, unknown>> | undefined;
  /**
   * Ends with `config.json`, `preprocessor_config.json`, `model.safetensors`, `recipe.json`, `log.jsonl` and `checkpoints/`; with adapters, which
   * are merged into `model.safetensors`, also with `adapter/` in PEFT's layout.
   */
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
  /** Tells of the spread of weights and gradients after each epoch (events `weights`). */
  readonly histograms?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Trains in a folder; the events are also its log.
 * @throws {VitrineError} OUTPUT_CONFLICT when the folder holds another run's results, DATA_PROBLEM or INVALID_ARGUMENT for data that cannot be
 *   trained on, INTERRUPTED after the signal, STORAGE_FAILURE when a checkpoint cannot be written.
 */
export async function* trainInFolder(options: RunOptions): AsyncGenerator<TrainEvent, void, undefined> {
  requireMatchingClasses(options);
  const tuning = await startTuning(options.pretrained, options.recipe, options.seed);
  const run = { ...options, trained: options.trained ?? tuning.trained };
  const batchSize = Math.min(run.recipe.batchSize, run.train.length);
  const runId = identityOf(run, batchSize);
  await openFolder(run, runId);
  const unlock = await lockFolder(run.folder);
  try {
    yield* trainLocked(run, { ...tuning, trained: run.trained }, runId, batchSize);
  } finally {
    await unlock();
  }
}

async function* trainLocked(
  options: RunOptions,
  tuning: Tuning,
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
  if (resume) requireSameRun(resume.state.runId, runId, folder);
  if (options.resume) await rewindLog(folder, resume?.state.step ?? 0);

  // What is trained: the model, or its end on features that are computed once.
  const probe = keepsFeatures(options) ? new Probe(model, options.trained!, preprocessing.inputSize) : undefined;
  const frozen = await probe?.compileFeatures(runtime);
  const classifier = probe ?? model;
  const imageShape = probe?.imageShape ?? preprocessing.inputSize;

  const loaders: Loader[] = [];
  const load = (dataset: Dataset, changes: Partial<BatchPlan>, strict: boolean): Loader => {
    const plan: BatchPlan = { preprocessing, batchSize, shuffle: false, dropLast: false, seed, ...changes };
    const images = frozen ? { ...plan, shuffle: false, dropLast: false } : plan;
    const loader = openLoader(dataset, images, { strict, workers: options.workers ?? 2 });
    loaders.push(loader);
    if (!frozen) return loader;
    const views = plan.augmentation ? recipe.probeViews : 1;
    const { length, classes } = dataset;
    return featureLoader({ images: loader, frozen, length, classes: classes.length, plan, views });
  };
  try {
    const strict = options.strict ?? false;
    const training = load(
      options.train,
      {
        shuffle: true,
        dropLast: true,
        balance: recipe.balance,
        repeats: recipe.repeats,
        soften: recipe.labelSmoothing,
        augmentation: augmentationOf(recipe),
        mix: recipe.mixup + recipe.cutmix > 0 ? { mixup: recipe.mixup, cutmix: recipe.cutmix } : undefined,
      },
      strict,
    );
    const stepsPerEpoch = wholeSteps(training.batchesPerEpoch, recipe.accumulate, batchSize);
    const kept = keptVariables(model, tuning);
    const learner = await compileLearner(classifier, {
      runtime,
      optimizer: optimizerOf(recipe, trainedParameters(classifier, options.trained)),
      average: averageOf(recipe, kept.values()),
      accumulate: recipe.accumulate,
      batchSize,
      imageShape,
      labels: pretrained.labels.length,
      clipNorm: recipe.clipNorm ?? undefined,
      trained: options.trained,
      objective: options.objective ?? classification(classifier, labelLossOf(recipe)),
    });
    const validation = options.validation && load(options.validation, {}, strict);
    const measure = validation && (await compileValidation(classifier, imageShape, runtime));
    const run = fit({
      learner,
      variables: kept,
      parameterCount: model.parameterCount(),
      batches: async function* (epoch, from) {
        for await (const batch of training.epoch(epoch, from)) {
          // Features are no picture to look at.
          if (epoch === 0 && batch.number === 0 && !frozen)
            await appendImage(folder, 1, "training images", gridOf(batch, preprocessing));
          yield trainingBatch(batch);
        }
      },
      stepsPerEpoch,
      epochs: recipe.epochs,
      learningRate: scheduleOf(recipe, stepsPerEpoch),
      seed,
      patience: recipe.patience ?? undefined,
      histograms: options.histograms,
      evaluate: measure && validation ? () => validate(measure, validation.epoch(0)) : undefined,
      resume,
      runId,
      save: (checkpoint) => saveCheckpoint(checkpoints, checkpoint),
      checkpointEvery: options.checkpointEvery,
      onBest: () => saveTuned(folder, pretrained, tuning),
      signal,
    });
    let steps = resume?.state.step ?? 0;
    const told = async (event: TrainEvent): Promise<TrainEvent> => {
      if (event.type === "step") steps = event.step;
      await appendEvent(folder, event, steps);
      return event;
    };
    for (const event of events) yield await told(event);
    let badFiles = 0;
    for await (const event of run) {
      yield await told(event);
      for (const { file, reason } of validation?.badFiles.slice(badFiles) ?? []) {
        badFiles++;
        yield await told({ type: "skipped", file, reason });
      }
    }
    await learner.dispose();
    await measure?.dispose();
    await frozen?.dispose();
  } finally {
    await Promise.all(loaders.map((loader) => loader.close()));
  }
}

/** Whether the frozen part of a probe is computed once for each image: not where pixels are mixed, or a teacher sees them. */
function keepsFeatures({ recipe, objective }: RunOptions): boolean {
  return recipe.tune === "probe" && recipe.probeViews > 0 && recipe.mixup + recipe.cutmix === 0 && !objective;
}

/** Steps of an epoch; the batches that make no whole step are left out. */
function wholeSteps(batches: number, accumulate: number, batchSize: number): number {
  if (batches >= accumulate) return Math.floor(batches / accumulate);
  throw new VitrineError("INVALID_ARGUMENT", {
    rule: "an epoch must have the batches of one step",
    evidence: `got ${batches} of ${batchSize} images, accumulate is ${accumulate}`,
    next: "set a smaller accumulate or batchSize",
  });
}

function trainingBatch({ images, shape, targets, bad }: Batch): TrainingBatch {
  const b = shape[0];
  return {
    images: { dtype: "float32", shape, data: images },
    targets: { dtype: "float32", shape: [b, targets!.length / b], data: targets! },
    skipped: bad,
  };
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
