/** Random access to the bytes of a file, whether on disk or in memory, so that each format is written once for Node and browser. */

import { VitrineError } from "../errors.ts";

export interface ByteSource {
  /** File name or address, for messages. */
  readonly place: string;
  /** Bytes in all. */
  readonly size: number;
  /**
   * `length` bytes from `offset`.
   * @throws {VitrineError} INVALID_FILE when the range reaches past the end.
   */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Bytes that are in memory; `read` returns views of them. */
export function memoryBytes(bytes: Uint8Array, place = "memory"): ByteSource {
  return {
    place,
    size: bytes.length,
    read: async (offset, length) => {
      requireRange(offset, length, bytes.length, place);
      return bytes.subarray(offset, offset + length);
    },
    close: async () => {},
  };
}

/** @throws {VitrineError} INVALID_FILE unless `offset` to `offset + length` lies within `size` bytes. */
export function requireRange(offset: number, length: number, size: number, place: string): void {
  if (!(offset >= 0 && length >= 0 && offset + length <= size))
    throw new VitrineError("INVALID_FILE", {
      rule: "a file must reach as far as it says",
      evidence: `needs bytes ${offset} to ${offset + length}, has ${size}`,
      place,
      next: "it is cut off or not of this format; get it again",
    });
}
