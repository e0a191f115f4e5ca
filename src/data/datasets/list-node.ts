/**
 * Lists of image files: a table (CSV, TSV, JSON lines) with a column of paths, relative to the list, one of labels, and perhaps one of splits.
 *
 * Columns are known by their names (`columns.ts`): the path is `image`, `file_name`, `path` …, the label `label`, `class`, `category` …, the split `split` or `subset`.
 */

import { readFile, stat } from "node:fs/promises";
import { basename, dirname, extname, resolve } from "node:path";
import { VitrineError } from "../../errors.ts";
import { systemReason } from "../../files/write-node.ts";
import { classesOf, LabelCollector } from "./class-labels.ts";
import { imageColumns, labelColumns, pickColumn, splitColumns } from "./columns.ts";
import type { Dataset, Skipped, Split } from "./dataset.ts";
import { type FolderSource, folderDataset } from "./folder-node.ts";
import { sharedBytes } from "./memory.ts";
import { splitNames, splitOf, splits } from "./split-names.ts";
import { parseTable, type TableFormat } from "./table.ts";

/** Name endings of lists, with how they are written. */
export const listFormats: Readonly<Record<string, TableFormat>> = { ".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl" };

/** Larger lists are refused: a text has at most 2^29 characters. */
const largestList = 2 ** 29 - 2 ** 20;
/** So many of the first files are looked for, to find out at once that paths are meant otherwise. */
const looks = 20;

/**
 * The data sets of a list, one for each split that its column names, else one; all have the same classes.
 * @throws {VitrineError} NOT_FOUND when the list is missing, or all of its first files are; INVALID_FILE when it is broken; DATA_PROBLEM without a column of paths or
 * labels, for a split that is none, without images, or with fewer than two classes.
 */
export async function openList(path: string): Promise<Partial<Record<Split, Dataset>>> {
  const format = listFormats[extname(path).toLowerCase()]!;
  const table = parseTable(await readList(path), format, path);
  const { columns } = table;
  const needed = (wanted: readonly string[], what: string): string => {
    const found = pickColumn(columns, wanted);
    if (found !== undefined) return found;
    throw new VitrineError("DATA_PROBLEM", {
      rule: `a list must have a column of ${what}`,
      evidence: `got ${columns.join(", ")}`,
      place: path,
      next: `give it one of the names ${wanted.join(", ")}`,
    });
  };
  const [image, label] = [needed(imageColumns, "paths"), needed(labelColumns, "labels")];
  const split = pickColumn(columns, splitColumns);
  const written = new LabelCollector();
  const parts = new Map<Split, { readonly files: string[]; readonly labels: number[] }>();
  const skipped: Skipped[] = [];
  for (const row of table.rows) {
    const place = `${path}:${row.line}`;
    const [file, said] = [row.cell(image), row.cell(label)];
    if (file === undefined || said === undefined) {
      skipped.push({ file: place, reason: file === undefined ? "no path" : "no label" });
      continue;
    }
    const part = split === undefined ? "train" : splitIn(row.cell(split), split, place);
    if (!parts.has(part)) parts.set(part, { files: [], labels: [] });
    const { files, labels } = parts.get(part)!;
    files.push(resolve(dirname(path), file));
    labels.push(written.add(said, place));
  }
  await requireFiles(path, [...parts.values()].flatMap(({ files }) => files.slice(0, looks)).slice(0, looks));
  const { classes, classOf } = classesOf(written.written, undefined, path);
  const found = splits.filter((name) => parts.has(name));
  const out: Partial<Record<Split, Dataset>> = {};
  for (const name of found) {
    const { files, labels } = parts.get(name)!;
    const shared = new Uint16Array(sharedBytes(2 * labels.length).buffer);
    for (const [i, number] of labels.entries()) shared[i] = classOf[number]!;
    const source: FolderSource = {
      kind: "folder",
      name: found.length > 1 ? `${basename(path)}/${name}` : basename(path),
      classes,
      files,
      labels: shared,
      orientation: "exif",
    };
    out[name] = { ...folderDataset(source), skipped };
  }
  return out;
}

async function readList(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > largestList)
      throw new VitrineError("UNSAFE_FILE", {
        rule: `a list may have at most ${largestList} bytes`,
        evidence: `got ${size}`,
        place: path,
        next: "part it in several lists, or write the images into tar archives",
      });
    return await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof VitrineError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    throw new VitrineError(code === "ENOENT" || code === "ENOTDIR" ? "NOT_FOUND" : "INVALID_FILE", {
      rule: "a list must be a readable file",
      evidence: systemReason(cause),
      place: path,
      cause,
    });
  }
}

function splitIn(said: string | undefined, column: string, place: string): Split {
  if (said === undefined) return "train";
  const found = splitOf(said);
  if (found) return found;
  throw new VitrineError("DATA_PROBLEM", {
    rule: `a split must be one of ${splits.flatMap((split) => splitNames[split]).join(", ")}`,
    evidence: `got ${JSON.stringify(said)} in the column ${column}`,
    place,
  });
}

async function requireFiles(list: string, files: readonly string[]): Promise<void> {
  if (files.length === 0)
    throw new VitrineError("DATA_PROBLEM", { rule: "a list must have images", evidence: "it names none", place: list });
  for (const file of files) if (await stat(file).catch(() => undefined)) return;
  throw new VitrineError("NOT_FOUND", {
    rule: "the paths in a list must be those of files, relative to the list",
    evidence: `none of the first ${files.length} is there, such as ${files[0]}`,
    place: list,
    next: "put the list beside the images, or mend its paths",
  });
}
