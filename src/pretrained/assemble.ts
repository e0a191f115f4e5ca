/** A model from what its folder or file says, wherever that was read. */

import type { Preprocessing } from "../data/preprocess.ts";
import { preprocessingFromHuggingFace, preprocessingFromTimm } from "../data/preprocess-config.ts";
import { VitrineError } from "../errors.ts";
import { foldIn, keyOf } from "../graph/random.ts";
import { modelNamed } from "../models/registry.ts";
import { ViT } from "../models/vit.ts";
import { type ViTConfig, type ViTOptions, vitConfig } from "../models/vit-config.ts";
import type { GridSize, PositionRule } from "../nn/positions.ts";
import type { WeightSource } from "../weights/source.ts";
import type { ConfigFile } from "./config-file.ts";
import { fillModel, withTimmNames } from "./fill-model.ts";
import { labelsFor } from "./labels.ts";
import { defaultPreprocessing, preprocessingForSize } from "./prepare.ts";
import type { Pretrained } from "./pretrained.ts";

/** How the model shall differ from what its files say. */
export interface ModelChanges {
  /** Names of the labels, by index, instead of those that the files give. */
  readonly labels?: readonly string[] | undefined;
  /** A fresh head for other labels, its weights drawn from a seed: the start of fine-tuning. */
  readonly newHead?: { readonly labels: readonly string[]; readonly seed: number } | undefined;
  /** Makes the model one for images of another size, in pixels; its position embeddings are resized by the named rule. */
  readonly resize?: { readonly imageSize: number | GridSize; readonly rule: PositionRule } | undefined;
  /** What else differs from the files' configuration, without changing a weight's shape (`{ dropPath: 0.1 }`). */
  readonly overrides?: Omit<ViTOptions, "labels" | "imageSize"> | undefined;
}

/**
 * The model that a configuration describes, with weights from a source.
 * @param fromFile preprocessing that a file of its own says
 * @throws {VitrineError} WEIGHTS_MISMATCH, INVALID_FILE or INVALID_ARGUMENT.
 */
export async function assemble(
  name: string,
  { architecture, config, labels: named, pretrainedConfig }: ConfigFile,
  fromFile: Preprocessing | undefined,
  source: WeightSource,
  { labels, newHead, resize, overrides }: ModelChanges,
): Promise<Pretrained> {
  const own = vitConfig({ ...config, ...overrides });
  const model = new ViT({
    ...own,
    ...(newHead ? { labels: newHead.labels.length } : {}),
    ...(resize ? { imageSize: resize.imageSize } : {}),
  });
  await fillModel(model, withTimmNames(source), {
    keepHead: newHead !== undefined,
    positions: resize && { from: new ViT(own).patchEmbed.grid, rule: resize.rule },
  });
  if (newHead) {
    for (const part of [model.head, model.headDist]) part?.initialize(foldIn(keyOf(newHead.seed), part.path));
    // Naming starts from the root again.
    model.variables();
  }
  const preprocessing =
    fromFile ??
    (pretrainedConfig?.input_size
      ? preprocessingFromTimm(pretrainedConfig, source.place)
      : defaultPreprocessing(architecture, own));
  requireSameSize(preprocessing, own, source.place);
  return {
    name,
    architecture,
    model,
    preprocessing: resize ? preprocessingForSize(preprocessing, model.config.imageSize) : preprocessing,
    labels: newHead?.labels ?? (await labelsFor(model.config.labels, labels ?? named, source.place)),
  };
}

/** A model of a named architecture; the source says how many labels it has. */
export async function assembleNamed(arch: string, source: WeightSource, changes: ModelChanges): Promise<Pretrained> {
  const named = modelNamed(arch);
  const renamed = withTimmNames(source);
  const [rows] = renamed.has("head.weight") ? renamed.info("head.weight").shape : [0];
  const config: ConfigFile = {
    architecture: named.name,
    config: vitConfig({ ...named.options, labels: rows ?? 0 }),
    labels: undefined,
    pretrainedConfig: undefined,
  };
  return assemble(named.name, config, undefined, source, changes);
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

/** Pictures must be prepared for the model that sees them; one that resizes its positions takes any. */
function requireSameSize({ inputSize }: Preprocessing, config: ViTConfig, place: string): void {
  const [channels, ...size] = inputSize;
  const fits = config.resizePositions !== undefined || size.join() === config.imageSize.join();
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
  { config, pretrainedConfig }: ConfigFile,
): Preprocessing | undefined {
  if (json !== undefined) return preprocessingFromHuggingFace(json, place);
  if (pretrainedConfig) return undefined;
  const [height, width] = config.imageSize;
  const mean = Array.from({ length: config.channels }, () => 0.5);
  const silent = {
    image_processor_type: "ViTImageProcessor",
    size: { height, width },
    image_mean: mean,
    image_std: mean,
  };
  return preprocessingFromHuggingFace(silent, place);
}
