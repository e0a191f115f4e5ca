/** What a training run consists of, from the options that were typed: data, model, recipe. */

import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import * as v from "valibot";
import type { Dataset } from "../data/datasets/dataset.ts";
import type { FolderDataset, Skipped } from "../data/datasets/folder-node.ts";
import { sampled, stratifiedSplit, subset } from "../data/datasets/subset.ts";
import { openDataset } from "../data/open-node.ts";
import { VitrineError } from "../errors.ts";
import { familyOf, modelNames, type OptionsNamed } from "../models/registry.ts";
import { newPretrained } from "../pretrained/new.ts";
import type { Pretrained } from "../pretrained/pretrained.ts";
import { type Preset, presetForPictures, presets } from "../train/presets.ts";
import { fineTuning, fromScratch, type Recipe, recipeFrom } from "../train/recipe.ts";
import type { Context } from "./context.ts";
import { loadModel } from "./model.ts";

/** What makes a run; kept in its folder, so that `--resume` needs nothing else. Paths are absolute. */
export interface TrainSettings {
  readonly data: string;
  readonly dataDir?: string | undefined;
  readonly model?: string | undefined;
  readonly from?: string | undefined;
  readonly arch?: string | undefined;
  readonly limit?: number | undefined;
  /** What differs in the model. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
}

const text = v.optional(v.string());
const settingsSchema: v.GenericSchema<unknown, TrainSettings> = v.object({
  data: v.string(),
  dataDir: text,
  model: text,
  from: text,
  arch: text,
  limit: v.optional(v.number()),
  options: v.optional(v.record(v.string(), v.unknown())),
});

/** Settings from those of the run before, if any, and what was typed. */
export function settingsFrom(
  before: Readonly<Record<string, unknown>> | undefined,
  typed: Readonly<Record<keyof TrainSettings, unknown>>,
): TrainSettings {
  return v.parse(settingsSchema, { ...before, ...defined(typed) });
}

/** The entries that have a value. */
export function defined(entries: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined));
}

/** Data to learn from and to choose the best epoch by. */
export interface TrainingData {
  readonly train: Dataset;
  readonly validation: Dataset | undefined;
  /** Where the validation images come from, in words. */
  readonly validationFrom: string;
  /** Files of the folder that are no images. */
  readonly skipped: readonly Skipped[];
}

/** Share of a folder's images that is held back where it has no validation images of its own. */
const heldBack = 0.1;

/** Opens the data of a run. */
export async function openTrainingData(settings: TrainSettings, seed: number): Promise<TrainingData> {
  const { data, dataDir, limit } = settings;
  // Test images are for the last word (`eval`): whoever chose the best epoch by them would report too much.
  const { train: all, validation: own, test } = await openDataset(data, { dataDir, seed });
  const some = (dataset: Dataset): Dataset => (limit === undefined ? dataset : sampled(dataset, limit, seed));
  const skipped = [all, own, test].flatMap((part) => (part && isFolder(part) ? part.skipped : []));
  if (own) return { train: some(all), validation: some(own), validationFrom: "its validation images", skipped };
  const train = some(all);
  const [first, second] = stratifiedSplit(train, heldBack, seed);
  if (second.length === 0) return { train, validation: undefined, validationFrom: "none: too few images", skipped };
  return {
    train: subset(train, first, `${train.name}/train`),
    validation: subset(train, second, `${train.name}/held back`),
    validationFrom: `${second.length} of its images, held back (one in ten of each class, chosen by --seed)`,
    skipped,
  };
}

function isFolder(dataset: Dataset): dataset is FolderDataset {
  return dataset.source.kind === "folder";
}

/** The model before its first step, and the recipe that fits it. */
export interface TrainingStart {
  readonly pretrained: Pretrained;
  readonly recipe: Recipe;
}

/**
 * Loads or makes the model of a run.
 * @param changes settings of the recipe, over those that fit the model
 * @throws {VitrineError} whatever loading throws; INVALID_ARGUMENT for settings out of range
 */
