/** A model of words from one folder into another, with all that belongs to it. Node only. */

import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { VitrineError } from "../errors.ts";
import { writeFileAtomically } from "../files/write-node.ts";
import { inHalf } from "../weights/half.ts";
import { openWeights } from "../weights/open-node.ts";
import { saveSafetensors } from "../weights/safetensors-node.ts";
import { readAll } from "../weights/source.ts";
import { loadLanguage } from "./language-node.ts";

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

/**
 * Writes the configuration, the tokenizer's files, the card and, last, `model.safetensors`, after the model was read once.
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
  const { model } = await loadLanguage(from);
  const files = (await readdir(from)).filter((name) => beside.test(name));
  const weights = await openWeights(from);
  try {
    const tensors = await readAll(weights);
    const written = half ? inHalf(tensors) : tensors;
    await mkdir(to, { recursive: true });
    for (const name of files) await writeFileAtomically(join(to, name), [await readFile(join(from, name))]);
    await saveSafetensors(
      join(to, "model.safetensors"),
      written,
      new Map([...(weights.metadata ?? []), ["format", "pt"]]),
    );
  } finally {
    await weights.close();
  }
  return model.parameterCount();
}
