/** A model ready for use from whatever names it: a folder, a weights file, a repository of the hub, or a name in the package. Node only. */

import { statSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Preprocessing } from "../data/preprocess.ts";
import { preprocessingFromHuggingFace, preprocessingFromTimm } from "../data/preprocess-config.ts";
import { VitrineError } from "../errors.ts";
import { foldIn, keyOf } from "../graph/random.ts";
import { modelNamed, modelNames } from "../models/registry.ts";
import { ViT } from "../models/vit.ts";
import { type ViTConfig, type ViTOptions, vitConfig } from "../models/vit-config.ts";
import type { GridSize, PositionRule } from "../nn/positions.ts";
import type { HubCall, HubOptions } from "../weights/hub-options-node.ts";
import { openWeights } from "../weights/open-node.ts";
import { parseReference } from "../weights/reference.ts";
import type { WeightSource } from "../weights/source.ts";
import { type ConfigFile, readConfigFile } from "./config-file.ts";
import { fillModel, withTimmNames } from "./fill-model.ts";
import { labelsFor } from "./labels.ts";
import { packagedModels } from "./packaged-node.ts";
import { defaultPreprocessing, preprocessingForSize } from "./prepare.ts";
import type { Pretrained } from "./pretrained.ts";

export interface LoadOptions {
  /** The architecture of a weights file, in timm's name; folders say it themselves. */
  readonly arch?: string | undefined;
  /** Names of the labels, by index, instead of those that the files give. */
  readonly labels?: readonly string[] | undefined;
  /** A fresh head for other labels, its weights drawn from a seed: the start of fine-tuning. */
  readonly newHead?: { readonly labels: readonly string[]; readonly seed: number } | undefined;
  /** Makes the model one for images of another size, in pixels; its position embeddings are resized by the named rule. */
  readonly resize?: { readonly imageSize: number | GridSize; readonly rule: PositionRule } | undefined;
  /** What else differs from the files' configuration, without changing a weight's shape (`{ dropPath: 0.1 }`). */
  readonly overrides?: Omit<ViTOptions, "labels" | "imageSize"> | undefined;
  /** Where the hub and its cache are; default: as the environment variables say. */
  readonly hub?: HubOptions | undefined;
  /** How downloads behave: progress, signal to stop. */
  readonly call?: HubCall | undefined;
}

/**
 * A model with its weights, preprocessing and labels.
 * @param reference a folder with `config.json` (timm's or Hugging Face's keys) and weights, a weights file (then with `arch`), a hub id, or a name
 * @throws {VitrineError} NOT_FOUND, UNKNOWN_NAME, INVALID_FILE, UNSAFE_FILE, WEIGHTS_MISMATCH or DOWNLOAD_FAILURE, saying what to do.
 */
export async function loadPretrained(reference: string, options: LoadOptions = {}): Promise<Pretrained> {
  const meant = parseReference(reference, kindOnDisk);
  switch (meant.kind) {
    case "directory":
      return loadFolder(meant.path, basename(join(meant.path, ".")), options);
    case "file":
      return loadFile(meant.path, options);
    case "hub": {
      const { downloadModel } = await import("../weights/hub-node.ts");
      const { hubOptionsFromEnvironment } = await import("../weights/hub-options-node.ts");
      const { repo, revision } = meant;
      const hub = options.hub ?? hubOptionsFromEnvironment(process.env);
      const { path } = await downloadModel({ repo, revision }, hub, options.call ?? {});
      return loadFolder(path, repo, options);
    }
    case "name":
      return loadPackaged(meant.name, options);
  }
}

function kindOnDisk(path: string): "directory" | "file" | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isDirectory() ? "directory" : found ? "file" : undefined;
}

async function loadPackaged(name: string, options: LoadOptions): Promise<Pretrained> {
  const packaged = packagedModels();
  const folder = packaged.get(name);
  if (folder) return loadFolder(folder, name, options);
  if (modelNames().includes(name.split(".", 1)[0]!))
    throw new VitrineError("NOT_FOUND", {
      rule: `${name} is the name of an architecture, and the package has no weights of it`,
      next: `give a folder, a weights file with --arch ${name}, or a hub id such as timm/${name}`,
    });
  throw new VitrineError("UNKNOWN_NAME", {
    rule: "a model must be a folder, a weights file, a hub id (org/name) or a name in the package",
    evidence: `got "${name}"`,
    next: packaged.size > 0 ? `the package has ${[...packaged.keys()].join(", ")}` : undefined,
  });
}

async function loadFolder(folder: string, name: string, options: LoadOptions): Promise<Pretrained> {
  const configFile = join(folder, "config.json");
  const json = await readJson(configFile);
  if (options.arch !== undefined) {
    if (json === undefined) return loadFile(folder, options);
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "a folder with config.json says its architecture itself",
      evidence: `got --arch ${options.arch}`,
      place: folder,
      next: "leave --arch out, or give the weights file itself",
    });
  }
  if (json === undefined)
    throw new VitrineError("NOT_FOUND", {
      rule: "a model's folder must have a config.json",
      place: folder,
      next: "say --arch NAME if there is none",
    });
  const config = readConfigFile(json, configFile);
  const source = await openWeights(folder);
  try {
    return await assemble(name, config, await folderPreprocessing(folder, config), source, options);
  } finally {
    await source.close();
  }
}

async function loadFile(path: string, options: LoadOptions): Promise<Pretrained> {
  if (options.arch === undefined)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "a weights file alone does not say its architecture",
      place: path,
      next: "add --arch NAME (timm's name, as vit_tiny_patch16_224), or give a folder with config.json",
    });
  const named = modelNamed(options.arch);
  const source = await openWeights(path);
  try {
    const renamed = withTimmNames(source);
    const [rows] = renamed.has("head.weight") ? renamed.info("head.weight").shape : [0];
    const config: ConfigFile = {
      architecture: named.name,
      config: vitConfig({ ...named.options, labels: rows ?? 0 }),
      labels: undefined,
      pretrainedConfig: undefined,
    };
    return await assemble(named.name, config, undefined, source, options);
  } finally {
    await source.close();
  }
}

async function assemble(
  name: string,
  { architecture, config, labels: named, pretrainedConfig }: ConfigFile,
  fromFile: Preprocessing | undefined,
  source: WeightSource,
  { labels, newHead, resize, overrides }: LoadOptions,
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

/** What `preprocessor_config.json` says; without it, what transformers then does, or undefined for a folder of timm's. */
async function folderPreprocessing(
  folder: string,
  { config, pretrainedConfig }: ConfigFile,
): Promise<Preprocessing | undefined> {
  const file = join(folder, "preprocessor_config.json");
  if (await stat(file).catch(() => undefined)) return preprocessingFromHuggingFace(await readJson(file), file);
  if (pretrainedConfig) return undefined;
  const [height, width] = config.imageSize;
  const mean = Array.from({ length: config.channels }, () => 0.5);
  const silent = {
    image_processor_type: "ViTImageProcessor",
    size: { height, width },
    image_mean: mean,
    image_std: mean,
  };
  return preprocessingFromHuggingFace(silent, file);
}

/** A parsed file; undefined where there is none. */
async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT" || cause.code === "ENOTDIR") return undefined;
    throw new VitrineError("INVALID_FILE", { rule: "the file must be readable", evidence: cause.code, place: path });
  });
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new VitrineError("INVALID_FILE", {
      rule: "the file must be JSON",
      evidence: (cause as Error).message,
      place: path,
      cause,
    });
  }
}
