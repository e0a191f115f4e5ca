/** A model from what its folder or file says, wherever that was read. */

import type { Preprocessing } from "../data/preprocess.ts";
import { preprocessingFromHuggingFace, preprocessingFromTimm } from "../data/preprocess-config.ts";
import { VitrineError } from "../errors.ts";
import { foldIn, keyOf } from "../graph/random.ts";
import type { ImageClassifierConfig } from "../models/classifier.ts";
import { familyNamed } from "../models/families.ts";
import type { Family } from "../models/family.ts";
import type { ImageClassifierOptions, OptionsWithout } from "../models/registry.ts";
import type { GridSize, PositionRule } from "../nn/positions.ts";
import type { WeightSource } from "../weights/source.ts";
import type { ConfigFile } from "./config-file.ts";
import { fillModel, withOwnNames } from "./fill-model.ts";
import { labelsFor } from "./labels.ts";
import { defaultPreprocessing, preprocessingForSize } from "./prepare.ts";
import type { Pretrained } from "./pretrained.ts";

/** A head for these labels. */
export interface NewHead {
  readonly labels: readonly string[];
  readonly seed: number;
  /** The model's own head stays where its labels are these, in this order. */
  readonly unlessSame?: boolean | undefined;
}

/** The head that a model with these labels gets; `undefined` where it keeps its own. */
export function headFor(newHead: NewHead | undefined, own: readonly string[] | undefined): NewHead | undefined {
  const isSame =
    newHead && own?.length === newHead.labels.length && own.every((label, i) => label === newHead.labels[i]);
  return newHead?.unlessSame && isSame ? undefined : newHead;
}

/** How the model shall differ from what its files say. */
export interface ModelChanges {
  /** Names of the labels, by index, instead of those that the files give. */
  readonly labels?: readonly string[] | undefined;
  /** A fresh head for other labels, its weights drawn from a seed: the start of fine-tuning. */
  readonly newHead?: NewHead | undefined;
  /** Makes the model one for images of another size, in pixels, or for other `windows`; its tables of positions are resized by the named rule. */
  readonly resize?: { readonly imageSize: number | GridSize; readonly rule: PositionRule } | undefined;
  /** What else differs from the files' configuration, without changing a weight's shape (`{ dropPath: 0.1 }`). */
  readonly overrides?: OptionsWithout<ImageClassifierOptions, "labels" | "imageSize"> | undefined;
}

/**
 * The model that a configuration describes, with weights from a source.
 * @param fromFile preprocessing that a file of its own says
 * @throws {VitrineError} WEIGHTS_MISMATCH, INVALID_FILE or INVALID_ARGUMENT.
 */
export async function assemble(
  name: string,
  { family, architecture, config, labels: named, pretrainedConfig, fineTuning }: ConfigFile,
  fromFile: Preprocessing | undefined,
  source: WeightSource,
  { labels, newHead: asked, resize, overrides }: ModelChanges,
): Promise<Pretrained> {
  const newHead = headFor(asked, named);
  for (const option of Object.keys(overrides ?? {}))
    if (!(option in config))
      throw new VitrineError("INVALID_ARGUMENT", { rule: `${option} is no setting of this model`, place: name });
  const own = family.config({ ...config, ...(newHead ? formUnder(fineTuning, overrides) : {}), ...overrides });
  const wanted = family.config({
    ...own,
    ...(newHead ? { labels: newHead.labels.length } : {}),
    ...(resize ? { imageSize: resize.imageSize } : {}),
  });
  const model = family.create(wanted);
  const renamed = withOwnNames(source, family.namings);
  const fitting = resize ? family.resizeWeights(renamed, config, wanted, resize.rule) : renamed;
  const fresh = newHead ? [...family.heads, ...(family.freshBesideHead?.(renamed, wanted) ?? [])] : [];
  await fillModel(model, fitting, { keep: fresh });
  if (newHead) {
    const parts = model.modules();
    for (const name of fresh) parts.get(name)?.initialize(foldIn(keyOf(newHead.seed), name));
    // Naming starts from the root again.
    model.variables();
  }
  const preprocessing =
    fromFile ??
    (pretrainedConfig?.input_size
      ? preprocessingFromTimm(pretrainedConfig, source.place)
      : defaultPreprocessing(family.models.get(architecture)!, own));
  requireSameSize(preprocessing, own, family, source.place);
  return {
    name,
    architecture,
    model,
    preprocessing: resize ? preprocessingForSize(preprocessing, model.config.imageSize) : preprocessing,
    ...(newHead ? { labels: newHead.labels } : await labelsFor(model.config.labels, labels ?? named, source.place)),
    freshHead: newHead !== undefined,
  };
}

