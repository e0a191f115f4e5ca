/** A model ready for use from whatever names it: a folder, a weights file, a repository of the hub, or a name in the package. Node only. */

import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { VitrineError } from "../errors.ts";
import { systemReason } from "../files/write-node.ts";
import { modelNames } from "../models/registry.ts";
import { openWeights } from "../weights/open-node.ts";
import { isAdapter, loadAdapted } from "./adapted-node.ts";
import { assemble, assembleNamed, folderPreprocessing, type ModelChanges, requireArchitecture } from "./assemble.ts";
import { readConfigFile } from "./config-file.ts";
import { type LocateOptions, locate } from "./locate-node.ts";
import { loadOnnx, onnxFile, onnxLabels, onnxType } from "./onnx-node.ts";
import { packagedModels } from "./packaged-node.ts";
import type { Pretrained } from "./pretrained.ts";

/** What the reference alone does not say. */
export interface LoadOptions extends ModelChanges, LocateOptions {
  /** The architecture of a weights file, in timm's name; folders say it themselves. */
  readonly arch?: string | undefined;
}

/**
 * A model with its weights, preprocessing and labels.
 * @param reference a folder with `config.json` (timm's or Hugging Face's keys) and weights, one with a LoRA adapter (PEFT's `adapter_config.json`), a weights file (then with `arch`), an `.onnx` file of ours or with
 *   `preprocessor_config.json` beside it, a hub id, or a name
 * @throws {VitrineError} NOT_FOUND, UNKNOWN_NAME, INVALID_FILE, UNSAFE_FILE, WEIGHTS_MISMATCH or DOWNLOAD_FAILURE, saying what to do.
 */
export async function loadPretrained(reference: string, options: LoadOptions = {}): Promise<Pretrained> {
  const found = await locate(reference, options);
  switch (found.kind) {
    case "folder":
      return loadFolder(found.path, found.name, options);
    case "file":
      return loadFile(found.path, options);
    case "name":
      return loadPackaged(found.name, options);
  }
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
  if (isAdapter(folder)) return loadAdapted(folder, options, loadPretrained);
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
  if (isOnnx(json)) return loadOnnx(join(folder, onnxFile), name, options, onnxLabels(json));
  const config = await readConfigFile(json, configFile);
  const source = await openWeights(folder);
  try {
    const file = join(folder, "preprocessor_config.json");
    const preprocessing = folderPreprocessing(await readJson(file), file, config);
    return await assemble(name, config, preprocessing, source, options);
  } finally {
    await source.close();
  }
}

/** Whether a folder's `config.json` says that the model is the graph beside it. */
function isOnnx(json: unknown): json is object {
  return typeof json === "object" && json !== null && "model_type" in json && json.model_type === onnxType;
}

async function loadFile(path: string, options: LoadOptions): Promise<Pretrained> {
  if (path.endsWith(".onnx")) {
    if (options.arch === undefined) return loadOnnx(path, basename(path, ".onnx"), options);
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "an .onnx file holds its own graph",
      evidence: `got --arch ${options.arch}`,
      place: path,
      next: "leave --arch out",
    });
  }
  const arch = requireArchitecture(options.arch, path, "add --arch NAME");
  const source = await openWeights(path);
  try {
    return await assembleNamed(arch, source, options);
  } finally {
    await source.close();
  }
}

/** A parsed file; undefined where there is none. */
async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT" || cause.code === "ENOTDIR") return undefined;
    throw new VitrineError("INVALID_FILE", {
      rule: "the file must be readable",
      evidence: systemReason(cause),
      place: path,
    });
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
