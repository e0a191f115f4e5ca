/** Files on disk, read in ranges. Node only. */

import { type FileHandle, open } from "node:fs/promises";
import { VitrineError } from "../errors.ts";
import { errorCode, systemReason } from "../files/write-node.ts";
import { type ByteSource, requireRange } from "./byte-source.ts";

/** One `read` call moves less than 2^31 bytes on every platform. */
const chunk = 2 ** 30;

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
          evidence: systemReason(error),
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
      const bytes = await readRange(handle, offset, length);
      // The file may have been cut while it was open.
      requireRange(offset, length, offset + bytes.length, path);
      return bytes;
    },
    close: async () => {
      if (open_) {
        open_ = false;
        await handle.close();
      }
    },
  };
}

/** Bytes of an open file from an offset on, however many; fewer where it ends before. */
export async function readRange(handle: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, Math.min(length - done, chunk), offset + done);
    if (bytesRead === 0) return bytes.subarray(0, done);
    done += bytesRead;
  }
  return bytes;
}
