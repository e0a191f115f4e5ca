/** Files of texts: plain ones, JSON lines with a text on each, and folders of both. Node only. */

import { constants } from "node:buffer";
import { createReadStream } from "node:fs";
import { basename, extname } from "node:path";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";
import { VitrineError } from "../../errors.ts";
import { type Found, listFolder, walk } from "../../files/walk-node.ts";
import { imageColumns, labelColumns, pickColumn } from "../datasets/columns.ts";
import type { Split } from "../datasets/dataset.ts";
import { splitInName, splitOf, splits } from "../datasets/split-names.ts";
import { jsonRows } from "../datasets/table.ts";
import { hasImageEnding } from "../image-format.ts";
import { readAnyText } from "./corpus-node.ts";
import { documentsOf, endOfText, textOf } from "./documents.ts";

/** Endings of files that hold a text. */
export const textEnding: RegExp = /\.(?:txt|jsonl)(?:\.gz)?$/;
const linesEnding = /\.jsonl(?:\.gz)?$/;
/** What people lay beside texts, and no text to learn from. */
export const besideTexts: RegExp = /^(?:[._].*|(?:readme|licen[cs]e|copying|notice)(?:\.\w+)*)$/i;

/** What the first of some JSON lines says that they are of. A column of pictures has their names, or labels stand beside it. */
async function linesOf(path: string): Promise<"texts" | "pictures" | undefined> {
  const row: unknown = await firstLine(path)
    .then(JSON.parse)
    .catch(() => undefined);
  if (typeof row !== "object" || row === null) return undefined;
  const columns = Object.keys(row);
  const image = pickColumn(columns, imageColumns);
  const value = image === undefined ? undefined : (row as Readonly<Record<string, unknown>>)[image];
  if (image !== undefined && (pickColumn(columns, labelColumns) || hasImageEnding(String(value)))) return "pictures";
  return "text" in row ? "texts" : undefined;
}

/** Whether a file is of texts: a plain one by its ending, JSON lines by the first. A packed file that cannot be read is, so that reading says why. */
export async function isTextFile(path: string): Promise<boolean> {
  if (!linesEnding.test(path)) return textEnding.test(path);
  return ((await linesOf(path)) ?? (path.endsWith(".gz") ? "texts" : undefined)) === "texts";
}

async function firstLine(path: string): Promise<string> {
  const file = createReadStream(path);
  const input = path.endsWith(".gz") ? file.pipe(createGunzip()) : file;
  file.on("error", (error) => input.destroy(error));
  // What a broken file says once the line is there, nobody asks.
  input.on("error", () => {});
  const lines = createInterface({ input });
  lines.on("error", () => {});
  try {
    for await (const line of lines) if (line.trim() !== "") return line.replace(/^\ufeff/, "");
    return "";
  } finally {
    lines.close();
    file.destroy();
    input.destroy();
  }
}

/** What a folder is to the user, in errors. */
const what = "a folder of texts";

/** Texts by the part that they belong to. */
export type TextParts = Readonly<Partial<Record<Split, readonly string[]>>>;

/**
 * The texts of a folder and the folders in it, in the order of their paths; none where it holds anything else, but for what lies beside texts (a README, a licence).
 * The part that a file belongs to is the one that a word of its name says, or of a folder's that it lies in, where that is so of all files (`wiki.valid.txt`);
 * else only names that say nothing else do (`val.txt`, `train-00001.jsonl`): titles have such words, too.
 * @throws {VitrineError} INVALID_FILE for a folder in it that cannot be read.
 */
export async function textsIn(folder: string): Promise<TextParts> {
  // What is no folder that can be read is no folder of texts.
  if (!(await listFolder(folder, what).catch(() => undefined))) return {};
  const files: Found[] = [];
  for await (const file of walk(folder, { what, passes: (name) => besideTexts.test(name) })) {
    const { path, is } = file;
    if (is === "passed by" || is === "a link to a folder above it") continue;
    if (!textEnding.test(path) || (linesEnding.test(path) && (await linesOf(path)) === "pictures")) return {};
    files.push(file);
  }
  const all = files.every(({ names }) => names.some(splitInName));
  const parts: Partial<Record<Split, string[]>> = {};
  for (const { path, names } of files) {
    const split = firstOf(names, all ? splitInName : splitNamed) ?? "train";
    parts[split] ??= [];
    parts[split].push(path);
  }
  const [first, ...more] = splits.flatMap((split) => (parts[split] ? [parts[split]] : []));
  // One part alone is there to learn from, whatever it is called.
  return first && more.length === 0 ? { train: first } : parts;
}

function firstOf(names: readonly string[], splitOfName: (name: string) => Split | undefined): Split | undefined {
  for (const name of names) {
    const split = splitOfName(name);
    if (split) return split;
  }
  return undefined;
}

/** `val.txt`, `train-00001-of-00002.jsonl`; a title in which such a word stands says nothing. */
function splitNamed(name: string): Split | undefined {
  const stem = basename(name, extname(name.replace(/\.gz$/, "")));
  return splitOf(/^([a-z]+)(?:[-_.]?\d[-_.\w]*)?(?:\.\w+)*$/i.exec(stem)?.[1] ?? "");
}

/**
 * The documents of some files as one text (`textOf`).
 * @throws {VitrineError} as `readText`; INVALID_FILE for a line that is no JSON object with a text, with its number; DATA_PROBLEM for no word at all, and for
 * more characters than a text can have.
 */
export async function readDocuments(paths: readonly string[]): Promise<string> {
  const documents: string[] = [];
  let characters = 0;
  for (const path of paths) {
    const text = await readAnyText(path);
    for (const one of linesEnding.test(path) ? textsOfLines(text, path) : [text])
      for (const document of documentsOf(one)) {
        characters += document.length + endOfText.length;
        if (characters > constants.MAX_STRING_LENGTH)
          throw new VitrineError("DATA_PROBLEM", {
            rule: `texts together may have ${constants.MAX_STRING_LENGTH} characters`,
            evidence: "they have more",
            place: path,
            next: "take fewer of them",
          });
        documents.push(document);
      }
  }
  if (documents.length === 0)
    throw new VitrineError("DATA_PROBLEM", { rule: "a text must have a word", place: paths[0] });
  return textOf(documents);
}

function* textsOfLines(lines: string, path: string): Generator<string> {
  for (const { line, row } of jsonRows(lines, path)) {
    const text = Object.hasOwn(row, "text") ? row.text : undefined;
    if (typeof text !== "string")
      throw new VitrineError("INVALID_FILE", {
        rule: 'each line of a file of texts must be a JSON object with a "text"',
        evidence: `got ${JSON.stringify(text)?.slice(0, 40) ?? "none"}`,
        place: `${path}:${line}`,
      });
    yield text.replaceAll("\r\n", "\n");
  }
}
