/** Which files a reference to a data set means: a path, a pattern, or a folder of archives, parquet files or a list. Node only. */

import { readdir, stat } from "node:fs/promises";
import { basename, dirname, extname, isAbsolute, join, sep } from "node:path";
import { VitrineError } from "../../errors.ts";
import type { Split } from "./dataset.ts";
import { listFormats } from "./list-node.ts";
import type { SplitFiles } from "./shards-node.ts";
import { splitInName, splitNames, splits } from "./split-names.ts";

/** What a reference turns out to be. */
export type FoundFiles =
  | { readonly kind: "shards"; readonly files: SplitFiles; readonly name: string }
  | { readonly kind: "list"; readonly path: string }
  /** A folder of class folders, as far as one can see. */
  | { readonly kind: "folder" };

const isShard = (file: string): boolean => /\.(tar|tar\.gz|tgz|parquet)$/i.test(file);
const isParquet = (file: string): boolean => /\.parquet$/i.test(file);
const isList = (file: string): boolean => extname(file).toLowerCase() in listFormats;

/** A pattern gives at most as many files. */
const mostFiles = 65_535;

/**
 * Finds the files of a data set.
 * @param reference - a file, a folder, or a pattern with `{000000..000012}`, `{a,b}`, `*` and `?`.
 * @throws {VitrineError} NOT_FOUND when there is no such file or folder, or a file that braces name is missing; DATA_PROBLEM for files of different kinds and for splits without training images.
 */
export async function findFiles(reference: string): Promise<FoundFiles> {
  const patterns = expandBraces(reference);
  if (patterns.length > 1 || /[*?]/.test(reference)) {
    const files = (await Promise.all(patterns.map(matching))).flat();
    return shardsOf(files, reference, dirname(patterns[0]!));
  }
  const found = await stat(reference).catch(() => undefined);
  if (found?.isFile()) {
    if (isList(reference)) return { kind: "list", path: reference };
    if (isShard(reference)) return { kind: "shards", files: { train: [reference] }, name: basename(reference) };
    throw new VitrineError("DATA_PROBLEM", {
      rule: "a data set must be a folder of class folders, tar archives, parquet files, or a list (.csv, .tsv, .jsonl)",
      evidence: "got a file of another kind",
      place: reference,
    });
  }
  if (!found)
    throw new VitrineError("NOT_FOUND", {
      rule: "a data set must be a file or folder that is there",
      place: reference,
      next: "check the spelling",
    });
  return inFolder(reference);
}

async function inFolder(root: string): Promise<FoundFiles> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  const visible = entries.filter(({ name }) => !/^[._]/.test(name));
  const folders: string[] = [];
  const names: string[] = [];
  // Links are followed, as they are to images.
  for (const { name } of visible)
    ((await stat(join(root, name)).catch(() => undefined))?.isDirectory() ? folders : names).push(name);
  const byPart = (name: string): boolean => name === "data" || splits.some((split) => splitNames[split].includes(name));
  const nested = folders.filter(byPart);
  const shards = names.filter(isShard).map((name) => join(root, name));
  for (const folder of nested)
    for (const name of await readdir(join(root, folder)))
      if (isShard(name) && !/^[._]/.test(name)) shards.push(join(root, folder, name));
  // Archives beside class folders are what the folders were unpacked from.
  if (shards.length > 0 && nested.length === folders.length) return shardsOf(shards, root, root);
  const lists = names.filter((name) => isList(name) && /^(metadata|labels|annotations)\./i.test(name)).sort();
  if (lists.length > 0 && (folders.length === 0 || !(await hasClassFolders(root, folders))))
    return { kind: "list", path: join(root, lists[0]!) };
  return { kind: "folder" };
}

/** True where the folders look like classes, rather than like one place for all images. */
async function hasClassFolders(root: string, folders: readonly string[]): Promise<boolean> {
  if (folders.length >= 2) return true;
  const inner = await readdir(join(root, folders[0]!), { withFileTypes: true });
  return inner.filter((entry) => entry.isDirectory()).length >= 2;
}

