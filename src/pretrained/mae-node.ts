/** A masked autoencoder from and to a folder in transformers' form (`ViTMAEForPreTraining`), or from the authors' files. Node only. */

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Preprocessing } from "../data/preprocess.ts";
import { preprocessingFromHuggingFace, preprocessingToHuggingFace } from "../data/preprocess-config.ts";
import { VitrineError } from "../errors.ts";
import { writeFileAtomically } from "../files/write-node.ts";
import type { JsonObject } from "../models/json.ts";
import { maeForHuggingFace, maeFromHuggingFace } from "../models/mae/config.ts";
import { maeAround } from "../models/mae/encoder.ts";
import { MAE } from "../models/mae/mae.ts";
import { maeEncoders } from "../models/mae/names.ts";
import { vitConfig } from "../models/vit/config.ts";
import { huggingFaceMaeRules, maeNamings } from "../weights/mae-rules.ts";
import { openWeights } from "../weights/open-node.ts";
import { applyRules, invertRules } from "../weights/rules.ts";
import { saveSafetensors } from "../weights/safetensors-node.ts";
import { memorySource, readAll } from "../weights/source.ts";
import { fillModel, withOwnNames } from "./fill-model.ts";
import { type LocateOptions, locate } from "./locate-node.ts";
import { defaultPreprocessing } from "./prepare.ts";

/** An autoencoder, and how an image becomes its input. */
export interface PretrainedMAE {
  readonly model: MAE;
  readonly preprocessing: Preprocessing;
}

/** What the reference alone does not say. */
export interface LoadMaeOptions extends LocateOptions {
  /** The published model that a weights file is of, in timm's name with its tag (`vit_base_patch16_224.mae`); folders say it themselves. */
  readonly arch?: string | undefined;
}

/**
 * A whole autoencoder.
 * @param reference a folder in transformers' form, a hub id (`facebook/vit-mae-base`), or a weights file of the authors', then with `arch`
 * @throws {VitrineError} NOT_FOUND, INVALID_FILE, INVALID_ARGUMENT, WEIGHTS_MISMATCH, DOWNLOAD_FAILURE
 */
export async function loadMae(reference: string, options: LoadMaeOptions = {}): Promise<PretrainedMAE> {
  const found = await locate(reference, options);
  if (found.kind === "folder") return loadFolder(found.path);
  if (found.kind === "file") return loadFile(found.path, options.arch);
  throw new VitrineError("NOT_FOUND", {
    rule: "a masked autoencoder must be a folder, a file or a hub id",
    ...noMae(reference),
  });
}

/** Whether a reference names a whole autoencoder, as `loadMae` reads it. @throws {VitrineError} what a download throws */
export async function isMae(reference: string, options: LoadMaeOptions = {}): Promise<boolean> {
  const found = await locate(reference, options);
  if (found.kind === "folder") {
    const text = await readFile(join(found.path, configFile), "utf8").catch(() => "");
    return /"model_type":\s*"vit_mae"/.test(text) && !/"ViTMAEModel"/.test(text);
  }
  if (found.kind === "name" || options.arch === undefined || !maeEncoders.has(options.arch)) return false;
  const source = await openWeights(found.path);
  try {
    return withOwnNames(source, maeNamings).has(decoderMark);
  } finally {
    await source.close();
  }
}

const configFile = "config.json";
const processorFile = "preprocessor_config.json";
/** A tensor that no encoder alone has. */
const decoderMark = "decoder_pred.weight";

const noMae = (reference: string): { readonly evidence: string; readonly next: string } => ({
  evidence: `got ${reference}`,
  next: "`vitrine pretrain` writes one into the folder autoencoder/, facebook/vit-mae-base is a published one",
});

async function loadFolder(folder: string): Promise<PretrainedMAE> {
  const place = join(folder, configFile);
  const json = await readJson(folder, configFile);
  if (json.model_type !== "vit_mae") {
    const inside = join(folder, "autoencoder");
    const known = noMae(JSON.stringify(json.model_type ?? json.architecture ?? null));
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "a masked autoencoder's config.json has the model_type vit_mae",
      ...known,
      place,
      next: existsSync(inside) ? `the one of this run is ${inside}` : known.next,
    });
  }
  const config = maeFromHuggingFace(json, place);
  const processor = await readJson(folder, processorFile);
  const model = await filled(new MAE(config), folder);
  return { model, preprocessing: preprocessingFromHuggingFace(processor, join(folder, processorFile)) };
}

/** The authors' files hold weights alone; those with a decoder for people's eyes learnt pixels as they are. */
async function loadFile(path: string, arch: string | undefined): Promise<PretrainedMAE> {
  const named = arch === undefined ? undefined : maeEncoders.get(arch);
  if (!named)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "a weights file of a masked autoencoder does not say its size",
      evidence: `got ${arch === undefined ? "no --arch" : `--arch ${arch}`}`,
      place: path,
      next: `give --arch, one of ${[...maeEncoders.keys()].join(", ")}, or a folder with config.json`,
    });
  const encoder = vitConfig(named.options);
  const model = await filled(new MAE(maeAround(encoder, { normalizePixels: false })), path);
  return { model, preprocessing: defaultPreprocessing(named, encoder) };
}

async function filled(model: MAE, path: string): Promise<MAE> {
  const source = await openWeights(path);
  try {
    const named = withOwnNames(source, maeNamings);
    if (!named.has(decoderMark))
      throw new VitrineError("WEIGHTS_MISMATCH", {
        rule: "a whole masked autoencoder has a decoder",
        evidence: `there is no ${decoderMark}`,
        place: path,
        next: "the encoder alone is for `vitrine train --from`; facebook/vit-mae-base has both",
      });
    await fillModel(model, named);
  } finally {
    await source.close();
  }
  return model;
}

async function readJson(folder: string, name: string): Promise<JsonObject> {
  const place = join(folder, name);
  const text = await readFile(place, "utf8").catch((cause: Error) => {
    throw new VitrineError("NOT_FOUND", { rule: `a masked autoencoder's folder must have ${name}`, place, cause });
  });
  try {
    return JSON.parse(text) as JsonObject;
  } catch (cause) {
    throw new VitrineError("INVALID_FILE", { rule: "the file must be JSON", place, cause });
  }
}

/** Writes the three files, the weights last; each replaces its predecessor whole. @throws {VitrineError} STORAGE_FAILURE */
export async function saveMae(folder: string, { model, preprocessing }: PretrainedMAE): Promise<void> {
  const json = {
    [configFile]: maeForHuggingFace(model.config),
    [processorFile]: preprocessingToHuggingFace(preprocessing),
  };
  for (const [name, content] of Object.entries(json))
    await writeFileAtomically(join(folder, name), [
      new TextEncoder().encode(`${JSON.stringify(content, undefined, 2)}\n`),
    ]);
  const own = memorySource([...model.variables()].map(([name, { data }]) => [name, data] as const));
  const named = await readAll(applyRules(own, invertRules(huggingFaceMaeRules())));
  await saveSafetensors(join(folder, "model.safetensors"), new Map(named), [["format", "pt"]]);
}
