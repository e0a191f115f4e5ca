/** A model into a folder that timm or transformers load unchanged. Node only. */

import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { preprocessingToHuggingFace } from "../data/preprocess-config.ts";
import { VitrineError } from "../errors.ts";
import { syncFolder, systemReason, writeFileAtomically } from "../files/write-node.ts";
import type { NdArray } from "../graph/dtype.ts";
import { familyOf } from "../models/registry.ts";
import { mergeLora } from "../nn/lora.ts";
import { inHalf } from "../weights/half.ts";
import { applyRules } from "../weights/rules.ts";
import { saveSafetensors } from "../weights/safetensors-node.ts";
import { memorySource, readAll } from "../weights/source.ts";
import { huggingFaceConfigFile, timmConfigFile } from "./config-file.ts";
import { OnnxClassifier } from "./onnx-classifier.ts";
import { onnxFile, saveOnnx } from "./onnx-node.ts";
import type { Pretrained } from "./pretrained.ts";

/** Whose names the files have. */
export type Layout = "timm" | "huggingface";

/** In whose layout, and over what. */
export interface SaveOptions {
  /** Default: timm's, and Hugging Face's where only that can express the model. */
  readonly layout?: Layout | undefined;
  /** Whether a model that is already in the folder is replaced; default false. */
  readonly replace?: boolean | undefined;
  /** Whether weights are written in 16 bits; default false. */
  readonly half?: boolean | undefined;
}

const weightsFile = "model.safetensors";

/** A model's files. */
const ownFiles: readonly string[] = ["config.json", "preprocessor_config.json", weightsFile];

/**
 * The layout that expresses a model: the wanted one, or the first that can.
 * @throws {VitrineError} INVALID_ARGUMENT where none can, saying what stands against it.
 */
export function layoutFor(pretrained: Pretrained, wanted?: Layout): Layout {
  return describe(pretrained, wanted).layout;
}

/**
 * Writes `config.json`, `preprocessor_config.json` and `model.safetensors`. A new folder appears whole or not at all; in one that is there
 * each file is replaced whole, the weights last, and other files stay.
 * @throws {VitrineError} INVALID_ARGUMENT where the layout cannot express the model; OUTPUT_CONFLICT where a model is in the folder and `replace` is not set; STORAGE_FAILURE.
 */
