/** A masked autoencoder from and to a folder in transformers' form (`ViTMAEForPreTraining`). Node only. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Preprocessing } from "../data/preprocess.ts";
import { preprocessingFromHuggingFace, preprocessingToHuggingFace } from "../data/preprocess-config.ts";
import { VitrineError } from "../errors.ts";
import { writeFileAtomically } from "../files/write-node.ts";
import type { JsonObject } from "../models/json.ts";
import { maeForHuggingFace, maeFromHuggingFace } from "../models/mae/config.ts";
import { MAE } from "../models/mae/mae.ts";
import { huggingFaceMaeRules, maeNamings } from "../weights/mae-rules.ts";
import { openWeights } from "../weights/open-node.ts";
import { applyRules, invertRules } from "../weights/rules.ts";
import { saveSafetensors } from "../weights/safetensors-node.ts";
import { memorySource, readAll } from "../weights/source.ts";
import { fillModel, withOwnNames } from "./fill-model.ts";

/** An autoencoder, and how an image becomes its input. */
export interface PretrainedMAE {
  readonly model: MAE;
  readonly preprocessing: Preprocessing;
}

/**
 * Reads `config.json`, `preprocessor_config.json` and the weights of a folder.
 * @throws {VitrineError} NOT_FOUND, INVALID_FILE, INVALID_ARGUMENT, WEIGHTS_MISMATCH
 */
export async function loadMae(folder: string): Promise<PretrainedMAE> {
  const config = maeFromHuggingFace(await readJson(folder, "config.json"), join(folder, "config.json"));
  const processor = await readJson(folder, "preprocessor_config.json");
  const model = new MAE(config);
  const source = await openWeights(folder);
  try {
    await fillModel(model, withOwnNames(source, maeNamings));
  } finally {
    await source.close();
  }
  return { model, preprocessing: preprocessingFromHuggingFace(processor, join(folder, "preprocessor_config.json")) };
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
    "config.json": maeForHuggingFace(model.config),
    "preprocessor_config.json": preprocessingToHuggingFace(preprocessing),
  };
  for (const [name, content] of Object.entries(json))
    await writeFileAtomically(join(folder, name), [
      new TextEncoder().encode(`${JSON.stringify(content, undefined, 2)}\n`),
    ]);
  const own = memorySource([...model.variables()].map(([name, { data }]) => [name, data] as const));
  const named = await readAll(applyRules(own, invertRules(huggingFaceMaeRules())));
  await saveSafetensors(join(folder, "model.safetensors"), new Map(named), [["format", "pt"]]);
}
