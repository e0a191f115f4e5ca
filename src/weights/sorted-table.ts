/**
 * LevelDB's tables: sorted keys with their values, in blocks that leave out what a key shares with the one before. TensorFlow's checkpoints keep their index in one.
 * @source google/leveldb, doc/table_format.md; tensorflow/core/lib/io/format.cc
 */

import { BinaryReader } from "@bufbuild/protobuf/wire";
import { VitrineError } from "../errors.ts";
import { maskedCrc32c } from "../files/crc32c.ts";

const footerSize = 48;
/** Kind of compression and checksum, after each block. */
const trailerSize = 5;
const magic = 0xdb4775248b80fb57n;

/** Whether a file that ends with these bytes is a table. @param end at least its last eight bytes */
export function endsAsTable(end: Uint8Array): boolean {
  if (end.length < 8) return false;
  return new DataView(end.buffer, end.byteOffset, end.byteLength).getBigUint64(end.length - 8, true) === magic;
}

/**
 * All keys of a table, in their order, with the bytes under each.
 * @throws {VitrineError} INVALID_FILE for bytes that are no table, or not whole; a compressed block.
 */
export function readSortedTable(bytes: Uint8Array, place: string): Map<string, Uint8Array> {
  const invalid = (rule: string, evidence?: string): VitrineError =>
    new VitrineError("INVALID_FILE", { rule: `table: ${rule}`, evidence, place, next: "get the file again" });
  if (bytes.length < footerSize || !endsAsTable(bytes)) throw invalid("it must end with LevelDB's mark");

  /** Bytes of the block that a handle (offset and size) names. */
  const block = (handle: BinaryReader): Uint8Array => {
    const [offset, size] = [Number(handle.uint64()), Number(handle.uint64())];
    if (offset + size + trailerSize > bytes.length - footerSize)
      throw invalid("a block must lie before the footer", `bytes ${offset} to ${offset + size + trailerSize}`);
    const [kind] = bytes.subarray(offset + size);
    if (kind !== 0)
      throw invalid("blocks must not be compressed", kind === 1 ? "got Snappy" : `got compression ${kind}`);
    const trailer = new DataView(bytes.buffer, bytes.byteOffset + offset + size, trailerSize);
    if (trailer.getUint32(1, true) !== maskedCrc32c(bytes.subarray(offset, offset + size + 1)))
      throw invalid("a block must have its checksum", `block at byte ${offset}`);
    return bytes.subarray(offset, offset + size);
  };

  try {
    const footer = new BinaryReader(bytes.subarray(bytes.length - footerSize));
    // Of blocks about the table itself; nothing is written there.
    footer.uint64();
    footer.uint64();
    const found = new Map<string, Uint8Array>();
    for (const handle of entries(block(footer)).values())
      for (const [key, value] of entries(block(new BinaryReader(handle)))) found.set(key, value);
    return found;
  } catch (error) {
    if (error instanceof VitrineError) throw error;
    throw invalid("its blocks must be readable", (error as Error).message);
  }
}

/** Keys and values of a block. @throws RangeError or TypeError for bytes that are none */
function entries(block: Uint8Array): Map<string, Uint8Array> {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  // After the entries: where whole keys stand, for binary search, and how many they are.
  const restarts = view.getUint32(block.length - 4, true);
  const reader = new BinaryReader(block.subarray(0, block.length - 4 * (restarts + 1)));
  const text = new TextDecoder("utf-8", { fatal: true });
  const found = new Map<string, Uint8Array>();
  let key = new Uint8Array();
  while (reader.pos < reader.len) {
    const [shared, own, size] = [reader.uint32(), reader.uint32(), reader.uint32()];
    const start = reader.pos;
    if (shared > key.length || start + own + size > reader.len) throw new RangeError("an entry reaches too far");
    key = Uint8Array.from([...key.subarray(0, shared), ...block.subarray(start, start + own)]);
    found.set(text.decode(key), block.subarray(start + own, start + own + size));
    reader.pos = start + own + size;
  }
  return found;
}
