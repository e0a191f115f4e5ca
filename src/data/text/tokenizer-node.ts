/** Tokenizer files in a folder. */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { VitrineError } from "../../errors.ts";
import { vocabularyFromLines } from "./characters.ts";
import { Tokenizer, type TokenizerPair } from "./tokenizer.ts";

/** Vocabulary and merges by the names of transformers, and by OpenAI's. */
const pairFiles = [
  ["vocab.json", "merges.txt"],
  ["encoder.json", "vocab.bpe"],
] as const;

/** Vocabularies of a translator whose languages have one each, a piece on a line. */
const vocabularyFiles = ["source_vocabulary.txt", "target_vocabulary.txt"] as const;

/**
 * The tokenizers of both sides in a folder: `openTokenizer`'s for both, else those of `source_vocabulary.txt` and `target_vocabulary.txt`.
 * @throws {VitrineError} as `openTokenizer`.
 */
export async function openTokenizers(folder: string): Promise<TokenizerPair> {
  const [source, target] = await Promise.all(vocabularyFiles.map((name) => read(folder, name)));
  if (source === undefined || target === undefined || (await read(folder, "tokenizer.json")) !== undefined) {
    const both = await openTokenizer(folder);
    return { source: both, target: both };
  }
  const [from, to] = vocabularyFiles.map((name) => join(folder, name)) as [string, string];
  return {
    source: Tokenizer.fromJson(vocabularyFromLines(source, from), {}, from),
    target: Tokenizer.fromJson(vocabularyFromLines(target, to), {}, to),
  };
}

/**
 * The tokenizer in a folder: `tokenizer.json` (with `tokenizer_config.json`, where there is one), else `vocab.json` and `merges.txt`, else
 * `encoder.json` and `vocab.bpe`.
 * @throws {VitrineError} NOT_FOUND where there is none of them, INVALID_FILE for broken ones.
 */
export async function openTokenizer(folder: string): Promise<Tokenizer> {
  const whole = await read(folder, "tokenizer.json");
  if (whole !== undefined) {
    const config = await read(folder, "tokenizer_config.json");
    const settings = config === undefined ? {} : json(config, join(folder, "tokenizer_config.json"));
    return Tokenizer.fromJson(json(whole, join(folder, "tokenizer.json")), settings, join(folder, "tokenizer.json"));
  }
  for (const [vocabularyFile, mergesFile] of pairFiles) {
    const [vocabulary, merges] = [await read(folder, vocabularyFile), await read(folder, mergesFile)];
    if (vocabulary !== undefined && merges !== undefined)
      return Tokenizer.fromBytePairs(json(vocabulary, join(folder, vocabularyFile)), merges);
  }
  const hasPieces = (await readdir(folder).catch(() => [])).some((name) => /\.(?:spm|model)$/.test(name));
  throw new VitrineError("NOT_FOUND", {
    rule: `a tokenizer's folder must hold tokenizer.json, or ${pairFiles.map((pair) => pair.join(" and ")).join(", or ")}`,
    evidence: hasPieces ? "got SentencePiece models, which are not read" : undefined,
    place: folder,
    next: hasPieces
      ? "put the tokenizer.json of the same model beside them: repositories converted for transformers.js have it, such as Xenova/opus-mt-de-en"
      : "take the tokenizer files that were published with the weights",
  });
}

/** The text of a file; `undefined` where there is none. */
async function read(folder: string, name: string): Promise<string | undefined> {
  try {
    return await readFile(join(folder, name), "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new VitrineError("NOT_FOUND", {
      rule: "a tokenizer's file must be readable",
      evidence: (cause as Error).message,
      place: join(folder, name),
      cause,
    });
  }
}

function json(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new VitrineError("INVALID_FILE", {
      rule: "a tokenizer's file must be JSON",
      evidence: (cause as Error).message,
      place,
      cause,
    });
  }
}
