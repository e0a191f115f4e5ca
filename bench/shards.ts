/**
 * Writes a data set in shards, for measuring: noise as JPEGs in tar archives or parquet files, as many as fill so many MiB. All pictures differ, and none can be made smaller.
 *
 *     node tools/run.mjs bench/shards.ts FOLDER tar|parquet MIB
 */

import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { encodeJpeg } from "../src/data/decode-node.ts";

/** About the size of a photograph on the hub: 100 of them are a row group of `datasets`. */
const [width, height] = [480, 360];
const classes = 10;
const perGroup = 100;
const shards = 6;

interface Sample {
  readonly bytes: Uint8Array;
  readonly label: number;
}

/** A column of required values, plain and not compressed: its name and its physical type (1: int32, 6: bytes). */
const columns = [
  { name: "image", type: 6 },
  { name: "label", type: 1 },
] as const;

const [folder = "shards", kind = "tar", mebibytes = "600"] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
let count = 0;
for (let shard = 0; shard < shards; shard++) {
  const file = openSync(join(folder, `${String(shard).padStart(6, "0")}.${kind}`), "w");
  const { add, end } = (kind === "tar" ? tarWriter : parquetWriter)((piece) => void writeSync(file, piece));
  for (let written = 0; written < (2 ** 20 * Number(mebibytes)) / shards; count++) {
    const sample = { bytes: await encodeJpeg(noise(count), 95), label: count % classes };
    written += sample.bytes.length;
    add(sample, String(count).padStart(8, "0"));
  }
  end();
  closeSync(file);
}

/** George Marsaglia's xorshift. */
function noise(seed: number): { width: number; height: number; channels: 3; data: Uint8Array } {
  const words = new Uint32Array((width * height * 3) / 4);
  let state = (seed + 1) * 2_654_435_761;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return { width, height, channels: 3, data: new Uint8Array(words.buffer) };
}

interface Writer {
  readonly add: (sample: Sample, name: string) => void;
  readonly end: () => void;
}

/** A WebDataset archive: NAME.jpg with NAME.cls. */
function tarWriter(write: (piece: Uint8Array) => void): Writer {
  const entry = (name: string, bytes: Uint8Array): void => {
    const header = Buffer.alloc(512);
    const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, "0")}\0`;
    header.write(name, 0);
    header.write(octal(0o644, 7), 100);
    header.write(octal(bytes.length, 11), 124);
    header.write(octal(0, 11), 136);
    header.write("        ", 148);
    header.write("0", 156);
    header.write("ustar\x0000", 257);
    header.write(
      `${header
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, "0")}\0 `,
      148,
    );
    write(header);
    write(bytes);
    write(Buffer.alloc(-bytes.length & 511));
  };
  return {
    add: ({ bytes, label }, name) => {
      entry(`${name}.jpg`, bytes);
      entry(`${name}.cls`, Buffer.from(String(label)));
    },
    end: () => write(Buffer.alloc(1024)),
  };
}

interface Chunk {
  readonly start: number;
  readonly size: number;
}

/** A parquet file with one page a column and row group. @source https://github.com/apache/parquet-format, parquet.thrift */
function parquetWriter(write: (piece: Uint8Array) => void): Writer {
  let position = 0;
  const put = (...pieces: readonly Uint8Array[]): void => {
    for (const piece of pieces) {
      write(piece);
      position += piece.length;
    }
  };
  const groups: { readonly rows: number; readonly chunks: readonly Chunk[] }[] = [];
  let held: Sample[] = [];
  const flush = (): void => {
    if (held.length === 0) return;
    const values = [held.flatMap(({ bytes }) => [int32(bytes.length), bytes]), held.map(({ label }) => int32(label))];
    const chunks = values.map((pieces): Chunk => {
      const start = position;
      const size = pieces.reduce((sum, { length }) => sum + length, 0);
      const page = struct([1, i32(held.length)], [2, i32(0)], [3, i32(3)], [4, i32(3)]);
      put(struct([1, i32(0)], [2, i32(size)], [3, i32(size)], [5, page]).bytes, ...pieces);
      return { start, size: position - start };
    });
    groups.push({ rows: held.length, chunks });
    held = [];
  };
  put(Buffer.from("PAR1"));
  return {
    add: (sample) => {
      held.push(sample);
      if (held.length === perGroup) flush();
    },
    end: () => {
      flush();
      const schema = columns.map(({ name, type }) => struct([1, i32(type)], [3, i32(0)], [4, text(name)]));
      const footer = struct(
        [1, i32(1)],
        [2, list(struct([4, text("schema")], [5, i32(columns.length)]), ...schema)],
        [3, i64(groups.reduce((sum, { rows }) => sum + rows, 0))],
        [4, list(...groups.map(({ rows, chunks }) => rowGroup(rows, chunks)))],
      ).bytes;
      put(footer, int32(footer.length), Buffer.from("PAR1"));
    },
  };
}

function rowGroup(rows: number, chunks: readonly Chunk[]): Thrift {
  const column = ({ start, size }: Chunk, i: number): Thrift => {
    const { name, type } = columns[i]!;
    const meta = struct(
      ...([
        [1, i32(type)],
        [2, list(i32(0))],
        [3, list(text(name))],
        [4, i32(0)],
        [5, i64(rows)],
      ] as const),
      ...([
        [6, i64(size)],
        [7, i64(size)],
        [9, i64(start)],
      ] as const),
    );
    return struct([2, i64(start)], [3, meta]);
  };
  const size = chunks.reduce((sum, chunk) => sum + chunk.size, 0);
  return struct([1, list(...chunks.map(column))], [2, i64(size)], [3, i64(rows)]);
}

/** A value in thrift's compact protocol, and its type there. */
interface Thrift {
  readonly type: number;
  readonly bytes: Uint8Array;
}

function int32(value: number): Uint8Array {
  const out = Buffer.alloc(4);
  out.writeInt32LE(value);
  return out;
}

function varint(value: number): Uint8Array {
  const out: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    out.push(rest < 128 ? rest : 128 + (rest % 128));
    if (rest < 128) return Uint8Array.from(out);
  }
}

function i32(value: number): Thrift {
  return { type: 5, bytes: varint(2 * value) };
}

function i64(value: number): Thrift {
  return { type: 6, bytes: varint(2 * value) };
}

function text(value: string): Thrift {
  return { type: 8, bytes: Buffer.concat([varint(value.length), Buffer.from(value)]) };
}

function list(...items: readonly Thrift[]): Thrift {
  const { length } = items;
  const start = length < 15 ? Uint8Array.of(16 * length + items[0]!.type) : Uint8Array.of(0xf0 + items[0]!.type);
  return {
    type: 9,
    bytes: Buffer.concat([start, ...(length < 15 ? [] : [varint(length)]), ...items.map((one) => one.bytes)]),
  };
}

function struct(...fields: readonly (readonly [id: number, value: Thrift])[]): Thrift {
  const pieces = fields.flatMap(([id, { type, bytes }], i) => [
    Uint8Array.of(16 * (id - (i === 0 ? 0 : fields[i - 1]![0])) + type),
    bytes,
  ]);
  return { type: 12, bytes: Buffer.concat([...pieces, Uint8Array.of(0)]) };
}
