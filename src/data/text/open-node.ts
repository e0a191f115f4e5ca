/** Texts to learn from, by name or by place. Node only. */

import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { VitrineError } from "../../errors.ts";
import type { ParallelCorpus } from "./corpus.ts";
import { readParallel } from "./corpus-node.ts";
import { isTextFile, readDocuments, type TextParts, textEnding, textsIn } from "./documents-node.ts";
import { isNamedText, type NamedTextOptions, namedTextFolder, namedTexts } from "./named-node.ts";

/** What a text to learn from is. */
export type Texts =
  | {
      readonly kind: "text";
      readonly name: string;
      /** What is learned from; `<|endoftext|>` ends each document where there are several. */
      readonly text: string;
      /** Absent where no file is called so. */
      readonly validation?: string | undefined;
      readonly test?: string | undefined;
    }
  | {
      readonly kind: "translations";
      readonly name: string;
      /** As the files' endings say: `de`, `en`. */
      readonly languages: readonly [string, string];
      readonly train: ParallelCorpus;
      /** Absent where no file of the kind is there. */
      readonly validation?: ParallelCorpus | undefined;
      readonly test?: ParallelCorpus | undefined;
    };

/** Whose files, and from which language to which. */
export interface OpenTextsOptions extends NamedTextOptions {
  /** `de-en`; needed where a folder has more than two languages, de-en for multi30k. */
  readonly languages?: string | undefined;
}

/** Languages are two letters, so that no other file that a folder may hold is taken for one. */
const trainFile = /^train\.((?!gz)[a-z]{2}(?:_[A-Za-z]{2,4})?)(\.gz)?$/;

/**
 * Whether a reference is to texts: a name, a `.txt` file, a `.jsonl` file of texts, a folder that holds nothing else, or one with `train.LANGUAGE` files of two
 * languages.
 */
export async function isTexts(reference: string): Promise<boolean> {
  if (isNamedText(reference) || (await isTextFile(reference))) return true;
  return (await languagesIn(reference)).length > 1 || Object.keys(await textsIn(reference)).length > 0;
}

/**
 * Opens texts.
 * @param reference a name; a `.txt` file, a `.jsonl` file with a `text` on each line, or a folder of such files; or a folder with `train.de` and `train.en`
 * (and `val.de`, `val.en`, `test.de`, `test.en`); all plain or `.gz`
 * @throws {VitrineError} NOT_FOUND, INVALID_ARGUMENT for languages that are not there, and what reading throws.
 */
export async function openTexts(reference: string, options: OpenTextsOptions): Promise<Texts> {
  const named = namedTexts.find(({ name }) => name === reference);
  const name = basename(reference).replace(textEnding, "");
  if (textEnding.test(reference)) return { kind: "text", name, text: await readDocuments([reference]) };
  if (named?.kind === "text") {
    const [file] = named.files[0]!;
    return { kind: "text", name, text: await readDocuments([join(await namedTextFolder(named, options), file)]) };
  }
  const found = named || options.languages !== undefined ? {} : await textsIn(reference);
  if (Object.keys(found).length > 0) return textsByPart(found, name, reference);
  const languages = options.languages ?? (named ? "de-en" : undefined);
  const folder = named ? await namedTextFolder(named, options, wantedOf(named, languages!)) : reference;
  const pair = pairOf(languages, await languagesIn(folder), folder);
  const [source, target] = pair;
  const train = await readParallel(await fileOf(folder, "train", source), await fileOf(folder, "train", target));
  const validation = await partOf(folder, ["val", "valid", "dev"], pair);
  const test = await partOf(folder, ["test", "test_2016_flickr"], pair);
  return { kind: "translations", name, languages: pair, train, validation, test };
}

/** A folder of texts. */
async function textsByPart({ train, validation, test }: TextParts, name: string, place: string): Promise<Texts> {
  if (!train)
    throw new VitrineError("DATA_PROBLEM", {
      rule: "there must be texts to learn from",
      evidence: "the names of the files say only validation and test",
      place,
    });
  return {
    kind: "text",
    name,
    text: await readDocuments(train),
    validation: validation && (await readDocuments(validation)),
    test: test && (await readDocuments(test)),
  };
}

/** The files of a named text that two languages need. */
function wantedOf({ files }: (typeof namedTexts)[number], languages: string): readonly string[] {
  const endings = languages.split("-").map((language) => `.${language}.gz`);
  const wanted = files.map(([file]) => file).filter((file) => endings.some((ending) => file.endsWith(ending)));
  return wanted.length > 0 ? wanted : files.map(([file]) => file);
}

/** The languages of the training files in a folder. */
async function languagesIn(folder: string): Promise<readonly string[]> {
  const there = await readdir(folder).catch(() => []);
  return [...new Set(there.flatMap((file) => trainFile.exec(file)?.[1] ?? []))].sort();
}

function pairOf(languages: string | undefined, found: readonly string[], place: string): readonly [string, string] {
  const [source, target, ...more] = languages?.split("-") ?? [];
  if (
    source &&
    target &&
    source !== target &&
    more.length === 0 &&
    [source, target].every((one) => found.includes(one))
  )
    return [source, target];
  const lacking = [source, target].filter((one) => one && !found.includes(one)).map((one) => `train.${one}`);
  const missing = target && more.length === 0 && lacking.length > 0 ? ` and no ${lacking.join(", no ")}` : "";
  const got = languages === undefined ? "" : `got ${languages}, `;
  throw new VitrineError("INVALID_ARGUMENT", {
    rule: "translations need two languages of the folder, from and to",
    evidence: `${got}it has ${found.join(", ") || "none"}${missing}`,
    place,
    next:
      found.length > 1
        ? `add --languages ${found.slice(0, 2).join("-")}, or the other way round`
        : `put ${lacking.join(" and ") || "train.LANGUAGE of another language"} there, as many lines as the other has`,
  });
}

async function fileOf(folder: string, part: string, language: string): Promise<string> {
  const [plain, packed] = [join(folder, `${part}.${language}`), join(folder, `${part}.${language}.gz`)];
  return (await stat(plain).catch(() => undefined)) ? plain : packed;
}

/** The pairs of the first of some parts that is there. */
async function partOf(
  folder: string,
  parts: readonly string[],
  [source, target]: readonly [string, string],
): Promise<ParallelCorpus | undefined> {
  for (const part of parts) {
    const paths = [await fileOf(folder, part, source), await fileOf(folder, part, target)] as const;
    if (await stat(paths[0]).catch(() => undefined)) return readParallel(...paths);
  }
  return undefined;
}