/** Files by split, in the order of their names. One part alone is there to learn from, whatever it is called. */
function shardsOf(files: readonly string[], place: string, root: string): FoundFiles {
  const refuse = (rule: string, evidence: string): VitrineError =>
    new VitrineError("DATA_PROBLEM", { rule, evidence, place });
  if (files.length > mostFiles) throw refuse(`there may be at most ${mostFiles} files`, `got ${files.length}`);
  const other = files.find((file) => !isShard(file));
  if (other !== undefined) throw refuse("all files must be tar archives or parquet files", `got ${other}`);
  if (files.some(isParquet) && !files.every(isParquet))
    throw refuse("all files must be of one kind", "got tar archives and parquet files");
  const sorted = [...new Set(files)].sort();
  const parts: Partial<Record<Split, string[]>> = {};
  for (const file of sorted) {
    const split = splitInName(basename(file)) ?? splitInName(basename(dirname(file))) ?? "train";
    parts[split] = [...(parts[split] ?? []), file];
  }
  const name = basename(root === "." || root === "" ? process.cwd() : root);
  const named = splits.filter((split) => parts[split]);
  if (named.length === 1) return { kind: "shards", files: { train: sorted }, name };
  if (!parts.train)
    throw refuse("there must be images to learn from", `the names of the files say only ${named.join(" and ")}`);
  return { kind: "shards", files: parts, name };
}

/**
 * A pattern without its braces: `a-{000..002}.{tar,tgz}` is six names. Numbers keep the width of the first.
 * @throws {VitrineError} INVALID_ARGUMENT for more than 65,535 names.
 */
export function expandBraces(pattern: string): readonly string[] {
  let out = [""];
  // Parts outside of braces, and at every second place what is within.
  for (const [i, part] of pattern.split(/\{([^{}]*(?:\.\.|,)[^{}]*)\}/).entries()) {
    const choices = i % 2 === 0 ? [part] : alternatives(part);
    if (out.length * choices.length > mostFiles) throw tooMany(pattern);
    out = out.flatMap((start) => choices.map((choice) => start + choice));
  }
  return out;
}

function alternatives(inside: string): readonly string[] {
  const range = /^(\d+)\.\.(\d+)$/.exec(inside);
  if (!range) return inside.split(",");
  const [first, last, width] = [Number(range[1]), Number(range[2]), range[1]!.length];
  const count = Math.abs(last - first) + 1;
  if (count > mostFiles) throw tooMany(`{${inside}}`);
  const step = last < first ? -1 : 1;
  return Array.from({ length: count }, (_, i) => String(first + i * step).padStart(width, "0"));
}

function tooMany(pattern: string): VitrineError {
  return new VitrineError("INVALID_ARGUMENT", {
    rule: `a pattern may give at most ${mostFiles} files`,
    evidence: `got ${pattern}`,
  });
}

/** The files that a pattern with `*` and `?` matches; without them, the file itself, which must be there. */
async function matching(pattern: string): Promise<readonly string[]> {
  let found = [isAbsolute(pattern) ? sep : ""];
  for (const part of pattern.split(/[/\\]/).filter((part) => part !== "")) {
    if (!/[*?]/.test(part)) {
      found = found.map((folder) => join(folder, part));
      continue;
    }
    const source = part
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".");
    const wanted = new RegExp(`^${source}$`, "s");
    const next: string[] = [];
    for (const folder of found)
      for (const name of await readdir(folder || ".").catch(() => []))
        if (wanted.test(name) && (!name.startsWith(".") || part.startsWith("."))) next.push(join(folder, name));
    found = next;
  }
  const there: string[] = [];
  for (const file of found) if ((await stat(file).catch(() => undefined))?.isFile()) there.push(file);
  if (there.length === 0)
    throw new VitrineError("NOT_FOUND", {
      rule: "a pattern must match files",
      evidence: "none is there",
      place: pattern,
    });
  return there;
}
