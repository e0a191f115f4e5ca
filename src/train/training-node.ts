/** What a training works with, opened: loaders, what learns, what measures. */

import type { Dataset } from "../data/datasets/dataset.ts";
import { type BadFile, type Batch, type BatchPlan, imagesPerEpoch } from "../data/loader-batch.ts";
import { type Loader, openLoader } from "../data/loader-node.ts";
import type { ImageStoreOptions } from "../data/loader-store.ts";
import { VitrineError } from "../errors.ts";
import type { Variable } from "../graph/value.ts";
import type { Mode } from "../nn/module.ts";
import type { Pretrained } from "../pretrained/pretrained.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type DistillationObjective, distillation, requireFittingTeacher } from "./distillation.ts";
import type { Means } from "./events.ts";
import { compileLearner, type Learner } from "./learner.ts";
import type { ImageBatch } from "./log-grid.ts";
import { type Classifier, classification, type Objective, type TrainingBatch } from "./objective.ts";
import { Probe } from "./probe.ts";
import { featureLoader } from "./probe-features.ts";
import type { Recipe } from "./recipe.ts";
import { augmentationOf, averageOf, labelLossOf, optimizerOf, wholeSteps } from "./recipe-parts.ts";
import { trainedParameters } from "./step.ts";
import type { Tuning } from "./tuning.ts";
import { keptVariables } from "./tuning-node.ts";
import { compileValidation, validate } from "./validate.ts";

/** Something around the model that learns, and from which the model is taken when a run writes it. */
export interface Trainee {
  readonly model: Classifier;
  /** Writes what was learnt into the run's folder. */
  readonly save: (folder: string) => Promise<void>;
}

/** Model, data and recipe. */
export interface TrainingOptions {
  /** The model with its first weights, and the preprocessing that it keeps. */
  readonly pretrained: Pretrained;
  readonly train: Dataset;
  /** What the best epoch is chosen by; without it, the last epoch is kept. */
  readonly validation?: Dataset | undefined;
  readonly recipe: Recipe;
  /** Which parameters are trained, by name; those that the recipe tunes without it. */
  readonly trained?: ((name: string) => boolean) | undefined;
  /** Whom the recipe's `distillation` learns from. */
  readonly teacher?: Pretrained | undefined;
  /** What is minimised; the recipe's loss of the model's logits without it. */
  readonly objective?: Objective | undefined;
  /** What learns in the model's place, by the objective. */
  readonly trainee?: Trainee | undefined;
  readonly seed: number;
  readonly runtime: Runtime;
  /** Loader threads. */
  readonly workers?: number;
  /** Where decoded images are kept for later epochs; the batches are the same. */
  readonly stores?: { readonly train: ImageStoreOptions; readonly validation: ImageStoreOptions } | undefined;
  /** A file that cannot be read stops the run instead of being skipped. */
  readonly strict?: boolean;
}

/** A training that is ready for its first step. */
export interface Training {
  readonly learner: Learner;
  /** What the training changes: the trained parameters, and the buffers. */
  readonly variables: ReadonlyMap<string, Variable>;
  readonly stepsPerEpoch: number;
  /** Batches of an epoch, from the given one on. */
  batches(epoch: number, from: number): AsyncIterable<Batch>;
  /** Loss and accuracy on the validation images, of the model as it is now; absent where there are none. */
  readonly evaluate: (() => Promise<Means>) | undefined;
  /** Validation images that could not be read so far. */
  badFiles(): readonly BadFile[];
  close(): Promise<void>;
}

/** Images of one batch: the recipe's, or all of an epoch where there are fewer. */
export function batchSizeOf({ recipe, train }: Pick<TrainingOptions, "recipe" | "train">): number {
  return Math.min(recipe.batchSize, imagesPerEpoch(train.length, { shuffle: true, repeats: recipe.repeats }));
}

/**
 * Compiles and opens what a training needs.
 * @param onImages sees images of the first epoch as they are learnt from, normalised, before its first step
 * @throws {VitrineError} INVALID_ARGUMENT for a recipe that does not fit the data.
 */
