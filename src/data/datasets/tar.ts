/**
 * Tar archives read from the front, entry by entry: ustar with the extensions of GNU (long names) and of POSIX 2001 (pax). Nothing is written to disk.
 *
 * Reference: POSIX.1-2024, `pax`, "ustar Interchange Format" and "pax Extended Header"; GNU tar manual, "Basic Tar Format".
 */

import { VitrineError } from "../../errors.ts";

/** Bytes that are read once, forward. */
export interface ByteCursor {
  /** Number of bytes read and skipped so far. */
  readonly position: number;
  /** The next `length` bytes, or fewer at the end. They may be overwritten by the next call. */
  read(length: number): Promise<Uint8Array>;
  /** Passes over `length` bytes; gives the number that there were. */
  skip(length: number): Promise<number>;
}

/** A file in an archive. */
export interface TarEntry {
  /** Path within the archive, parts separated by `/`. */
  readonly name: string;
  /** Number of bytes. */
  readonly size: number;
  /** Where its bytes begin in the archive. */
  readonly start: number;
  /** Its bytes; to be called at most once, before the next entry is asked for. */
  read(): Promise<Uint8Array>;
}

const block = 512;
/** A long name or a set of pax attributes has no need of more. */
const longestAttributes = 2 ** 20;
/** The largest file that is ever held in memory. */
const largestRead = 256 * 2 ** 20;

/** A cursor over chunks as they come, such as a stream of decompressed bytes; holds one chunk at a time. */
export function streamCursor(chunks: AsyncIterable<Uint8Array>): ByteCursor {
  const source = chunks[Symbol.asyncIterator]();
  let chunk: Uint8Array = new Uint8Array(0);
  let position = 0;
  const next = async (): Promise<boolean> => {
    while (chunk.length === 0) {
      const result = await source.next();
      if (result.done) return false;
      chunk = result.value;
    }
    return true;
  };
  const take = (length: number): Uint8Array => {
    const taken = chunk.subarray(0, length);
    chunk = chunk.subarray(length);
    position += taken.length;
    return taken;
  };
  return {
    get position() {
      return position;
    },
    async read(length) {
      if (chunk.length >= length) return take(length);
      // Grown as bytes come: a header's word is no reason to reserve memory.
      const pieces: Uint8Array[] = [];
      let missing = length;
      while (missing > 0 && (await next())) {
        const piece = take(missing);
        pieces.push(piece);
        missing -= piece.length;
      }
      const out = new Uint8Array(length - missing);
      let at = 0;
      for (const piece of pieces) {
        out.set(piece, at);
        at += piece.length;
      }
      return out;
    },
    async skip(length) {
      let missing = length;
      while (missing > 0 && (await next())) missing -= take(missing).length;
      return length - missing;
    },
  };
}

/**
 * The regular files of an archive in their order; folders, links and devices are passed over.
 * @param place - the archive's name, for error messages.
 * @throws {VitrineError} INVALID_FILE when the archive is cut off or a header's checksum is wrong; UNSAFE_FILE for names that lead out of the archive and for sizes
 * beyond 256 MiB of a file that is read.
 */
export async function* readTar(cursor: ByteCursor, place: string): AsyncGenerator<TarEntry, void, undefined> {
  const cut = (at: number, evidence: string): VitrineError =>
    new VitrineError("INVALID_FILE", {
      rule: "a tar archive must be whole",
      evidence: `${evidence} at byte ${at}`,
      place,
      next: "copy or download it again",
    });
  let attributes: Attributes = {};
  for (;;) {
    const at = cursor.position;
    // Copied, since what is read may be overwritten.
    const header = Uint8Array.from(await cursor.read(block));
    if (header.length === 0) {
      // Some writers leave out the two blocks of zeros at the end.
      if (at === 0) throw cut(at, "it is empty, cut");
      return;
    }
    if (header.length < block) throw cut(at, "it is cut");
    if (header.every((byte) => byte === 0)) return;
    requireChecksum(header, at, place);
    const type = String.fromCharCode(header[156]!);
    const size = attributes.size ?? numberField(header, 124, 12, at, place);
    const padded = Math.ceil(size / block) * block;
    const read = async (): Promise<Uint8Array> => {
      const bytes = await cursor.read(size);
      if (bytes.length < size) throw cut(cursor.position, "it is cut");
      return bytes;
    };
    if (type === "x" || type === "g" || type === "L" || type === "K") {
      if (size > longestAttributes) throw tooLarge("attributes in a tar archive", size, longestAttributes, at, place);
      const bytes = await read();
      if (type === "x") attributes = { ...attributes, ...paxAttributes(bytes, at, place) };
      else if (type === "L") attributes = { ...attributes, name: textField(bytes, 0, bytes.length) };
    } else {
      const name = attributes.name ?? headerName(header);
      attributes = {};
      const start = cursor.position;
      if (type === "0" || type === "\0" || type === "7") {
        requireInside(name, at, place);
        yield {
          name,
          size,
          start,
          read: async () => {
            if (size > largestRead) throw tooLarge(`${name} in a tar archive`, size, largestRead, at, place);
            return read();
          },
        };
      }
    }
    const rest = at + block + padded - cursor.position;
    if ((await cursor.skip(rest)) < rest) throw cut(cursor.position, "it is cut");
  }
}

