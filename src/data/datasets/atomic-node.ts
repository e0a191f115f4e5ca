/** Files of a cache: written whole or not at all. Node only. */

import { randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { VitrineError } from "../../errors.ts";

/**
 * Writes a file under another name in the same folder, which is made where needed, and gives it its own name when all is there.
 * @throws {VitrineError} STORAGE_FAILURE when the disk refuses; what `write` throws. Nothing is left behind.
 */
export async function writeAtomically<T>(path: string, write: (file: FileHandle) => Promise<T>): Promise<T> {
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString("hex")}.tmp`;
  let file: FileHandle | undefined;
  try {
    await mkdir(dirname(path), { recursive: true });
    file = await open(temporary, "wx");
    const result = await write(file);
    await file.close();
    file = undefined;
    await rename(temporary, path);
    return result;
  } catch (cause) {
    await file?.close().catch(() => {});
    await rm(temporary, { force: true }).catch(() => {});
    if (cause instanceof VitrineError) throw cause;
    throw new VitrineError("STORAGE_FAILURE", {
      rule: "the cache must be writable and have room",
      evidence: (cause as NodeJS.ErrnoException).code ?? String(cause),
      place: path,
      next: "free some space or set VITRINE_CACHE to another folder",
      cause,
    });
  }
}

/** Writes all of the bytes, one after the other, and gives their number. */
export async function writePieces(file: FileHandle, pieces: readonly Uint8Array[]): Promise<number> {
  let total = 0;
  for (const piece of pieces)
    for (let done = 0; done < piece.length; ) {
      const { bytesWritten } = await file.write(piece, done, piece.length - done);
      done += bytesWritten;
      total += bytesWritten;
    }
  return total;
}