export async function openTraining(
  options: TrainingOptions,
  tuning: Tuning,
  onImages?: (images: ImageBatch) => Promise<void>,
): Promise<Training> {
  const { pretrained, recipe, seed, runtime, trained, strict = false } = options;
  const { model, preprocessing } = pretrained;
  const batchSize = batchSizeOf(options);
  const closing: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(closing.map((end) => end()));
  };
  const closedAtTheEnd = <T extends { dispose(): Promise<void> } | undefined>(one: T): T => {
    if (one) closing.push(() => one.dispose());
    return one;
  };
  try {
    // What is trained: the model, or its end on features that are computed once.
    const probe = keepsFeatures(options) ? new Probe(model, trained!, preprocessing.inputSize) : undefined;
    const frozen = closedAtTheEnd(await probe?.compileFeatures(runtime));
    const classifier = options.trainee?.model ?? probe ?? model;
    const imageShape = probe?.imageShape ?? preprocessing.inputSize;

    const load = (dataset: Dataset, part: "train" | "validation", changes: Partial<BatchPlan>): Loader => {
      const plan: BatchPlan = { preprocessing, batchSize, shuffle: false, dropLast: false, seed, ...changes };
      const images = frozen ? { ...plan, shuffle: false, dropLast: false } : plan;
      const loader = openLoader(dataset, images, {
        strict,
        workers: options.workers ?? 2,
        store: options.stores?.[part],
      });
      closing.push(() => loader.close());
      if (!frozen) return loader;
      const views = plan.augmentation ? recipe.probeViews : 1;
      const { length, classes } = dataset;
      const shown = part === "train" ? onImages : undefined;
      return featureLoader({
        ...{ images: loader, frozen, length, classes: classes.length, plan, views, onImages: shown },
      });
    };
    const training = load(options.train, "train", {
      shuffle: true,
      dropLast: true,
      balance: recipe.balance,
      repeats: recipe.repeats,
      soften: recipe.labelSmoothing,
      augmentation: augmentationOf(recipe),
      mix: recipe.mixup + recipe.cutmix > 0 ? { mixup: recipe.mixup, cutmix: recipe.cutmix } : undefined,
    });
    const validation = options.validation && load(options.validation, "validation", {});
    const stepsPerEpoch = wholeSteps(training.batchesPerEpoch, recipe.accumulate);
    const variables = keptVariables(options.trainee?.model ?? model, tuning);
    const learner = closedAtTheEnd(
      await compileLearner(classifier, {
        runtime,
        optimizer: optimizerOf(recipe, trainedParameters(classifier, trained)),
        average: averageOf(recipe, variables.values()),
        accumulate: recipe.accumulate,
        recompute: recipe.recompute,
        batchSize,
        imageShape,
        labels: pretrained.labels.length,
        clipNorm: recipe.clipNorm ?? undefined,
        trained,
        objective:
          options.objective ??
          closedAtTheEnd(await taught(options)) ??
          classification(classifier, labelLossOf(recipe), modeOf(recipe)),
      }),
    );
    const measure = closedAtTheEnd(validation && (await compileValidation(classifier, imageShape, runtime)));
    return {
      learner,
      variables,
      stepsPerEpoch,
      batches: (epoch, from) => {
        const batches = training.epoch(epoch, from);
        return onImages && !frozen && epoch === 0 ? showing(batches, onImages) : batches;
      },
      evaluate: measure && validation ? () => validate(measure, validation.epoch(0)) : undefined,
      badFiles: () => validation?.badFiles ?? [],
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The batches of the first epoch, of which the first is shown. */
async function* showing(
  batches: AsyncIterable<Batch>,
  show: (images: ImageBatch) => Promise<void>,
): AsyncGenerator<Batch, void, undefined> {
  for await (const batch of batches) {
    if (batch.number === 0) await show(batch);
    yield batch;
  }
}

/** A probe learns from the features that the model will have in use: nothing is dropped in it, and no running statistic moves. */
function modeOf({ tune }: Recipe): Mode {
  return { train: tune !== "probe" };
}

/** The objective beside a teacher, where there is one. */
async function taught({
  pretrained,
  teacher,
  recipe,
  runtime,
}: TrainingOptions): Promise<DistillationObjective | undefined> {
  if (!teacher || recipe.distillation === "none") return undefined;
  return distillation({
    ...{ student: pretrained, teacher, runtime, weight: recipe.distillationAlpha },
    how:
      recipe.distillation === "hard" ? { kind: "hard" } : { kind: "soft", temperature: recipe.distillationTemperature },
    ...{ labelLoss: labelLossOf(recipe), mode: modeOf(recipe) },
  });
}

/** Stops unless a recipe that learns from a teacher has a fitting one, and no other has any. @throws {VitrineError} INVALID_ARGUMENT */
export function requireTeacher({ pretrained, teacher, recipe }: TrainingOptions): void {
  const wanted = recipe.distillation !== "none";
  if (teacher && wanted) requireFittingTeacher(pretrained, teacher);
  if ((teacher !== undefined) === wanted) return;
  throw new VitrineError("INVALID_ARGUMENT", {
    rule: "distillation needs a teacher, and a teacher distillation",
    evidence: teacher ? "distillation is none" : `distillation is ${recipe.distillation}, and there is no teacher`,
    next: teacher
      ? "set distillation to hard or soft"
      : "name a model that was trained on the same classes with --teacher",
  });
}

/** Whether the frozen part of a probe is computed once for each image: not where pixels are mixed, or a teacher sees them. */
function keepsFeatures({ recipe, objective, teacher }: TrainingOptions): boolean {
  return (
    recipe.tune === "probe" && recipe.probeViews > 0 && recipe.mixup + recipe.cutmix === 0 && !objective && !teacher
  );
}

/** What a step learns from, of a batch of a loader. */
export function trainingBatch({ images, shape, targets, bad }: Batch): TrainingBatch {
  const b = shape[0];
  return {
    images: { dtype: "float32", shape, data: images },
    targets: { dtype: "float32", shape: [b, targets!.length / b], data: targets! },
    skipped: bad,
  };
}

/** Stops unless data and model have the same classes. @throws {VitrineError} DATA_PROBLEM */
export function requireMatchingClasses({ pretrained, train, validation }: TrainingOptions): void {
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
