/** Model and recipe of a training run: what was asked for, and what fits the data where nothing was. */

import type { Dataset } from "../data/datasets/dataset.ts";
import { VitrineError } from "../errors.ts";
import { type Choice, chooseRecipe, type Finding, findingsOf, type TrainingFacts } from "../inspect/index.ts";
import { OnnxClassifier } from "../pretrained/onnx-classifier.ts";
import type { Pretrained } from "../pretrained/pretrained.ts";
import { fromScratch, type Recipe, recipeFrom } from "../train/recipe.ts";
import { adapterTargets } from "../train/tuning.ts";
import type { Context } from "./context.ts";
import { setHead } from "./first-head.ts";
import { loadModel } from "./model.ts";
import { isOwnData, type TrainingData } from "./train-data.ts";
import { newModel, trainedModel, typicalSide, weightsFor } from "./train-model.ts";
import type { TrainSettings } from "./train-settings.ts";

/** The model before its first step, the recipe that fits it, and why. */
export interface TrainingStart {
  readonly pretrained: Pretrained;
  /** Whom it learns from beside the labels. */
  readonly teacher: Pretrained | undefined;
  readonly recipe: Recipe;
  readonly choices: readonly Choice[];
  readonly findings: readonly Finding[];
  /** Settings that were chosen, to be kept with those that were typed. */
  readonly chosen: Partial<TrainSettings>;
}

/** What is asked of `startTraining`. */
export interface StartOptions {
  /** Settings of the recipe, over those that fit the model. */
  readonly changes: Readonly<Record<string, unknown>>;
  /** A run that goes on: its recipe is whole, and nothing is chosen. */
  readonly resume?: boolean;
  /** Threads that read images. */
  readonly workers?: number;
}

/** With more images, features take longer than their advice is worth. */
const mostForFeatures = 20_000;

/**
 * Loads or makes the model of a run.
 * @throws {VitrineError} whatever loading throws; INVALID_ARGUMENT for settings out of range
 */
export async function startTraining(
  context: Context,
  settings: TrainSettings,
  data: TrainingData,
  seed: number,
  { changes, resume = false, workers = 2 }: StartOptions,
): Promise<TrainingStart> {
  // Settings out of range are said before anything is loaded.
  recipeFrom(fromScratch, changes, "the recipe");
  const weights = resume ? undefined : await weightsFor(settings, data);
  const from = settings.from ?? weights?.from;
  const { pretrained, base, isPreset, sizeReason } =
    from === undefined
      ? await newModel(settings, data, seed, changes)
      : await trainedModel(context, { ...settings, from }, data, seed, changes);
  if (!resume) refuseUnfit(settings, changes, from, pretrained);
  const teacher = settings.teacher === undefined ? undefined : await loadModel(context, settings.teacher);
  if (resume) {
    if (settings.closedForm) await setHead(context, pretrained, data, { seed, workers });
    const recipe = recipeFrom(base, changes, "the recipe");
    return { pretrained, teacher, recipe, choices: [], findings: [], chosen: {} };
  }
  const keptHead = from !== undefined && !pretrained.freshHead;
  const judge = data.inspection !== undefined;
  // A class is known by how its images differ: one each says nothing of that.
  const few = data.train.length < 2 * data.train.classes.length;
  const many = data.train.length > mostForFeatures;
  const replace = !keptHead && settings.head !== "random";
  const head =
    from !== undefined && ((!few && !many) || settings.head === "closed")
      ? await setHead(context, pretrained, data, { seed, workers, judge, replace })
      : undefined;
  const counts = countsOf(data.train);
  const facts: TrainingFacts = {
    images: data.train.length,
    classes: data.train.classes,
    smallestClass: Math.min(...counts),
    largestClass: Math.max(...counts),
    weights: from !== undefined,
    probeAccuracy: head?.accuracy,
    trainedHead: keptHead || (head?.used ?? false),
    adapterTargets: await adapterTargets(pretrained),
    shorterSide: isOwnData(settings) ? await typicalSide(data, settings.data) : undefined,
    inputSide: Math.max(...pretrained.preprocessing.inputSize.slice(1)),
    base,
    isPreset,
  };
  const { recipe, choices } = chooseRecipe(facts, changes as Partial<Recipe>);
  const size = pretrained.preprocessing.inputSize.slice(1).join(" × ");
  const all: Choice[] = [
    ...(weights ? [weights.choice] : []),
    ...(pretrained.model instanceof OnnxClassifier ? pretrained.model.remarks : []),
    ...choices,
    ...(from === undefined ? [] : headChoice(settings.head, { kept: keptHead, closedForm: head?.used, few, many })),
    {
      what: "image size",
      value: size,
      reason: sizeReason,
    },
  ];
  const findings = data.inspection ? findingsOf(data.inspection, head?.suspects ?? []) : [];
  return {
    pretrained,
    teacher,
    recipe: recipeFrom(recipe, {}, "the recipe"),
    choices: all,
    findings,
    chosen: {
      ...{ from, closedForm: head?.used, copies: data.copies, images: data.train.length },
      ...{ choices: all, findings: findings.map(shortened) },
    },
  };
}

interface HeadFacts {
  readonly kept: boolean;
  readonly closedForm: boolean | undefined;
  /** Too few, or too many images for a head in closed form. */
  readonly few: boolean;
  readonly many: boolean;
}

function headChoice(
  asked: TrainSettings["head"],
  { kept, closedForm = false, few, many }: HeadFacts,
): readonly Choice[] {
  const notClosed = few
    ? "a linear head in closed form needs two images a class"
    : many
      ? "what the weights see of so many images takes longer than a head in closed form is worth"
      : "the model has several heads, or one that is no linear map of the features";
  const [value, reason] = kept
    ? ["kept", "the model's classes are the data's, in the same order"]
    : closedForm
      ? ["closed form", "training begins with the best linear head on the features, not with a random one"]
      : ["random", notClosed];
  const isAsked = asked !== undefined && (asked !== "closed" || closedForm);
  return [{ what: "head", value, reason: isAsked ? "as asked" : reason }];
}

/**
 * Stops where what was asked for has nothing to stand on.
 * @throws {VitrineError} INVALID_ARGUMENT
 */
function refuseUnfit(
  { head, data }: TrainSettings,
  { tune }: Readonly<Record<string, unknown>>,
  from: string | undefined,
  { freshHead, labels }: Pretrained,
): void {
  const next = "name trained weights with --from REF, such as timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k";
  if (from === undefined && (tune === "lora" || tune === "probe"))
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "what leaves weights as they are must begin with trained ones",
      evidence: `got tune ${tune} and random weights`,
      next: `${next}, or leave --tune out`,
    });
  if (from === undefined && head !== undefined)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "--head is for models that begin with trained weights",
      evidence: `got ${head} and random weights`,
      next,
    });
  if (head === "keep" && freshHead)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "a head is kept where the model's classes are the data's, in the same order",
      evidence: `the data's are ${labels.slice(0, 5).join(", ")}${labels.length > 5 ? ", …" : ""}`,
      place: data,
      next: "leave --head out: the model gets a head for these classes",
    });
}

/** A folder keeps the first examples of each finding: thousands would drown the recipe. */
const keptExamples = 50;

function shortened(finding: Finding): Finding {
  return { ...finding, examples: finding.examples.slice(0, keptExamples) };
}

function countsOf({ classes, length, labelOf }: Dataset): readonly number[] {
  const counts = classes.map(() => 0);
  for (let i = 0; i < length; i++) counts[labelOf(i)]!++;
  return counts;
}
