/**
 * The two passes of resizing: weighted sums along rows, then of rows. By WebAssembly, which adds several numbers at once, where the machine has it, else by JavaScript;
 * the bytes are the same.
 */

import { instantiate } from "../graph/instantiate.ts";
import type { Image } from "./image.ts";
import { code } from "./resize-passes-code.ts";

/** For each output position: the first input position, how many, and their weights times 2²² (`taps` slots each). */
export interface Weights {
  readonly taps: number;
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly values: Int32Array;
}

/** What is summed: pixels from `left` of `height` rows from `top` on, into rows of `width`. */
export interface RowSums {
  readonly source: Image;
  readonly left: number;
  readonly top: number;
  readonly height: number;
  readonly width: number;
  readonly weights: Weights;
}

/** What is summed: whole rows, of which the first is input position `top`, into `height` others. */
export interface ColumnSums {
  readonly source: Image;
  readonly top: number;
  readonly height: number;
  readonly weights: Weights;
}

/** Weighted sums along rows. */
export function alongRows(sums: RowSums): Image {
  return engine && sums.source.channels === 3 ? rowsTogether(sums, engine) : rowsPlain(sums);
}

/** Weighted sums of rows. */
export function alongColumns(sums: ColumnSums): Image {
  return engine ? columnsTogether(sums, engine) : columnsPlain(sums);
}

/** What rounds a sum of weights times 2²². */
const half = 1 << 21;

/** `alongRows` in JavaScript. */
export function rowsPlain({ source, left, top, height, width, weights }: RowSums): Image {
  const { channels, data } = source;
  const { taps, first, count, values } = weights;
  const out = new Uint8ClampedArray(width * height * channels);
  let to = 0;
  for (let y = top; y < top + height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++) {
        let from = (y * source.width + left + first[x]!) * channels + c;
        let sum = half;
        for (let k = x * taps, end = k + count[x]!; k < end; k++, from += channels)
          sum = (sum + Math.imul(data[from]!, values[k]!)) | 0;
        out[to++] = sum >> 22;
      }
  return { width, height, channels, data: new Uint8Array(out.buffer) };
}

/** `alongColumns` in JavaScript. */
export function columnsPlain({ source, top, height, weights }: ColumnSums): Image {
  const { width, channels, data } = source;
  const { taps, first, count, values } = weights;
  const length = width * channels;
  const out = new Uint8ClampedArray(length * height);
  const sums = new Int32Array(length);
  for (let y = 0; y < height; y++) {
    sums.fill(half);
    let from = (first[y]! - top) * length;
    for (let k = y * taps, end = k + count[y]!; k < end; k++, from += length)
      for (let i = 0; i < length; i++) sums[i] = (sums[i]! + Math.imul(data[from + i]!, values[k]!)) | 0;
    for (let i = 0; i < length; i++) out[y * length + i] = sums[i]! >> 22;
  }
  return { width, height, channels, data: new Uint8Array(out.buffer) };
}

/** What resize-passes.wat exports; it says what the numbers are. */
interface Engine {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly rows: (...numbers: readonly number[]) => void;
  readonly columns: (...numbers: readonly number[]) => void;
}

const engine = /* @__PURE__ */ instantiate<Engine>(code);

const page = 2 ** 16;
/** Bytes of the source at a time: they stay in the processor's cache. */
const strip = 2 ** 18;
/** What may be read and written beyond the end. */
const margin = 16;

/** Places in the engine's memory: three tables of int32, then so many bytes of input and of output. */
function layOut({ memory }: Engine, { count, values }: Weights, input: number, output: number) {
  const [counts, table] = [4 * count.length, 8 * count.length];
  const from = table + 4 * values.length;
  const to = from + 4 * Math.ceil((input + margin) / 4);
  const missing = to + output + margin - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / page));
  return {
    counts,
    table,
    from,
    to,
    bytes: new Uint8Array(memory.buffer),
    numbers: new Int32Array(memory.buffer, 0, from / 4),
  };
}

function rowsTogether({ source, left, top, height, width, weights }: RowSums, engine: Engine): Image {
  const { taps, first, count, values } = weights;
  // Of each row only what is read.
  const lowest = first[0]!;
  const length = 3 * (first[width - 1]! + count[width - 1]! - lowest);
  const most = Math.min(height, Math.max(1, Math.floor(strip / length)));
  const { counts, table, from, to, bytes, numbers } = layOut(engine, weights, most * length, most * 3 * width);
  for (let x = 0; x < width; x++) numbers[x] = 3 * (first[x]! - lowest);
  numbers.set(count, width);
  numbers.set(values, 2 * width);
  const out = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y += most) {
    const now = Math.min(most, height - y);
    for (let i = 0; i < now; i++) {
      const start = 3 * ((top + y + i) * source.width + left + lowest);
      bytes.set(source.data.subarray(start, start + length), from + i * length);
    }
    engine.rows(from, length, now, 0, counts, table, taps, width, to);
    out.set(bytes.subarray(to, to + 3 * width * now), 3 * width * y);
  }
  return { width, height, channels: 3, data: out };
}

function columnsTogether({ source, top, height, weights }: ColumnSums, engine: Engine): Image {
  const { width, channels, data } = source;
  const { taps, first, count, values } = weights;
  const length = width * channels;
  const end = (y: number): number => first[y]! + count[y]!;
  const out = new Uint8Array(length * height);
  for (let y = 0, next = 0; y < height; y = next) {
    // As many output rows as a strip of input rows makes.
    const lowest = first[y]!;
    next = y + 1;
    while (next < height && (end(next) - lowest) * length <= strip) next++;
    const rows = end(next - 1) - lowest;
    const { counts, table, from, to, bytes, numbers } = layOut(engine, weights, rows * length, (next - y) * length);
    for (let i = y; i < next; i++) numbers[i - y] = first[i]! - lowest;
    numbers.set(count.subarray(y, next), height);
    numbers.set(values.subarray(y * taps, next * taps), 2 * height);
    bytes.set(data.subarray((lowest - top) * length, (lowest - top + rows) * length), from);
    engine.columns(from, length, next - y, 0, counts, table, taps, to);
    out.set(bytes.subarray(to, to + (next - y) * length), y * length);
  }
  return { width, height, channels, data: out };
}
