/** A LoRA adapter's folder, in PEFT's layout, read as the model that the adapter makes of its base. Node only. */

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import * as v from "valibot";
import { VitrineError } from "../errors.ts";
import { mergeLora } from "../nn/lora.ts";
import { openSafetensors } from "../weights/safetensors-node.ts";
import { adapterFiles, loadAdapter } from "./adapter-node.ts";
import { headFor, type ModelChanges } from "./assemble.ts";
import { readConfigFile } from "./config-file.ts";
import type { Pretrained } from "./pretrained.ts";

const configSchema = v.looseObject({ base_model_name_or_path: v.optional(v.nullable(v.string())) });

/** Whether a folder holds an adapter and no model. */
export function isAdapter(folder: string): boolean {
  return existsSync(join(folder, adapterFiles.config)) && !existsSync(join(folder, "config.json"));
}

/**
 * The base that an adapter's configuration names, with the adapter merged into its weights, and with the head that was saved with it unless another is asked for.
 * Its labels are those of the run whose folder the adapter's is in, else numbers.
 * @param load loads the base: a folder or file (from here, or from the adapter's folder), a hub id, or a name
 * @throws {VitrineError} NOT_FOUND where the base is not there; whatever `load` and `loadAdapter` throw.
 */
export async function loadAdapted<Options extends ModelChanges>(
  folder: string,
  options: Options,
  load: (reference: string, options: Options) => Promise<Pretrained>,
): Promise<Pretrained> {
  const place = join(folder, adapterFiles.config);
  const { base_model_name_or_path: named } = parsedConfig(await readFile(place, "utf8"), place);
  const next = "set base_model_name_or_path to the folder, file or hub id of the model that it was trained on";
  if (!named) throw new VitrineError("INVALID_FILE", { rule: "an adapter must name its base model", place, next });
  const base = [named, join(folder, named)].find((path) => existsSync(path)) ?? named;
  const saved = await savedLabels(folder, options.labels);
  const wanted = headFor(options.newHead, saved);
  const newHead = wanted ?? (saved ? { labels: saved, seed: 0 } : undefined);
  const pretrained = await load(base, { ...options, labels: saved ? undefined : options.labels, newHead }).catch(
    (error: unknown) => {
      if (!(error instanceof VitrineError) || !["NOT_FOUND", "UNKNOWN_NAME"].includes(error.code)) throw error;
      const evidence = `base_model_name_or_path is ${JSON.stringify(named)}: ${error.fields.rule}`;
      const rule = "an adapter needs the model that it was trained on";
      throw new VitrineError("NOT_FOUND", { rule, evidence, place, next, cause: error });
    },
  );
  await loadAdapter(folder, pretrained.model, { wholeModules: wanted === undefined });
  mergeLora(pretrained.model);
  return { ...pretrained, name: basename(resolve(folder)), freshHead: wanted !== undefined };
}

/** The labels of the head that was saved with an adapter; undefined where none was. */
async function savedLabels(
  folder: string,
  given: readonly string[] | undefined,
): Promise<readonly string[] | undefined> {
  const source = await openSafetensors(join(folder, adapterFiles.weights));
  try {
    const head = [...source.names()].find((name) => name.endsWith(".weight") && !/\.lora_[AB]\.weight$/.test(name));
    if (head === undefined) return undefined;
    const rows = source.info(head).shape[0]!;
    const labels = given ?? (await labelsOfRun(dirname(resolve(folder))));
    return labels?.length === rows ? labels : Array.from({ length: rows }, (_, i) => String(i));
  } finally {
    await source.close();
  }
}

async function labelsOfRun(folder: string): Promise<readonly string[] | undefined> {
  const path = join(folder, "config.json");
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined || !existsSync(join(folder, "recipe.json"))) return undefined;
  return (await readConfigFile(JSON.parse(text), path)).labels;
}

function parsedConfig(text: string, place: string): v.InferOutput<typeof configSchema> {
  try {
    return v.parse(configSchema, JSON.parse(text));
  } catch (cause) {
    const evidence = (cause as Error).message;
    throw new VitrineError("INVALID_FILE", { rule: "the file must be an adapter's configuration", evidence, place });
  }
}
