/**
 * Zip archives, read in place: the central directory once, then single entries (stored or deflated), with zip64.
 * Entry names are compared, never used as paths. Format: PKWARE's APPNOTE 6.3.
 */

import { inflateSync } from "fflate";
import { VitrineError } from "../errors.ts";
import type { ByteSource } from "./byte-source.ts";

/** Where an entry lies. */
export interface ZipEntry {
  readonly name: string;
  readonly deflated: boolean;
  /** Bytes in the archive. */
  readonly packed: number;
  /** Bytes when unpacked. */
  readonly size: number;
  readonly crc: number;
  /** Offset of the entry's own header. */
  readonly offset: number;
}

/** What an archive may cost: entries, and bytes that deflated entries grow to beyond a hundred times the file. */
export const zipLimits = { entries: 100_000, directoryBytes: 64_000_000, growth: 100, freeGrowth: 64_000_000 };

const entryHeader = 0x04034b50;
const directoryHeader = 0x02014b50;
const directoryEnd = 0x06054b50;
const directoryEnd64 = 0x06064b50;
const directoryLocator64 = 0x07064b50;

function invalid(rule: string, evidence: string | undefined, place: string): VitrineError {
  const next = "the file is damaged or of another format; get it again";
  return new VitrineError("INVALID_FILE", { rule: `zip: ${rule}`, evidence, place, next });
}

function unsafe(rule: string, evidence: string | undefined, place: string): VitrineError {
  return new VitrineError("UNSAFE_FILE", { rule: `zip: ${rule}`, evidence, place });
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/**
 * All entries by name.
 * @throws {VitrineError} INVALID_FILE for a broken archive (also names twice and entries that overlap), UNSAFE_FILE beyond the limits or for encryption.
 */
export async function readZipDirectory(bytes: ByteSource): Promise<Map<string, ZipEntry>> {
  const { place, size } = bytes;
  const { count, start, length } = await findDirectory(bytes);
  if (count > zipLimits.entries)
    throw unsafe(`an archive may have ${zipLimits.entries} entries`, `got ${count}`, place);
  if (length > zipLimits.directoryBytes)
    throw unsafe(`a directory may have ${zipLimits.directoryBytes} bytes`, `got ${length}`, place);
  const directory = await bytes.read(start, length);
  const view = viewOf(directory);
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > length || view.getUint32(at, true) !== directoryHeader)
      throw invalid("the directory must hold as many entries as it says", `entry ${i} of ${count}`, place);
    const flags = view.getUint16(at + 8, true);
    const method = view.getUint16(at + 10, true);
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const next = at + 46 + nameLength + extraLength + view.getUint16(at + 32, true);
    if (next > length) throw invalid("the directory must not end early", undefined, place);
    let name: string;
    try {
      name = text.decode(directory.subarray(at + 46, at + 46 + nameLength));
    } catch {
      throw invalid("entry names must be UTF-8", undefined, place);
    }
    if (flags & 1) throw unsafe("entries must not be encrypted", `"${name}"`, place);
    if (method !== 0 && method !== 8)
      throw unsafe("entries must be stored or deflated", `"${name}": method ${method}`, place);
    if (entries.has(name)) throw invalid("entry names must be unique", `"${name}"`, place);
    const sizes = [view.getUint32(at + 24, true), view.getUint32(at + 20, true), view.getUint32(at + 42, true)];
    const extra = directory.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength);
    const [unpacked, packed, offset] = resolve64(sizes, extra, place) as [number, number, number];
    if (method === 0 && packed !== unpacked) throw invalid("a stored entry has one size", `"${name}"`, place);
    entries.set(name, {
      name,
      deflated: method === 8,
      packed,
      size: unpacked,
      crc: view.getUint32(at + 16, true),
      offset,
    });
    at = next;
  }
  let expected = 0;
  let grown = 0;
  for (const entry of [...entries.values()].sort((a, b) => a.offset - b.offset)) {
    if (entry.offset < expected) throw invalid("entries must not overlap", `"${entry.name}"`, place);
    expected = entry.offset + 30 + entry.packed;
    if (expected > start) throw invalid("entries must lie before the directory", `"${entry.name}"`, place);
    if (entry.deflated) grown += entry.size;
  }
  if (grown > size * zipLimits.growth + zipLimits.freeGrowth)
    throw unsafe(`entries may unpack to ${zipLimits.growth} times the file`, `${size} bytes to ${grown}`, place);
  return entries;
}

