/** A LoRA adapter from and to a folder in PEFT's layout. Node only. */

import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { VitrineError } from "../errors.ts";
import { systemReason, writeFileAtomically } from "../files/write-node.ts";
import type { Module } from "../nn/module.ts";
import { openSafetensors, saveSafetensors } from "../weights/safetensors-node.ts";
import { memorySource, readAll } from "../weights/source.ts";
import { adapterConfigFile, adapterTensors, fillAdapter, readAdapterConfig } from "./adapter.ts";

/** What an adapter's folder holds. */
export const adapterFiles = { config: "adapter_config.json", weights: "adapter_model.safetensors" } as const;

/** What an adapter's files say besides its values. */
export interface SaveAdapterOptions {
  /** Paths of modules that are saved whole; none without it. */
  readonly wholeModules?: readonly string[] | undefined;
  /** What people call the model that was adapted. */
  readonly base: string;
}

/**
 * Writes `adapter_config.json` and `adapter_model.safetensors`, each whole; `peft.PeftModel.from_pretrained(model, folder)` loads them.
 * @throws {VitrineError} INVALID_ARGUMENT for a model without adapters; STORAGE_FAILURE.
 */
export async function saveAdapter(
  folder: string,
  model: Module,
  { wholeModules = [], base }: SaveAdapterOptions,
): Promise<void> {
  const text = `${JSON.stringify(adapterConfigFile(model, wholeModules, base), undefined, 2)}\n`;
  const tensors = await adapterTensors(model, wholeModules);
  await mkdir(folder, { recursive: true }).catch((cause: NodeJS.ErrnoException) => {
    throw new VitrineError("STORAGE_FAILURE", {
      rule: "the adapter's folder must be made",
      evidence: systemReason(cause),
      place: folder,
      cause,
    });
  });
  await saveSafetensors(join(folder, adapterFiles.weights), tensors, [["format", "pt"]]);
  await writeFileAtomically(join(folder, adapterFiles.config), [new TextEncoder().encode(text)]);
}

/** What of an adapter's files is taken. */
export interface LoadAdapterOptions {
  /** Whether modules that were saved whole, such as the head, replace the model's; default true. */
  readonly wholeModules?: boolean | undefined;
}

/**
 * Gives a model the adapters of a folder that PEFT or `saveAdapter` wrote, and the modules saved whole with them.
 * @throws {VitrineError} NOT_FOUND, INVALID_FILE, or WEIGHTS_MISMATCH listing all that does not fit the model.
 */
export async function loadAdapter(
  folder: string,
  model: Module,
  { wholeModules = true }: LoadAdapterOptions = {},
): Promise<void> {
  const path = join(folder, adapterFiles.config);
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw new VitrineError("NOT_FOUND", {
      rule: `an adapter's folder must have ${adapterFiles.config} and ${adapterFiles.weights}`,
      evidence: systemReason(cause),
      place: folder,
    });
  });
  const config = readAdapterConfig(parse(text, path), path);
  const source = await openSafetensors(join(folder, adapterFiles.weights));
  try {
    if (wholeModules) return await fillAdapter(model, config, source);
    const adapters = [...(await readAll(source))].filter(([name]) => /\.lora_[AB]\./.test(name));
    await fillAdapter(model, { ...config, wholeModules: [] }, memorySource(adapters, source.place));
  } finally {
    await source.close();
  }
}

function parse(text: string, place: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    const evidence = (cause as Error).message;
    throw new VitrineError("INVALID_FILE", { rule: "the file must be JSON", evidence, place, cause });
  }
}