/** The form of fine-tuning, all of it or nothing: a setting that was asked for is meant for the form of the files. */
function formUnder(fineTuning: object = {}, overrides: object = {}): object {
  return Object.keys(fineTuning).some((option) => option in overrides) ? {} : fineTuning;
}

/** A model of a named architecture; the source says how many labels it has. */
export async function assembleNamed(arch: string, source: WeightSource, changes: ModelChanges): Promise<Pretrained> {
  const { family, model } = await familyNamed(arch);
  const renamed = withOwnNames(source, family.namings);
  const head = `${family.heads[0]}.weight`;
  const [rows = 0] = renamed.has(head) ? renamed.info(head).shape : [];
  const headless = rows === 0 ? family.tagged?.get(arch)?.headless : undefined;
  const file: ConfigFile = {
    family,
    architecture: model.name,
    config: family.config({ ...model.options, ...headless, labels: rows }),
    labels: undefined,
    pretrainedConfig: undefined,
    processor: undefined,
    fineTuning: Object.fromEntries(Object.entries(model.options).filter(([option]) => headless && option in headless)),
  };
  try {
    return await assemble(model.name, file, defaultPreprocessing(model, file.config), source, changes);
  } catch (error) {
    const next = family.remedy?.(renamed, model.name);
    if (!(error instanceof VitrineError) || error.code !== "WEIGHTS_MISMATCH" || next === undefined) throw error;
    throw new VitrineError(error.code, { ...error.fields, next });
  }
}

/** @throws {VitrineError} INVALID_ARGUMENT where a weights file comes without its architecture. */
export function requireArchitecture(arch: string | undefined, place: string, remedy: string): string {
  if (arch !== undefined) return arch;
  throw new VitrineError("INVALID_ARGUMENT", {
    rule: "a weights file alone does not say its architecture",
    place,
    next: `${remedy} (timm's name, as vit_tiny_patch16_224), or give a folder with config.json`,
  });
}

/** Pictures must be prepared for the model that sees them; one that takes any size is content with all. */
function requireSameSize(
  { inputSize }: Preprocessing,
  config: ImageClassifierConfig,
  family: Family,
  place: string,
): void {
  const [channels, ...size] = inputSize;
  const fits = family.takesAnySize(config) || size.join() === config.imageSize.join();
  if (fits && channels === config.channels) return;
  throw new VitrineError("INVALID_FILE", {
    rule: `the model takes pictures of ${config.channels} × ${config.imageSize.join(" × ")}`,
    evidence: `its preprocessing makes ${inputSize.join(" × ")}`,
    place,
    next: "correct input_size in config.json, or the sizes in preprocessor_config.json",
  });
}

/**
 * What a folder's `preprocessor_config.json` says; without it, what transformers then does, or undefined for a folder of timm's.
 * @param json the parsed file; undefined where there is none
 */
export function folderPreprocessing(
  json: unknown,
  place: string,
  { config, processor }: ConfigFile,
): Preprocessing | undefined {
  if (json !== undefined) return preprocessingFromHuggingFace(json, place);
  if (!processor) return undefined;
  const [height, width] = config.imageSize;
  return preprocessingFromHuggingFace({ size: { height, width }, ...processor }, place);
}