export async function startTraining(
  context: Context,
  settings: TrainSettings,
  data: TrainingData,
  seed: number,
  changes: Readonly<Record<string, unknown>>,
): Promise<TrainingStart> {
  const { model, from, arch } = settings;
  const labels = data.train.classes;
  const options = checkModelOptions(settings.options ?? {}, model);
  const recipeOf = (base: Recipe): Recipe => recipeFrom(base, changes, "the recipe");
  if (from !== undefined) {
    const recipe = recipeOf(fineTuning);
    const { imageSize, ...overrides } = options;
    const pretrained = await loadModel(context, from, {
      arch,
      newHead: { labels, seed },
      overrides: { ...overrides, dropPath: recipe.dropPath },
      resize: imageSize === undefined ? undefined : { imageSize, rule: "timm" },
    });
    return { pretrained, recipe };
  }
  if (model !== undefined) {
    // Named models take images of their own size, which the data's seldom have.
    const recipe = recipeOf({ ...fromScratch, crop: "resized", cropScale: [0.25, 1] });
    const pretrained = newPretrained(model, { labels, options: { ...options, dropPath: recipe.dropPath } });
    pretrained.model.initialize(seed);
    return { pretrained, recipe };
  }
  const { architecture, preprocessing, recipe: base, options: small } = await presetOf(settings, data);
  const recipe = recipeOf(base);
  const pretrained = newPretrained(architecture, {
    labels,
    options: { ...small, ...options, dropPath: recipe.dropPath },
    ...(options.imageSize === undefined && options.channels === undefined ? { preprocessing } : {}),
  });
  pretrained.model.initialize(seed);
  return { pretrained, recipe };
}

async function presetOf({ data }: TrainSettings, { train }: TrainingData): Promise<Preset> {
  const named = Object.hasOwn(presets, data) ? presets[data] : undefined;
  if (named) return named;
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
      place: data,
    });
  return presetForPictures(found.sort((a, b) => a - b)[Math.floor(found.length / 2)]!);
}

const optionsSchema = v.record(v.string(), v.unknown());

/** The settings of a named model's family with their usual values; without a name, of all families. */
function settingsOf(model: string | undefined): ReadonlyMap<string, unknown> {
  const families = new Set((model === undefined ? modelNames() : [model]).map(familyOf));
  const entries = [...families].reverse().flatMap((family) => Object.entries(family.config({})));
  return new Map(entries.filter(([name]) => name !== "labels" && name !== "stem"));
}

/** Options of a model from JSON: known names, and values of the right kind; what contradicts each other the model says itself. */
function checkModelOptions(
  given: Readonly<Record<string, unknown>>,
  model: string | undefined,
): Omit<OptionsNamed<string>, "labels"> {
  const knownOptions = settingsOf(model);
  for (const [name, value] of Object.entries(given)) {
    const refuse = (rule: string): never => {
      throw new VitrineError("INVALID_ARGUMENT", {
        rule,
        evidence: `got ${JSON.stringify(value)}`,
        place: "`model` of the configuration",
        next: `its settings are ${[...knownOptions.keys()].join(", ")}`,
      });
    };
    if (!knownOptions.has(name)) refuse(`${name} is no setting of a model`);
    const usual = knownOptions.get(name);
    const isSize = name === "imageSize" || name === "patchSize";
    const fits = isSize
      ? [value].flat().every((side) => typeof side === "number")
      : usual === undefined
        ? ["number", "string"].includes(typeof value)
        : typeof value === typeof usual;
    if (!fits) refuse(`${name} must be a ${isSize ? "size in pixels" : usual === undefined ? "number" : typeof usual}`);
  }
  return given as Omit<OptionsNamed<string>, "labels">;
}

/**
 * Reads `--config`: settings of the recipe, and `model`.
 * @throws {VitrineError} NOT_FOUND, or INVALID_FILE when it is no JSON object.
 */
export async function readConfig(path: string): Promise<{
  readonly changes: Readonly<Record<string, unknown>>;
  readonly options: Readonly<Record<string, unknown>>;
}> {
  const text = await readFile(path, "utf8").catch((cause: Error) => {
    throw new VitrineError("NOT_FOUND", { rule: "--config must be a readable file", evidence: path, cause });
  });
  try {
    const { model = {}, ...changes } = v.parse(optionsSchema, JSON.parse(text));
    return { changes, options: v.parse(optionsSchema, model) };
  } catch (cause) {
    throw new VitrineError("INVALID_FILE", {
      rule: "--config must be a JSON object of settings, `model` one of the model's",
      evidence: (cause as Error).message.split("\n")[0],
      place: path,
      cause,
    });
  }
}

/** What lies on this disk by its absolute path, so that a run can be continued from any folder; names as they are. */
export async function absolute(reference: string | undefined): Promise<string | undefined> {
  if (reference === undefined) return undefined;
  const there = await stat(reference).catch(() => undefined);
  return there && !Object.hasOwn(presets, reference) ? resolve(reference) : reference;
}
