/** Files on disk: read in ranges, and replaced whole or not at all. Node only. */

import { randomBytes } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { VitrineError } from "../errors.ts";
import { type ByteSource, requireRange } from "./byte-source.ts";

/** One `read` or `write` call moves less than 2^31 bytes on every platform. */
const chunk = 2 ** 30;

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/**
 * Opens a regular file for reading in ranges.
 * @throws {VitrineError} NOT_FOUND when there is no such file, INVALID_FILE when it is a folder or cannot be read.
 */
export async function openFileBytes(path: string): Promise<ByteSource> {
  let handle: FileHandle;
  try {
    handle = await open(path, "r");
  } catch (error) {
    throw errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR"
      ? new VitrineError("NOT_FOUND", { rule: "a weights file must exist", place: path, cause: error })
      : new VitrineError("INVALID_FILE", {
          rule: "a weights file must be readable",
          evidence: errorCode(error),
          place: path,
          cause: error,
        });
  }
  const stat = await handle.stat();
  if (!stat.isFile()) {
    await handle.close();
    throw new VitrineError("INVALID_FILE", { rule: "weights must be in a regular file", place: path });
  }
  const { size } = stat;
  let open_ = true;
  return {
    place: path,
    size,
    read: async (offset, length) => {
      requireRange(offset, length, size, path);
      const out = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const { bytesRead } = await handle.read(out, done, Math.min(length - done, chunk), offset + done);
        // The file was cut while it was open.
        if (bytesRead === 0) requireRange(offset, length, offset + done, path);
        done += bytesRead;
      }
      return out;
    },
    close: async () => {
      if (open_) {
        open_ = false;
        await handle.close();
      }
    },
  };
}

/**
 * Writes a file so that its name shows either the old content or all of the new: a temporary file in the same folder is
 * written, flushed to the disk and renamed. On failure the temporary file is removed.
 * @throws {VitrineError} NOT_FOUND when the folder does not exist, STORAGE_FAILURE for a full disk, missing permission and other refusals.
 */
export async function writeFileAtomically(path: string, pieces: Iterable<Uint8Array>): Promise<void> {
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString("hex")}.tmp`;
  let handle: FileHandle | undefined;
  try {
    handle = await open(temporary, "wx");
    for (const piece of pieces) await writeFully(handle, piece);
    await handle.sync();
    await handle.close();
    handle = undefined;
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await handle?.close().catch(() => {});
    await rm(temporary, { force: true }).catch(() => {});
    if (error instanceof VitrineError) throw error;
    const code = errorCode(error);
    const missing = code === "ENOENT" || code === "ENOTDIR";
    throw new VitrineError(missing ? "NOT_FOUND" : "STORAGE_FAILURE", {
      rule: missing ? "the folder to write into must exist" : "the file must be written whole",
      evidence: code ?? String(error),
      place: path,
      next: code === "ENOSPC" ? "free some space; nothing was left behind" : undefined,
      cause: error,
    });
  }
}

async function writeFully(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, done, Math.min(bytes.length - done, chunk));
    done += bytesWritten;
  }
}

/** Makes a rename durable; not every file system lets a folder be flushed. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r").catch(() => undefined);
  await folder?.sync().catch(() => {});
  await folder?.close();
}
