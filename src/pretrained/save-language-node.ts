/** A model of words into a folder: as transformers has it, or as our own where it has no such model. Node only. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { endOfText } from "../data/text/documents.ts";
import { Tokenizer } from "../data/text/tokenizer.ts";
import { writeFileAtomically } from "../files/write-node.ts";
import type { NdArray } from "../graph/dtype.ts";
import { Gpt2 } from "../models/gpt2/gpt2.ts";
import type { JsonObject } from "../models/json.ts";
import { RecurrentLanguage } from "../models/recurrent-language.ts";
import { WordTransformer } from "../models/transformer/word-transformer.ts";
import { marianRules } from "../weights/marian-rules.ts";
import { applyRules, invertRules } from "../weights/rules.ts";
import { saveSafetensors } from "../weights/safetensors-node.ts";
import { memorySource, readAll } from "../weights/source.ts";
import { kindOf, type LanguageModel } from "./language.ts";
import { gpt2ToHuggingFace, marianToHuggingFace, ownTypes, sentencePieces } from "./language-config.ts";

/** What a model's folder holds beside it. */
export interface LanguageFiles {
  /** Parsed `tokenizer.json`. */
  readonly tokenizer: unknown;
  /** Further entries of `config.json` (languages, where it comes from). */
  readonly about?: JsonObject | undefined;
  /** The card, `README.md`. */
  readonly card?: string | undefined;
}

/**
 * Writes `config.json`, `tokenizer.json`, `tokenizer_config.json`, the card and, last, `model.safetensors`; each file is replaced whole, others stay.
 * @throws {VitrineError} STORAGE_FAILURE
 */
export async function saveLanguage(folder: string, model: LanguageModel, files: LanguageFiles): Promise<void> {
  const { config: own, tensors } = await publishedForm(model);
  const { end } = Tokenizer.fromJson(files.tokenizer);
  const ends = "eos_token_id" in own && end !== undefined ? { bos_token_id: end, eos_token_id: end } : {};
  const config = { ...own, ...ends, ...files.about };
  await mkdir(folder, { recursive: true });
  const json = {
    "config.json": config,
    "tokenizer.json": files.tokenizer,
    "tokenizer_config.json": tokenizerConfig(model, end !== undefined),
  };
  for (const [name, content] of Object.entries(json))
    await write(
      join(folder, name),
      `${JSON.stringify(content, undefined, name === "tokenizer.json" ? undefined : 2)}\n`,
    );
  if (files.card !== undefined) await write(join(folder, "README.md"), files.card);
  await saveSafetensors(join(folder, "model.safetensors"), tensors, [["format", "pt"]]);
}

function write(path: string, text: string): Promise<void> {
  return writeFileAtomically(path, [new TextEncoder().encode(text)]);
}

/** @param ends whether the vocabulary itself says what ends a text */
function tokenizerConfig(model: LanguageModel, ends: boolean): object {
  const general = { tokenizer_class: "PreTrainedTokenizerFast", clean_up_tokenization_spaces: false };
  if (model instanceof Gpt2 || model instanceof RecurrentLanguage)
    return ends ? { ...general, bos_token: endOfText, eos_token: endOfText } : general;
  const [pad, begin, end] = sentencePieces;
  return { ...general, pad_token: pad, bos_token: begin, eos_token: end };
}

/** A model's `config.json`, and all its variables under the names of that layout: transformers', or our own for what it does not have. */
export async function publishedForm(
  model: LanguageModel,
): Promise<{ readonly config: JsonObject; readonly tensors: Iterable<readonly [string, NdArray]> }> {
  const tensors = [...model.variables()].map(([name, { data }]) => [name, data] as const);
  const gpt2 = model instanceof Gpt2 ? gpt2ToHuggingFace(model.config) : undefined;
  if (gpt2)
    return {
      config: gpt2,
      tensors: tensors.map(([name, data]) => [name.startsWith("lm_head.") ? name : `transformer.${name}`, data]),
    };
  const marian = model instanceof WordTransformer ? marianToHuggingFace(model.config) : undefined;
  if (marian) {
    const rules = invertRules(marianRules(marian.share_encoder_decoder_embeddings === true));
    return { config: marian, tensors: await readAll(applyRules(memorySource(tensors), rules)) };
  }
  const config = { model_type: ownTypes[kindOf(model)], ...(model.config as unknown as JsonObject) };
  return { config, tensors };
}
