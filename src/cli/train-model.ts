/** The model of a training run before its first step: what was asked for, and what fits the data's images where nothing was. */

import type { Preprocessing } from "../data/preprocess.ts";
import { VitrineError } from "../errors.ts";
import type { Choice } from "../inspect/index.ts";
import { familyNamed } from "../models/families.ts";
import { newPretrained } from "../pretrained/new.ts";
import type { Pretrained } from "../pretrained/pretrained.ts";
import { type Preset, presetForNamed, presetForPictures, presets, wholeImages } from "../train/presets.ts";
import { fineTuning, fromScratch, type Recipe, recipeFrom } from "../train/recipe.ts";
import type { Context } from "./context.ts";
import { findWeights } from "./find-weights.ts";
import { loadModel } from "./model.ts";
import { byteSize } from "./numbers.ts";
import type { TrainingData } from "./train-data.ts";
import { checkModelOptions, type TrainSettings } from "./train-settings.ts";

/** A model before its first step. */
export interface FirstModel {
  readonly pretrained: Pretrained;
  readonly base: Recipe;
  readonly isPreset: boolean;
  /** Why images have the size that they have. */
  readonly sizeReason: string;
}

/** The model of trained weights, with a head for the data. */
export async function trainedModel(
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

/** A model with random weights: the one that was asked for, or one that fits the images. */
export async function newModel(
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
export async function typicalSide(
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
export async function weightsFor(
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