interface Attributes {
  readonly name?: string;
  readonly size?: number;
}

function tooLarge(what: string, size: number, limit: number, at: number, place: string): VitrineError {
  return new VitrineError("UNSAFE_FILE", {
    rule: `${what} may have at most ${limit} bytes`,
    evidence: `got ${size} in the header at byte ${at}`,
    place,
  });
}

function textField(bytes: Uint8Array, start: number, length: number): string {
  const field = bytes.subarray(start, start + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

function headerName(header: Uint8Array): string {
  const name = textField(header, 0, 100);
  // GNU's own format keeps times where ustar keeps the first part of the name.
  const prefix = textField(header, 257, 6) === "ustar" ? textField(header, 345, 155) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** A number in octal digits or, with the highest bit set, in base 256. */
function numberField(header: Uint8Array, start: number, length: number, at: number, place: string): number {
  const wrong = (evidence: string): VitrineError =>
    new VitrineError("INVALID_FILE", {
      rule: "a size in a tar header must be a number",
      evidence: `got ${evidence} in the header at byte ${at}`,
      place,
    });
  if (header[start]! & 0x80) {
    let value = header[start]! & 0x7f;
    for (let i = 1; i < length; i++) value = value * 256 + header[start + i]!;
    if (!Number.isSafeInteger(value)) throw wrong(`about ${value}`);
    return value;
  }
  const text = textField(header, start, length).trim();
  if (!/^[0-7]*$/.test(text)) throw wrong(JSON.stringify(text));
  return text === "" ? 0 : Number.parseInt(text, 8);
}

function requireChecksum(header: Uint8Array, at: number, place: string): void {
  const said = Number.parseInt(textField(header, 148, 8).trim(), 8);
  let sum = 0;
  for (let i = 0; i < block; i++) sum += i >= 148 && i < 156 ? 32 : header[i]!;
  if (sum !== said)
    throw new VitrineError("INVALID_FILE", {
      rule: "a header in a tar archive must have the checksum that it says",
      evidence: `its bytes add up to ${sum}, not ${Number.isNaN(said) ? "a number" : said}, at byte ${at}`,
      place,
      next: at === 0 ? "give a tar archive" : "copy or download it again",
    });
}

/** The name and size among records `length key=value\n`. */
function paxAttributes(bytes: Uint8Array, at: number, place: string): Attributes {
  const found: { name?: string; size?: number } = {};
  for (let start = 0; start < bytes.length; ) {
    const space = bytes.indexOf(32, start);
    const length = space < 0 ? Number.NaN : Number(textField(bytes, start, space - start));
    const equals = bytes.indexOf(61, space);
    if (!Number.isInteger(length) || start + length > bytes.length || equals < 0 || equals >= start + length)
      throw new VitrineError("INVALID_FILE", {
        rule: "a pax attribute must be a length, a key and a value",
        evidence: `the attributes at byte ${at} are not`,
        place,
      });
    const key = textField(bytes, space + 1, equals - space - 1);
    const value = new TextDecoder().decode(bytes.subarray(equals + 1, start + length - 1));
    if (key === "path") found.name = value;
    if (key === "size" && /^\d{1,15}$/.test(value)) found.size = Number(value);
    start += length;
  }
  return found;
}

function requireInside(name: string, at: number, place: string): void {
  const parts = name.split(/[/\\]/);
  if (name === "" || name.includes("\0") || parts[0] === "" || /^[A-Za-z]:/.test(name) || parts.includes(".."))
    throw new VitrineError("UNSAFE_FILE", {
      rule: "a name in a tar archive must be a path within it",
      evidence: `got ${JSON.stringify(name)} in the header at byte ${at}`,
      place,
    });
}