async function findDirectory(bytes: ByteSource): Promise<{ count: number; start: number; length: number }> {
  const { place, size } = bytes;
  const tailLength = Math.min(size, 22 + 0xffff);
  const tail = await bytes.read(size - tailLength, tailLength);
  const view = viewOf(tail);
  let at = tailLength - 22;
  // The end record is the last whose comment reaches exactly to the end of the file.
  while (
    at >= 0 &&
    !(view.getUint32(at, true) === directoryEnd && at + 22 + view.getUint16(at + 20, true) === tailLength)
  )
    at--;
  if (at < 0) throw invalid("an archive must end with its directory", undefined, place);
  if (view.getUint16(at + 4, true) !== view.getUint16(at + 6, true))
    throw invalid("an archive must be one file", undefined, place);
  let count = view.getUint16(at + 10, true);
  let length = view.getUint32(at + 12, true);
  let start = view.getUint32(at + 16, true);
  if ((count === 0xffff || length === 0xffffffff || start === 0xffffffff) && at >= 20) {
    if (view.getUint32(at - 20, true) !== directoryLocator64)
      throw invalid("a zip64 locator must be there", undefined, place);
    const record = viewOf(await bytes.read(Number(view.getBigUint64(at - 12, true)), 56));
    if (record.getUint32(0, true) !== directoryEnd64) throw invalid("a zip64 record must be there", undefined, place);
    count = Number(record.getBigUint64(32, true));
    length = Number(record.getBigUint64(40, true));
    start = Number(record.getBigUint64(48, true));
  }
  if (start + length > size)
    throw invalid("the directory must lie within the file", `ends at ${start + length} of ${size}`, place);
  return { count, start, length };
}

/** Sizes and offset with those that do not fit 32 bits taken from the zip64 extra field, in their fixed order. */
function resolve64(sizes: readonly number[], extra: Uint8Array, place: string): number[] {
  if (!sizes.includes(0xffffffff)) return [...sizes];
  const view = viewOf(extra);
  for (let at = 0; at + 4 <= extra.length; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue;
    const end = Math.min(at + 4 + view.getUint16(at + 2, true), extra.length);
    let field = at + 4;
    return sizes.map((value) => {
      if (value !== 0xffffffff) return value;
      if (field + 8 > end) throw invalid("a zip64 field must hold each size it stands for", undefined, place);
      field += 8;
      return Number(view.getBigUint64(field - 8, true));
    });
  }
  throw invalid("a zip64 field must be there", undefined, place);
}

/** Offset of an entry's bytes: behind its own header, which must agree with the directory. */
export async function entryStart(bytes: ByteSource, entry: ZipEntry): Promise<number> {
  const head = viewOf(await bytes.read(entry.offset, 30));
  const nameLength = head.getUint16(26, true);
  const name = new TextDecoder().decode(await bytes.read(entry.offset + 30, nameLength));
  if (
    head.getUint32(0, true) !== entryHeader ||
    name !== entry.name ||
    head.getUint16(8, true) !== (entry.deflated ? 8 : 0)
  )
    throw invalid("an entry's header must agree with the directory", `"${entry.name}"`, bytes.place);
  return entry.offset + 30 + nameLength + head.getUint16(28, true);
}

/**
 * An entry's bytes, unpacked and compared with their checksum.
 * @throws {VitrineError} INVALID_FILE where they do not agree.
 */
export async function readZipEntry(bytes: ByteSource, entry: ZipEntry): Promise<Uint8Array> {
  const packed = await bytes.read(await entryStart(bytes, entry), entry.packed);
  const damaged = (evidence: string, cause?: unknown) =>
    new VitrineError("INVALID_FILE", {
      rule: "zip: an entry's bytes must be those that were packed",
      evidence,
      place: `"${entry.name}" of ${bytes.place}`,
      next: "the file is damaged; get it again",
      cause,
    });
  let out = packed;
  if (entry.deflated) {
    try {
      // One byte of room more than needed shows a stream that is too long, without growing with it.
      out = inflateSync(packed, { out: new Uint8Array(entry.size + 1) });
    } catch (error) {
      throw damaged("they cannot be inflated", error);
    }
    if (out.length !== entry.size) throw damaged(`${out.length} bytes of ${entry.size}`);
  }
  if (crc32(out) !== entry.crc) throw damaged("checksum differs");
  return out;
}

const crcTable: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ crcTable[(crc ^ bytes[i]!) & 0xff]!;
  return (crc ^ 0xffffffff) >>> 0;
}
