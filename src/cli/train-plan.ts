/** Model and recipe of a training run: what was asked for, and what fits the data where nothing was. */

import type { Dataset } from "../data/datasets/dataset.ts";
import { openLoader } from "../data/loader-node.ts";
import type { Preprocessing } from "../data/preprocess.ts";
import { VitrineError } from "../errors.ts";
import {
  type Choice,
  chooseRecipe,
  crossValidate,
  type Features,
  type Finding,
  featuresOf,
  findingsOf,
  fitDiscriminant,
  judgeLabels,
  type LabelJudgement,
  startHead,
  type TrainingFacts,
} from "../inspect/index.ts";
import { familyNamed } from "../models/families.ts";
import { newPretrained } from "../pretrained/new.ts";
import { OnnxClassifier } from "../pretrained/onnx-classifier.ts";
import type { Pretrained } from "../pretrained/pretrained.ts";
import { type Preset, presetForNamed, presetForPictures, presets, wholeImages } from "../train/presets.ts";
import { fineTuning, fromScratch, type Recipe, recipeFrom } from "../train/recipe.ts";
import { adapterTargets } from "../train/tuning.ts";
import type { Context } from "./context.ts";
import { findWeights } from "./find-weights.ts";
import { loadModel } from "./model.ts";
import { byteSize } from "./numbers.ts";
import { isOwnData, type TrainingData } from "./train-data.ts";
import { checkModelOptions, type TrainSettings } from "./train-settings.ts";

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

interface FirstModel {
  readonly pretrained: Pretrained;
  readonly base: Recipe;
  readonly isPreset: boolean;
  /** Why images have the size that they have. */
  readonly sizeReason: string;
}

async function trainedModel(
  context: Context,
  { from, arch, options: given, model, head }: TrainSettings & { readonly from: string },
  { train }: TrainingData,
  seed: number,
  changes: Readonly<Record<string, unknown>>,
): Promise<FirstModel> {
  const { imageSize, ...overrides } = checkModelOptions(given ?? {}, model);
  const { dropPath } = recipeFrom(fineTuning, changes, "the recipe");
  const pretrained = await loadModel(context, from, {
    arch,
    newHead: { labels: train.classes, seed, unlessSame: head === undefined || head === "keep" },
    overrides: { ...overrides, dropPath },
    resize: imageSize === undefined ? undefined : { imageSize, rule: "timm" },
  });
  const sizeReason = imageSize === undefined ? "what the weights were trained at" : "as asked";
  return { pretrained, base: fineTuning, isPreset: false, sizeReason };
}

async function newModel(
  settings: TrainSettings,
  data: TrainingData,
  seed: number,
  changes: Readonly<Record<string, unknown>>,
): Promise<FirstModel> {
  const labels = data.train.classes;
  const options = checkModelOptions(settings.options ?? {}, settings.model);
  const made = (
    architecture: string,
    base: Recipe,
    rest: { readonly options: object; readonly preprocessing?: Preprocessing },
  ): Omit<FirstModel, "sizeReason"> => {
    const { dropPath } = recipeFrom(base, changes, "the recipe");
    const pretrained = newPretrained(architecture, { ...rest, labels, options: { ...rest.options, dropPath } });
    pretrained.model.initialize(seed);
    return { pretrained, base, isPreset: settings.model === undefined && Object.hasOwn(presets, settings.data) };
  };
  const { model } = settings;
  const sized = options.imageSize !== undefined || options.channels !== undefined;
  if (model === undefined) {
    const { architecture, preprocessing, recipe, options: small } = await presetOf(settings, data);
    const rest = { options: { ...small, ...options }, preprocessing: wholeImages(preprocessing, options) };
    const sizeReason = sized ? "as asked" : "that of the data set, or the largest that a typical image fills";
    return { ...made(architecture, recipe, rest), sizeReason };
  }
  const near = await smallImages(settings, data);
  const small = near && presetForNamed(await familyNamed(model), near);
  if (small) {
    const { recipe, options: fitting, preprocessing } = small;
    const sizeReason = sized
      ? "as asked"
      : `the data's images are small; other choices of the model follow it (${settingText(fitting)}), unless \`model\` of --config says otherwise`;
    const rest = { options: { ...fitting, ...options }, preprocessing: wholeImages(preprocessing, options) };
    return { ...made(model, recipe, rest), sizeReason };
  }
  if (near && sized) {
    const rest = { options, preprocessing: wholeImages(near.preprocessing, options) };
    return { ...made(model, near.recipe, rest), sizeReason: "as asked" };
  }
  const base: Recipe = { ...fromScratch, crop: "resized", cropScale: [0.25, 1] };
  return { ...made(model, base, { options }), sizeReason: sized ? "as asked" : "the architecture's own" };
}

/** The largest shorter side of a typical image that a named model is made smaller for. */
const smallSide = 128;

/** What fits the data's images, where these are small. */
async function smallImages(settings: TrainSettings, data: TrainingData): Promise<Preset | undefined> {
  if (!Object.hasOwn(presets, settings.data) && (await typicalSide(data, settings.data)) > smallSide) return undefined;
  return presetOf(settings, data);
}

