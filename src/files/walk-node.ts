/** What lies in a folder and the folders in it. Node only. */

import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { VitrineError } from "../errors.ts";
import { errorCode, systemReason } from "./write-node.ts";

/** What stands at a path, links followed. */
export type Standing = "folder" | "file" | "broken link" | "neither file nor folder";

/** What an entry of a folder is, links followed; what cannot be seen behind a link counts as broken. */
async function standing(entry: Dirent, path: string): Promise<Standing> {
  const found = entry.isSymbolicLink() ? await stat(path).catch(() => undefined) : entry;
  if (found === undefined) return "broken link";
  return found.isDirectory() ? "folder" : found.isFile() ? "file" : "neither file nor folder";
}

/** An entry of a folder. */
export interface Entry {
  readonly name: string;
  readonly path: string;
  readonly is: Standing;
}

/**
 * What lies in a folder, by code point (the order of the names' UTF-8 bytes).
 * @param what what the folder is to the user: "a data set"
 * @throws {VitrineError} NOT_FOUND where nothing has the name, INVALID_FILE for what is no folder or may not be read.
 */
export async function listFolder(folder: string, what: string): Promise<readonly Entry[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new VitrineError(errorCode(cause) === "ENOENT" ? "NOT_FOUND" : "INVALID_FILE", {
      rule: `${what} must be a readable folder`,
      evidence: systemReason(cause),
      place: folder,
      cause,
    });
  });
  const sorted = entries
    .map((entry) => ({ entry, bytes: Buffer.from(entry.name) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes));
  const found: Entry[] = [];
  for (const { entry } of sorted) {
    const path = join(folder, entry.name);
    found.push({ name: entry.name, path, is: await standing(entry, path) });
  }
  return found;
}

/** What a walk comes to: everything but the folders that it enters. */
export interface Found {
  readonly path: string;
  /** Of the folders that it lies in below the first, from the outermost, and its own. */
  readonly names: readonly string[];
  readonly is: Exclude<Standing, "folder"> | "a link to a folder above it" | "passed by";
}

/** How to walk. */
export interface WalkOptions {
  /** What the folder is to the user: "a data set". */
  readonly what: string;
  /** Names that are passed by: folders that have one are not entered. */
  readonly passes: (name: string) => boolean;
}

/**
 * All that lies in a folder and the folders in it, by code point. Links are followed, but not to a folder that the walk is in.
 * @throws {VitrineError} as `listFolder`, for each folder on the way.
 */
export function walk(folder: string, options: WalkOptions): AsyncGenerator<Found, void, undefined> {
  return below(folder, [], new Set());

  async function* below(
    place: string,
    names: readonly string[],
    above: ReadonlySet<string>,
  ): AsyncGenerator<Found, void, undefined> {
    const real = await realpath(place).catch(() => place);
    if (above.has(real)) {
      yield { path: place, names, is: "a link to a folder above it" };
      return;
    }
    for (const { name, path, is } of await listFolder(place, options.what)) {
      const inside = [...names, name];
      if (options.passes(name)) yield { path, names: inside, is: "passed by" };
      else if (is === "folder") yield* below(path, inside, new Set([...above, real]));
      else yield { path, names: inside, is };
    }
  }
}
