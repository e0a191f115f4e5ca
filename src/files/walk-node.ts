/** What lies in a folder and the folders in it. Node only. */

import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { VitrineError } from "../errors.ts";
import { errorCode, systemReason } from "./write-node.ts";

/** What stands at a path, links followed. */
export type Standing = "folder" | "file" | "broken link" | "neither file nor folder";

/** @throws nothing: what cannot be seen is a broken link. */
export async function standingAt(path: string): Promise<Standing> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return "broken link";
  return found.isDirectory() ? "folder" : found.isFile() ? "file" : "neither file nor folder";
}

/**
 * Names in a folder, by code point (the order of their UTF-8 bytes).
 * @param what what the folder is to the user: "a data set"
 * @throws {VitrineError} NOT_FOUND where nothing has the name, INVALID_FILE for what is no folder or may not be read.
 */
export async function listFolder(folder: string, what: string): Promise<string[]> {
  try {
    const names = await readdir(folder);
    return names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  } catch (cause) {
    throw new VitrineError(errorCode(cause) === "ENOENT" ? "NOT_FOUND" : "INVALID_FILE", {
      rule: `${what} must be a readable folder`,
      evidence: systemReason(cause),
      place: folder,
      cause,
    });
  }
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
export async function* walk(
  folder: string,
  options: WalkOptions,
  names: readonly string[] = [],
  above: ReadonlySet<string> = new Set(),
): AsyncGenerator<Found, void, undefined> {
  const listed = await listFolder(folder, options.what);
  const real = await realpath(folder);
  if (above.has(real)) {
    yield { path: folder, names, is: "a link to a folder above it" };
    return;
  }
  for (const name of listed) {
    const path = join(folder, name);
    const inside = [...names, name];
    const is = options.passes(name) ? "passed by" : await standingAt(path);
    if (is === "folder") yield* walk(path, options, inside, new Set([...above, real]));
    else yield { path, names: inside, is };
  }
}
