/** Texts to learn from, by name or by place. Node only. */

import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { VitrineError } from "../../errors.ts";
import type { ParallelCorpus } from "./corpus.ts";
import { readParallel, readText } from "./corpus-node.ts";
import { isNamedText, type NamedTextOptions, namedTextFolder, namedTexts } from "./named-node.ts";

/** What a text to learn from is. */
export type Texts =
  | { readonly kind: "text"; readonly name: string; readonly text: string }
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
const textFile = /\.txt(\.gz)?$/;

/** Whether a reference is to texts: a name, a `.txt` file, or a folder with `train.LANGUAGE` files of two languages. */
export async function isTexts(reference: string): Promise<boolean> {
  if (isNamedText(reference) || textFile.test(reference)) return true;
  return (await languagesIn(reference)).length > 1;
}

/**
 * Opens texts.
 * @param reference a name, a `.txt` or `.txt.gz` file, or a folder with `train.de` and `train.en` (and `val.de`, `val.en`, `test.de`, `test.en`), plain or `.gz`
 * @throws {VitrineError} NOT_FOUND, INVALID_ARGUMENT for languages that are not there, and what reading throws.
 */
export async function openTexts(reference: string, options: OpenTextsOptions): Promise<Texts> {
  const named = namedTexts.find(({ name }) => name === reference);
  const name = basename(reference).replace(textFile, "");
  if (textFile.test(reference)) return { kind: "text", name, text: await readText(reference) };
  if (named?.kind === "text") {
    const [file] = named.files[0]!;
    return { kind: "text", name, text: await readText(join(await namedTextFolder(named, options), file)) };
  }
  const languages = options.languages ?? (named ? "de-en" : undefined);
  const folder = named ? await namedTextFolder(named, options, wantedOf(named, languages!)) : reference;
  const pair = pairOf(languages, await languagesIn(folder), folder);
  const [source, target] = pair;
  const train = await readParallel(await fileOf(folder, "train", source), await fileOf(folder, "train", target));
  const validation = await partOf(folder, ["val", "valid", "dev"], pair);
  const test = await partOf(folder, ["test", "test_2016_flickr"], pair);
  return { kind: "translations", name, languages: pair, train, validation, test };
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
