/** A model of words from one folder into another, with all that belongs to it. Node only. */

import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { VitrineError } from "../errors.ts";
import { writeFileAtomically } from "../files/write-node.ts";
import type { NdArray } from "../graph/dtype.ts";
import { isOpenAiGpt2 } from "../models/gpt2/config.ts";
import type { JsonObject } from "../models/json.ts";
import { inHalf } from "../weights/half.ts";
import { openWeights } from "../weights/open-node.ts";
import { saveSafetensors } from "../weights/safetensors-node.ts";
import { readAll } from "../weights/source.ts";
import type { Language } from "./language.ts";
import { loadLanguage } from "./language-node.ts";
import { publishedForm } from "./save-language-node.ts";

/** In which form, and over what. */
export interface CopyOptions {
  /** Weights in 16 bits. */
  readonly half?: boolean | undefined;
  /** Whether a model that is already there is replaced. */
  readonly replace?: boolean | undefined;
}

/** What a folder holds beside the weights. */
const beside =
  /^(?:config|generation_config|special_tokens_map|tokenizer\w*|vocab|encoder)\.json$|^(?:(?:source|target)_vocabulary\.txt|merges\.txt|vocab\.bpe|README\.md)$/;

/** OpenAI's names of a tokenizer's files, and transformers' names of the same. */
const openAiNames: ReadonlyMap<string, string> = new Map([
  ["encoder.json", "vocab.json"],
  ["vocab.bpe", "merges.txt"],
]);

/** What is written: files by name, and the weights. */
interface Contents {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly tensors: Iterable<readonly [string, NdArray]>;
  readonly metadata: Iterable<readonly [string, string]>;
}

/**
 * Writes the configuration, the tokenizer's files, the card and, last, `model.safetensors`, after the model was read once. A folder as OpenAI published its own
 * (`hparams.json` beside a TensorFlow checkpoint) becomes one as transformers has it.
 * @returns how many parameters it has
 * @throws {VitrineError} OUTPUT_CONFLICT where a model is in the folder and `replace` is not set; what `loadLanguage` throws; STORAGE_FAILURE.
 */
export async function copyLanguage(from: string, to: string, { half, replace }: CopyOptions = {}): Promise<number> {
  const there = await readdir(to).catch(() => []);
  if (!replace && there.some((name) => name === "config.json" || name === "model.safetensors"))
    throw new VitrineError("OUTPUT_CONFLICT", {
      rule: "a model that is there is not replaced",
      place: to,
      next: "add --force to replace it, or choose another name",
    });
  const language = await loadLanguage(from);
  const { files, tensors, metadata } = isOpenAiGpt2(language.config)
    ? await asPublished(from, language)
    : await asIs(from);
  const written = half ? inHalf(tensors) : tensors;
  await mkdir(to, { recursive: true });
  for (const [name, bytes] of files) await writeFileAtomically(join(to, name), [bytes]);
  await saveSafetensors(join(to, "model.safetensors"), written, new Map([...metadata, ["format", "pt"]]));
  return language.model.parameterCount();
}

async function asIs(folder: string): Promise<Contents> {
  const weights = await openWeights(folder);
  try {
    return { files: await filesBeside(folder), tensors: await readAll(weights), metadata: weights.metadata ?? [] };
  } finally {
    await weights.close();
  }
}

/** OpenAI's files under transformers' names. */
async function asPublished(folder: string, { model, tokenizer }: Language): Promise<Contents> {
  const { config, tensors } = await publishedForm(model);
  const ends = { bos_token_id: tokenizer.end ?? null, eos_token_id: tokenizer.end ?? null };
  const files = new Map([["config.json", encoded({ ...config, ...ends })]]);
  for (const [name, bytes] of await filesBeside(folder)) files.set(openAiNames.get(name) ?? name, bytes);
  return { files, tensors, metadata: [] };
}

async function filesBeside(folder: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const name of await readdir(folder)) if (beside.test(name)) files.set(name, await readFile(join(folder, name)));
  return files;
}

function encoded(json: JsonObject): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(json, undefined, 2)}\n`);
}