const settingText = (options: object): string =>
  Object.entries(options)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");

/** The small model that fits the data's images. */
export async function presetOf(
  { data }: Pick<TrainSettings, "data">,
  looked: Pick<TrainingData, "train" | "inspection">,
): Promise<Preset> {
  const named = Object.hasOwn(presets, data) ? presets[data] : undefined;
  return named ?? presetForPictures(await typicalSide(looked, data));
}

/** The middle one of the images' shorter sides, or of those of some where nobody looked at all, in pixels. */
async function typicalSide(
  { train, inspection }: Pick<TrainingData, "train" | "inspection">,
  place: string,
): Promise<number> {
  const seen = inspection?.splits.find(({ split }) => split === "train")?.shorterSide;
  if (seen) return seen.median;
  const looks = Math.min(16, train.length);
  const found: number[] = [];
  for (let i = 0; i < looks; i++) {
    const sample = await train.get(Math.floor((i * train.length) / looks)).catch(() => undefined);
    if (sample) found.push(Math.min(sample.image.width, sample.image.height));
  }
  if (found.length === 0)
    throw new VitrineError("DATA_PROBLEM", {
      rule: "a data set must have readable images",
      evidence: `of ${looks} that were tried, none is`,
      place,
    });
  return found.sort((a, b) => a - b)[Math.floor(found.length / 2)]!;
}

/** Images smaller than this are no photographs. */
const photograph = 96;

/** Weights for somebody who named neither weights nor an architecture and has photographs. */
async function weightsFor(
  { data, from, model, options }: TrainSettings,
  looked: TrainingData,
): Promise<{ readonly from: string | undefined; readonly choice: Choice } | undefined> {
  if (
    from !== undefined ||
    model !== undefined ||
    Object.keys(options ?? {}).length > 0 ||
    Object.hasOwn(presets, data)
  )
    return undefined;
  if ((await typicalSide(looked, data)) < photograph) return undefined;
  const found = await findWeights();
  const choice = found
    ? {
        value: found.repo,
        reason: `${byteSize(found.bytes)} in the hub's cache, the largest there that a processor fine-tunes in reasonable time`,
      }
    : {
        value: "none",
        reason:
          "the hub's cache has none for photographs; --from timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k would fetch some (23 MB) and do much better",
      };
  return { from: found?.folder, choice: { what: "weights", ...choice } };
}

interface HeadOptions {
  readonly seed: number;
  readonly workers: number;
  /** Give the model the head that was found; default true. */
  readonly replace?: boolean;
  /** Look for wrong labels, too. */
  readonly judge?: boolean;
}

interface FirstHead {
  /** Whether the model has it now. */
  readonly used: boolean;
  /** Cross-validated, averaged over the classes. */
  readonly accuracy: number;
  readonly suspects: LabelJudgement["suspects"];
}

/** Computes what the model's head reads of each training image, and the best linear head for it, which the model gets unless its own stays. */
async function setHead(
  context: Context,
  pretrained: Pretrained,
  data: TrainingData,
  { seed, workers, judge = false, replace = true }: HeadOptions,
): Promise<FirstHead> {
  const features = await trainingFeatures(context, pretrained, data.train, workers);
  const groups = groupsOf(features, data);
  const { probe, suspects } = judge
    ? judgeLabels(features, { seed, groups })
    : { probe: crossValidate(features, { seed, groups }), suspects: [] };
  const used = replace && (await startHead(pretrained, fitDiscriminant(features, probe)));
  // Suspects are named by their place in what was inspected.
  const place = (row: number): number => inspectedPlace(features.indices[row]!, data);
  return {
    used,
    accuracy: probe.balancedAccuracy,
    suspects: suspects.map((one) => ({ ...one, index: place(one.index) })),
  };
}

/** What a model's head reads of each readable image, in order. */
export async function trainingFeatures(
  context: Context,
  pretrained: Pretrained,
  train: Dataset,
  workers: number,
): Promise<Features> {
  const { preprocessing } = pretrained;
  const plan = { preprocessing, batchSize: 8, shuffle: false, dropLast: false, seed: 0 };
  const loader = openLoader(train, plan, { workers, strict: false });
  const progress = await context.terminal.progress("what the weights see", train.length);
  try {
    return await featuresOf(pretrained, loader.epoch(0), train.classes.length, {
      runtime: await context.runtime(),
      signal: context.signal,
      onProgress: (done) => progress.update(done, ""),
    });
  } finally {
    progress.stop();
    await loader.close();
  }
}

function inspectedPlace(index: number, { inspected }: TrainingData): number {
  return inspected ? inspected[index]! : index;
}

/** For each row of features, the number of its group of copies. */
function groupsOf({ indices }: Features, data: TrainingData): Int32Array {
  const first = new Map(data.copies.flatMap((members) => members.map((index) => [index, members[0]!] as const)));
  return Int32Array.from(indices, (index) => {
    const place = inspectedPlace(index, data);
    return first.get(place) ?? place;
  });
}

function countsOf({ classes, length, labelOf }: Dataset): readonly number[] {
  const counts = classes.map(() => 0);
  for (let i = 0; i < length; i++) counts[labelOf(i)]!++;
  return counts;
}