export async function savePretrained(folder: string, pretrained: Pretrained, options: SaveOptions = {}): Promise<void> {
  if (pretrained.model instanceof OnnxClassifier) return saveGraph(folder, pretrained, options);
  const { layout, json } = describe(pretrained, options.layout);
  const tensors = await namedTensors(pretrained, layout);
  const target = resolve(folder);
  const present = await filesIn(target);
  const ours = present?.filter((name) => ownFiles.includes(name)) ?? [];
  if (ours.length > 0 && !options.replace) throw conflict(target, ours);
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}-${randomBytes(4).toString("hex")}.tmp`);
  try {
    await mkdir(temporary, { recursive: true });
    for (const [name, content] of Object.entries(json)) {
      await writeFileAtomically(join(temporary, name), [new TextEncoder().encode(jsonText(content))]);
    }
    await saveSafetensors(join(temporary, weightsFile), options.half ? inHalf(tensors) : tensors, [["format", "pt"]]);
    if (present === undefined) await rename(temporary, target);
    else await moveInto(target, temporary, [...Object.keys(json), weightsFile], ours);
    await syncFolder(dirname(target));
  } catch (error) {
    if (!(error instanceof VitrineError)) throw storageFailure(target, error);
    // The temporary folder's name would tell the user nothing.
    throw error.code === "STORAGE_FAILURE" ? storageFailure(target, error.fields.cause) : error;
  } finally {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
  }
}

/** An imported graph: it has no layout of timm's or transformers'. */
async function saveGraph(folder: string, pretrained: Pretrained, options: SaveOptions): Promise<void> {
  const { layout, replace, half } = options;
  const target = resolve(folder);
  const ours = (await filesIn(target))?.filter((name) => name === onnxFile || ownFiles.includes(name)) ?? [];
  if (layout !== undefined) throw noLayout(layout);
  if (half)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "an imported graph keeps its 32 bits in a folder",
      evidence: "asked for half",
      next: "export its weights alone as .safetensors",
    });
  if (ours.length > 0 && !replace) throw conflict(target, ours);
  await saveOnnx(target, pretrained);
}

function noLayout(layout: Layout): VitrineError {
  return new VitrineError("INVALID_ARGUMENT", {
    rule: "an imported graph has no layout of timm or transformers",
    evidence: `got ${layout}`,
    next: "export it as .onnx, or into a folder without a layout",
  });
}

/** Two spaces deep. @source transformers' Swinv2Config, which refuses 4 where it wants 4.0 */
function jsonText(content: unknown): string {
  return `${JSON.stringify(content, undefined, 2).replace(/("mlp_ratio": \d+)(?=,?\n)/, "$1.0")}\n`;
}

/** Names in a folder; undefined where there is no folder. */
async function filesIn(folder: string): Promise<readonly string[] | undefined> {
  try {
    return await readdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw code === "ENOTDIR" ? conflict(folder, ["a file of this name"]) : storageFailure(folder, error);
  }
}

/** Replaces files by new ones, and removes those that have no successor. */
async function moveInto(target: string, from: string, names: readonly string[], old: readonly string[]): Promise<void> {
  for (const name of names) await rename(join(from, name), join(target, name));
  for (const name of old) if (!names.includes(name)) await rm(join(target, name));
}

/** The two configuration files in the wanted layout, or in the first that can express the model. */
function describe(
  pretrained: Pretrained,
  wanted: Layout | undefined,
): { readonly layout: Layout; readonly json: Readonly<Record<string, unknown>> } {
  if (pretrained.model instanceof OnnxClassifier) throw noLayout(wanted ?? "timm");
  const describers = { timm: timmFiles, huggingface: huggingFaceFiles };
  const layouts: readonly Layout[] = wanted ? [wanted] : ["timm", "huggingface"];
  let refusal: unknown;
  for (const layout of layouts)
    try {
      return { layout, json: describers[layout](pretrained) };
    } catch (error) {
      if (!(error instanceof VitrineError)) throw error;
      refusal ??= error;
    }
  throw refusal;
}

function timmFiles(pretrained: Pretrained): Readonly<Record<string, unknown>> {
  const { resize } = pretrained.preprocessing;
  // Hugging Face's file has no word for these two; config.json holds them.
  const expressible = resize?.to !== "cover" && resize?.to !== "contain";
  return {
    "config.json": timmConfigFile(pretrained),
    ...(expressible ? { "preprocessor_config.json": preprocessingToHuggingFace(pretrained.preprocessing) } : {}),
  };
}

function huggingFaceFiles(pretrained: Pretrained): Readonly<Record<string, unknown>> {
  return {
    "config.json": huggingFaceConfigFile(pretrained),
    "preprocessor_config.json": preprocessingToHuggingFace(pretrained.preprocessing),
  };
}

/** All parameters and buffers under the layout's names; adapters are merged into the weights. */
async function namedTensors(
  { model, architecture }: Pretrained,
  layout: Layout,
): Promise<ReadonlyMap<string, NdArray>> {
  const unmerge = mergeLora(model);
  const own = new Map([...model.variables()].map(([name, { data }]) => [name, data]));
  unmerge();
  if (layout === "timm") return own;
  return readAll(applyRules(memorySource(own), familyOf(architecture).huggingFaceNames(model.config)));
}

function conflict(place: string, names: readonly string[]): VitrineError {
  return new VitrineError("OUTPUT_CONFLICT", {
    rule: "a model is not written over another one",
    evidence: `there is ${names.join(", ")}`,
    place,
    next: "choose another folder, or remove it first",
  });
}

function storageFailure(place: string, cause: unknown): VitrineError {
  const { code } = cause as NodeJS.ErrnoException;
  return new VitrineError("STORAGE_FAILURE", {
    rule: "the model's folder must be written whole",
    evidence: systemReason(cause),
    place,
    next: code === "ENOSPC" ? "free some space; nothing was left behind" : undefined,
    cause,
  });
}
