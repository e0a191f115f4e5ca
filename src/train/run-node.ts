/** A training run in a folder: data, model and recipe in, a log, checkpoints and a model that Python loads out. */

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import type { Augmentation } from "../data/augment.ts";
import type { Dataset } from "../data/datasets/dataset.ts";
import type { Batch, BatchPlan } from "../data/loader-batch.ts";
import { type Loader, openLoader } from "../data/loader-node.ts";
import { VitrineError } from "../errors.ts";
import { adamW, cosineSchedule, vitLayers, weightDecayGroups, withLayerDecay } from "../optim/index.ts";
import type { Pretrained } from "../pretrained/pretrained.ts";
import { savePretrained } from "../pretrained/save-node.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { writeFileAtomically } from "../weights/file-bytes-node.ts";
import { loadCheckpoint, saveCheckpoint } from "./checkpoint-node.ts";
import type { TrainEvent } from "./events.ts";
import { fit, type TrainingBatch } from "./fit.ts";
import { lockFolder } from "./lock-node.ts";
import { appendEvent, rewindLog } from "./log-node.ts";
import { fromScratch, type Recipe, recipeFrom } from "./recipe.ts";
import { compileTrainingStep, noWeightDecay } from "./step.ts";
import { compileValidation, validate } from "./validate.ts";

/** A run in a folder: model, data, recipe and place. */
export interface RunOptions {
  /** The model with its first weights, and the preprocessing that it keeps. */
  readonly pretrained: Pretrained;
  readonly train: Dataset;
  /** What the best epoch is chosen by; without it, the last epoch is kept. */
  readonly validation?: Dataset | undefined;
  readonly recipe: Recipe;
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
    const decayed = weightDecayGroups(model.parameters(), recipe.weightDecay, noWeightDecay);
    const optimizer = adamW(recipe.layerDecay < 1 ? withLayerDecay(decayed, recipe.layerDecay, vitLayers) : decayed);
    const step = await compileTrainingStep(model, {
      runtime,
      optimizer,
      batchSize,
      imageShape: preprocessing.inputSize,
      labels: pretrained.labels.length,
      clipNorm: recipe.clipNorm ?? undefined,
    });
    const validation = options.validation && load(options.validation, {}, strict);
    const measure = validation && (await compileValidation(model, preprocessing.inputSize, runtime));
    const run = fit({
      step,
      optimizer,
      variables: model.variables(),
      parameterCount: model.parameterCount(),
      batches: (epoch, from) => trainingBatches(training.epoch(epoch, from)),
      stepsPerEpoch,
      epochs: recipe.epochs,
      learningRate: cosineSchedule({
        learningRate: recipe.learningRate,
        min: recipe.minLearningRate,
        steps: recipe.epochs * stepsPerEpoch,
        warmup: Math.round(recipe.warmupEpochs * stepsPerEpoch),
        warmupStart: recipe.learningRate / 100,
      }),
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

function augmentationOf(recipe: Recipe): Augmentation | undefined {
  const rest = { flip: recipe.flip, jitter: recipe.colorJitter || undefined, erase: recipe.erase || undefined };
  if (recipe.crop === "padded") return { crop: { kind: "padded", padding: recipe.pad }, ...rest };
  if (recipe.crop === "none") return undefined;
  const filters = ["bilinear", "bicubic"] as const;
  return { crop: { kind: "resized", scale: recipe.cropScale, ratio: recipe.cropRatio, filters }, ...rest };
}

/** What the run is: the same for every process that may go on with it. */
function identityOf({ pretrained, train, validation, recipe, seed }: RunOptions, batchSize: number): string {
  const facts = {
    model: pretrained.model.config,
    preprocessing: pretrained.preprocessing,
    labels: pretrained.labels,
    data: [train, validation].map((part) => part && { name: part.name, length: part.length, labels: labelSum(part) }),
    recipe,
    batchSize,
    seed,
  };
  return createHash("sha256").update(JSON.stringify(facts)).digest("hex");
}

/** Order-dependent sum over the labels: enough to notice that files came or went. */
function labelSum(dataset: Dataset): number {
  let sum = 0;
  for (let i = 0; i < dataset.length; i++) sum = (Math.imul(sum, 31) + dataset.labelOf(i)) | 0;
  return sum;
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

const runSchema = v.looseObject({
  runId: v.string(),
  seed: v.number(),
  settings: v.optional(v.record(v.string(), v.unknown())),
});

function requireSameRun(found: string, runId: string, folder: string): void {
  if (found === runId) return;
  throw new VitrineError("OUTPUT_CONFLICT", {
    rule: "a run is continued with the data, model, recipe and seed it began with",
    place: folder,
    next: `use the settings in ${join(folder, "recipe.json")}, or another folder with --out`,
  });
}

/** What a run's folder says of it. */
export interface RunRecord {
  /** SHA-256 of what the run was started with. */
  readonly runId: string;
  readonly seed: number;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly recipe: Recipe;
}

/** Makes the folder, or refuses one that holds something else. */
async function openFolder({ folder, recipe, resume, seed, settings }: RunOptions, runId: string): Promise<void> {
  const path = join(folder, "recipe.json");
  const there = existsSync(folder) ? (await readdir(folder)).filter((name) => name !== ".DS_Store") : [];
  if (there.length > 0 && !resume)
    throw new VitrineError("OUTPUT_CONFLICT", {
      rule: "the output folder must be new or empty",
      evidence: `it holds ${there.slice(0, 4).join(", ")}`,
      place: folder,
      next: existsSync(path)
        ? "add --resume to go on with that run, or choose another folder with --out"
        : "choose another folder with --out",
    });
  if (existsSync(path)) {
    requireSameRun((await readRun(folder)).runId, runId, folder);
    return;
  }
  if (resume && there.length > 0)
    throw new VitrineError("NOT_FOUND", {
      rule: "the folder must hold a run to go on with",
      evidence: "it has no recipe.json",
      place: folder,
    });
  const isNew = !existsSync(folder);
  try {
    await mkdir(folder, { recursive: true });
    await writeFileAtomically(path, [
      new TextEncoder().encode(`${JSON.stringify({ runId, seed, settings, ...recipe }, null, 2)}\n`),
    ]);
  } catch (cause) {
    if (isNew) await rm(folder, { recursive: true, force: true }).catch(() => {});
    throw cause instanceof VitrineError
      ? cause
      : new VitrineError("STORAGE_FAILURE", {
          rule: "the output folder could not be made",
          evidence: (cause as Error).message,
          place: folder,
          cause,
        });
  }
}

/**
 * What the run in a folder was started with.
 * @throws {VitrineError} NOT_FOUND when the folder holds no run, INVALID_FILE when its `recipe.json` is broken.
 */
export async function readRun(folder: string): Promise<RunRecord> {
  const path = join(folder, "recipe.json");
  const text = await readFile(path, "utf8").catch((cause: Error) => {
    throw new VitrineError("NOT_FOUND", {
      rule: "the folder must hold a run to go on with",
      evidence: "it has no recipe.json",
      place: folder,
      cause,
    });
  });
  try {
    const { runId, seed, settings = {}, ...recipe } = v.parse(runSchema, JSON.parse(text));
    return { runId, seed, settings, recipe: recipeFrom(fromScratch, recipe, path) };
  } catch (cause) {
    throw new VitrineError("INVALID_FILE", {
      rule: "the file must be the recipe of a run",
      evidence: (cause as Error).message,
      place: path,
      cause,
    });
  }
}
