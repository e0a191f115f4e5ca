/** Files of texts: plain ones, JSON lines with a text on each, and folders of both. Node only. */

import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";
import { VitrineError } from "../../errors.ts";
import { imageColumns, pickColumn } from "../datasets/columns.ts";
import type { Split } from "../datasets/dataset.ts";
import { splitOf, splits } from "../datasets/split-names.ts";
import { jsonRows } from "../datasets/table.ts";
import { readAnyText } from "./corpus-node.ts";
import { documentsOf, textOf } from "./documents.ts";

/** Endings of files that hold a text. */
export const textEnding: RegExp = /\.(?:txt|jsonl)(?:\.gz)?$/;
const linesEnding = /\.jsonl(?:\.gz)?$/;
/** What people lay beside texts, and no text to learn from. */
const aside = /^(?:[._]|(?:readme|licen[cs]e|copying|notice)\b)/i;

/**
 * Whether a file is of texts by its ending: a plain one, or JSON lines whose first has a `text` and no picture. A file that cannot be read is, so that reading
 * says why.
 */
export async function isTextFile(path: string): Promise<boolean> {
  if (!linesEnding.test(path)) return textEnding.test(path);
  try {
    const row = JSON.parse(await firstLine(path)) as object | null;
    return typeof row === "object" && row !== null && "text" in row && !pickColumn(Object.keys(row), imageColumns);
  } catch {
    return path.endsWith(".gz");
  }
}

async function firstLine(path: string): Promise<string> {
  const file = createReadStream(path);
  const input = path.endsWith(".gz") ? file.pipe(createGunzip()) : file;
  file.on("error", (error) => input.destroy(error));
  try {
    for await (const line of createInterface({ input })) if (line.trim() !== "") return line.replace(/^\ufeff/, "");
    return "";
  } finally {
    file.destroy();
  }
}

/**
 * The texts of a folder and the folders in it, in the order of their paths; none where it holds anything else, but for what lies beside texts (a README, a licence).
 * The part that a file belongs to is the one that it, or a folder that it lies in, is called: `val.txt`, `test/a.txt`, `train-00001.jsonl`.
 */
export async function textsIn(folder: string): Promise<Readonly<Partial<Record<Split, readonly string[]>>>> {
  const parts: Partial<Record<Split, string[]>> = {};
  for await (const { path, split } of walk(folder, undefined)) {
    if (!textEnding.test(path)) return {};
    parts[split ?? "train"] = [...(parts[split ?? "train"] ?? []), path];
  }
  const [first, ...more] = splits.flatMap((split) => (parts[split] ? [parts[split]] : []));
  // One part alone is there to learn from, whatever it is called.
  return first && more.length === 0 ? { train: first } : parts;
}

async function* walk(folder: string, within: Split | undefined): AsyncGenerator<{ path: string; split?: Split }> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (aside.test(entry.name)) continue;
    const path = join(folder, entry.name);
    const split = within ?? splitNamed(entry.name);
    if (entry.isDirectory()) yield* walk(path, split);
    else yield { path, ...(split ? { split } : {}) };
  }
}

/** `val.txt`, `train-00001-of-00002.jsonl`; a title in which such a word stands says nothing. */
function splitNamed(name: string): Split | undefined {
  const stem = basename(name, extname(name.replace(/\.gz$/, "")));
  return splitOf(/^([a-z]+)(?:[-_.]?\d[-_.\w]*)?(?:\.\w+)*$/i.exec(stem)?.[1] ?? "");
}

/**
 * The documents of some files as one text (`textOf`).
 * @throws {VitrineError} as `readText`, and INVALID_FILE for a line that is no JSON object with a text, with its number.
 */
export async function readDocuments(paths: readonly string[]): Promise<string> {
  const documents: string[] = [];
  for (const path of paths) {
    const text = await readAnyText(path);
    documents.push(...(linesEnding.test(path) ? [...textsOfLines(text, path)] : [text]).flatMap(documentsOf));
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
