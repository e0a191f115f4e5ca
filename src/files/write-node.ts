/** Files that are written whole or not at all. Node only. */

import { randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { VitrineError } from "../errors.ts";

/** One `write` call moves less than 2^31 bytes on every platform. */
const chunk = 2 ** 30;

/** What the system calls a refusal: `ENOSPC`, `EACCES`; undefined for an error that is none of the system's. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** Why the system refused, in words; its own code for what is rare. */
export function systemReason(error: unknown): string {
  const code = errorCode(error);
  if (code === undefined) return error instanceof Error ? error.message : String(error);
  return Object.hasOwn(reasons, code) ? reasons[code]! : code;
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "nothing has this name",
  EISDIR: "it is a folder",
  ENOTDIR: "a file is in the place of a folder",
  EACCES: "this user may not (EACCES)",
  EPERM: "this user may not (EPERM)",
  EROFS: "this disk can only be read (EROFS)",
  ENOSPC: "the disk is full (ENOSPC)",
  EDQUOT: "this user's share of the disk is full (EDQUOT)",
  EMFILE: "too many files are open (EMFILE)",
};

/**
 * Writes a file so that its name shows either the old content or all of the new: a temporary file in the same folder is written, flushed to the disk and
 * renamed. On failure the temporary file is removed.
 * @throws {VitrineError} NOT_FOUND when the folder does not exist, STORAGE_FAILURE for a full disk, missing permission and other refusals.
 */
export async function writeFileAtomically(path: string, pieces: Iterable<Uint8Array>): Promise<void> {
  try {
    await replace(path, async (file) => {
      await writePieces(file, pieces);
      await file.sync();
    });
    await syncFolder(dirname(path));
  } catch (cause) {
    if (cause instanceof VitrineError) throw cause;
    const code = errorCode(cause);
    const missing = code === "ENOENT" || code === "ENOTDIR";
    throw new VitrineError(missing ? "NOT_FOUND" : "STORAGE_FAILURE", {
      rule: missing ? "the folder to write into must exist" : "the file must be written whole",
      evidence: systemReason(cause),
      place: path,
      next: code === "ENOSPC" ? "free some space; nothing was left behind" : undefined,
      cause,
    });
  }
}

/**
 * Writes a file of a cache, whole or not at all, into a folder that is made where needed. It is not flushed: what a power cut takes can be made again.
 * @throws {VitrineError} STORAGE_FAILURE when the disk refuses; what `write` throws. Nothing is left behind.
 */
export async function writeCached<T>(path: string, write: (file: FileHandle) => Promise<T>): Promise<T> {
  try {
    await mkdir(dirname(path), { recursive: true });
    return await replace(path, write);
  } catch (cause) {
    if (cause instanceof VitrineError) throw cause;
    throw new VitrineError("STORAGE_FAILURE", {
      rule: "the cache must be writable and have room",
      evidence: systemReason(cause),
      place: path,
      next: "free some space or set VITRINE_CACHE to another folder",
      cause,
    });
  }
}

/** Writes all of the bytes, one after the other, and gives their number. */
export async function writePieces(file: FileHandle, pieces: Iterable<Uint8Array>): Promise<number> {
  let total = 0;
  for (const piece of pieces)
    for (let done = 0; done < piece.length; ) {
      const { bytesWritten } = await file.write(piece, done, Math.min(piece.length - done, chunk));
      done += bytesWritten;
      total += bytesWritten;
    }
  return total;
}

/** Makes a rename durable; not every file system lets a folder be flushed. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r").catch(() => undefined);
  await folder?.sync().catch(() => {});
  await folder?.close();
}

/** Gives a file its name when all of it is there. */
async function replace<T>(path: string, write: (file: FileHandle) => Promise<T>): Promise<T> {
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString("hex")}.tmp`;
  let file: FileHandle | undefined;
  try {
    file = await open(temporary, "wx");
    const result = await write(file);
    await file.close();
    file = undefined;
    await rename(temporary, path);
    return result;
  } catch (error) {
    await file?.close().catch(() => {});
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}
