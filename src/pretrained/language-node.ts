/** A model of words from a folder. Node only. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { openTokenizers } from "../data/text/tokenizer-node.ts";
import { VitrineError } from "../errors.ts";
import { systemReason } from "../files/write-node.ts";
import { openWeights } from "../weights/open-node.ts";
import type { WeightSource } from "../weights/source.ts";
import { isCtranslate2 } from "./ctranslate2.ts";
import { type Language, type LanguageModel, language, languageModel } from "./language.ts";

/** Sizes of a model: as the hub's models have them, and as OpenAI published them beside its checkpoints. */
const configFiles = ["config.json", "hparams.json"] as const;

/**
 * The model in a folder with `config.json` and weights, as the hub holds them, or with OpenAI's `hparams.json` and checkpoint; weights with CTranslate2's names
 * need no configuration.
 * @throws {VitrineError} NOT_FOUND, INVALID_FILE, UNSAFE_FILE or WEIGHTS_MISMATCH, saying what to do.
 */
export async function loadLanguageModel(folder: string): Promise<LanguageModel> {
  return withFiles(folder, languageModel);
}

/**
 * The model in a folder with the tokenizer beside it: what generating and translating begin with.
 * @throws {VitrineError} as `loadLanguageModel` and `openTokenizers`, and WEIGHTS_MISMATCH for a tokenizer with more ids than the model has words.
 */
export async function loadLanguage(folder: string): Promise<Language> {
  const tokenizers = await openTokenizers(folder);
  return withFiles(folder, (config, weights, place) => language(config, weights, tokenizers, place));
}

async function withFiles<T>(
  folder: string,
  use: (config: unknown, weights: WeightSource, place: string) => Promise<T>,
): Promise<T> {
  const weights = await openWeights(folder);
  try {
    if (isCtranslate2(weights)) return await use({}, weights, folder);
    const { config, place } = await readConfig(folder);
    return await use(config, weights, place);
  } finally {
    await weights.close();
  }
}

async function readConfig(folder: string): Promise<{ readonly config: unknown; readonly place: string }> {
  for (const name of configFiles) {
    const place = join(folder, name);
    const text = await readFile(place, "utf8").catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === "ENOENT") return undefined;
      throw new VitrineError("NOT_FOUND", {
        rule: "a model's configuration must be readable",
        evidence: systemReason(cause),
        place,
        cause,
      });
    });
    if (text !== undefined) return { config: parsed(text, place), place };
  }
  throw new VitrineError("NOT_FOUND", { rule: "a model's folder must have a config.json", place: folder });
}

function parsed(text: string, place: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new VitrineError("INVALID_FILE", {
      rule: "the file must be JSON",
      evidence: (cause as Error).message,
      place,
      cause,
    });
  }
}
