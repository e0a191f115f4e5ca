/**
 * The safetensors format: 8 bytes little-endian header length N, N bytes of JSON
 * `{name: {dtype, shape, data_offsets}, __metadata__: {…}}`, then the values, little-endian, C order, without gaps.
 *
 * Reading checks every rule of the reference reader (`safetensors/src/tensor.rs`), plus duplicate keys and exact integers.
 * Writing gives the same bytes as the reference writer (metadata in the order given).
 */

import { VitrineError } from "../errors.ts";
import { bytesPerElement, type DType, type NdArray, sizeOf, viewBytes } from "../graph/dtype.ts";
import { type ByteSource, requireRange } from "./byte-source.ts";
import { unknownTensor, type WeightInfo, type WeightSource } from "./source.ts";
import { JsonProblem, parseStrictJson, type StrictJson } from "./strict-json.ts";

/** In the reference writer's order: larger alignment first. */
const dtypeNames: readonly (readonly [DType, string])[] = [
  ["uint64", "U64"],
  ["int64", "I64"],
  ["float64", "F64"],
  ["float32", "F32"],
  ["uint32", "U32"],
  ["int32", "I32"],
  ["bfloat16", "BF16"],
  ["float16", "F16"],
  ["uint16", "U16"],
  ["int16", "I16"],
  ["int8", "I8"],
  ["uint8", "U8"],
  ["bool", "BOOL"],
];
const fromName: ReadonlyMap<string, DType> = new Map(dtypeNames.map(([dtype, name]) => [name, dtype]));
const toName: ReadonlyMap<DType, string> = new Map(dtypeNames);
const rank: ReadonlyMap<DType, number> = new Map(dtypeNames.map(([dtype], i) => [dtype, i]));

/** Types of the format that have no counterpart in ONNX Runtime's ordinary operators. */
const unsupported: ReadonlySet<string> = new Set(
  "C64 F8_E4M3 F8_E5M2 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ F6_E2M3 F6_E3M2 F4".split(" "),
);

/** What a header may cost, whatever the file says. */
export interface SafetensorsLimits {
  /** Bytes of JSON (default 25 MB). */
  readonly headerBytes: number;
  /** Tensors (default 200,000). */
  readonly tensors: number;
}

export const safetensorsLimits: SafetensorsLimits = { headerBytes: 25_000_000, tensors: 200_000 };

/** One tensor of a header; `begin` and `end` are byte offsets from `dataStart`. */
export interface SafetensorsEntry extends WeightInfo {
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** By name, in the order of the header. */
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: ReadonlyMap<string, string>;
  /** Byte offset in the file at which values begin. */
  readonly dataStart: number;
}

function invalid(rule: string, evidence: string | undefined, place: string): VitrineError {
  const next = "the file is damaged or not safetensors; get or write it again";
  return new VitrineError("INVALID_FILE", { rule: `safetensors: ${rule}`, evidence, place, next });
}

/** Header length from the first eight bytes, checked against the file and the limit. */
function headerLength(start: Uint8Array, fileSize: number, place: string, limits: SafetensorsLimits): number {
  if (fileSize < 8) throw invalid("a file must have 8 bytes of header length", `got ${fileSize} bytes`, place);
  const length = new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(fileSize - 8))
    throw invalid("the header must lie within the file", `says ${length} bytes, file has ${fileSize}`, place);
  if (length > BigInt(limits.headerBytes))
    throw new VitrineError("UNSAFE_FILE", {
      rule: `safetensors: a header may have ${limits.headerBytes} bytes`,
      evidence: `got ${length}`,
      place,
      next: "pass larger limits if you trust the file",
    });
  return Number(length);
}

/**
 * The header of a file whose first bytes are given (at least 8 and the header).
 * @throws {VitrineError} INVALID_FILE for each broken rule, UNSAFE_FILE beyond the limits, DTYPE_MISMATCH for the 8-, 6- and 4-bit floats and complex numbers.
 */
export function parseSafetensorsHeader(
  bytes: Uint8Array,
  fileSize: number = bytes.length,
  place = "memory",
  limits: SafetensorsLimits = safetensorsLimits,
): SafetensorsHeader {
  const length = headerLength(bytes, fileSize, place, limits);
  requireRange(8, length, bytes.length, place);
  const json = parseJson(bytes.subarray(8, 8 + length), place);
  const entries = new Map<string, SafetensorsEntry>();
  let metadata: ReadonlyMap<string, string> = new Map();
  for (const [name, value] of json) {
    if (name === "__metadata__") metadata = parseMetadata(value, place);
    else entries.set(name, parseEntry(name, value, place));
    if (entries.size > limits.tensors)
      throw new VitrineError("UNSAFE_FILE", {
        rule: `safetensors: a file may have ${limits.tensors} tensors`,
        place,
        next: "pass larger limits if you trust the file",
      });
  }
  requireContiguous(entries, fileSize - 8 - length, place);
  return { entries, metadata, dataStart: 8 + length };
}

function parseJson(bytes: Uint8Array, place: string): Map<string, StrictJson> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalid("the header must be UTF-8", undefined, place);
  }
  if (text[0] !== "{") throw invalid("the header must begin with {", `got ${JSON.stringify(text.slice(0, 1))}`, place);
  try {
    return parseStrictJson(text) as Map<string, StrictJson>;
  } catch (error) {
    if (!(error instanceof JsonProblem)) throw error;
    throw invalid("the header must be JSON with unique keys", `${error.message} at ${error.offset}`, place);
  }
}

function parseMetadata(value: StrictJson, place: string): Map<string, string> {
  if (!(value instanceof Map)) throw invalid("__metadata__ must be an object", undefined, place);
  for (const [key, item] of value)
    if (typeof item !== "string") throw invalid("__metadata__ must hold strings only", `key "${key}"`, place);
  return value as Map<string, string>;
}

const isCount = (value: StrictJson): value is number => typeof value === "number" && value >= 0;

function parseEntry(name: string, value: StrictJson, place: string): SafetensorsEntry {
  const at = `tensor "${name}" of ${place}`;
  if (!(value instanceof Map)) throw invalid("a tensor must be an object", undefined, at);
  for (const key of value.keys())
    if (key !== "dtype" && key !== "shape" && key !== "data_offsets")
      throw invalid("a tensor has dtype, shape and data_offsets only", `got "${key}"`, at);
  const dtypeName = value.get("dtype");
  if (typeof dtypeName !== "string") throw invalid("dtype must be a string", undefined, at);
  const shape = value.get("shape");
  if (!Array.isArray(shape) || !shape.every(isCount))
    throw invalid("shape must be a list of whole numbers from 0 to 2^53 - 1", undefined, at);
  const offsets = value.get("data_offsets");
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
    throw invalid("data_offsets must be two whole numbers from 0 to 2^53 - 1", undefined, at);
  if (unsupported.has(dtypeName))
    throw new VitrineError("DTYPE_MISMATCH", {
      rule: "safetensors: only whole numbers, booleans and floats of 16, 32 and 64 bits can be read",
      evidence: `got ${dtypeName}`,
      place: at,
      next: "convert the tensor to F16 or F32",
    });
  const dtype = fromName.get(dtypeName);
  if (!dtype) throw invalid("dtype must be one of the format's", `got ${JSON.stringify(dtypeName)}`, at);
  const [begin, end] = offsets as [number, number];
  if (end < begin) throw invalid("a tensor must end after it begins", `got ${begin} to ${end}`, at);
  let size = bytesPerElement(dtype);
  for (const axis of shape) {
    size *= axis;
    if (!Number.isSafeInteger(size)) throw invalid("a shape's product must be an exact number", `[${shape}]`, at);
  }
  if (size !== end - begin)
    throw invalid("a tensor's bytes must be what dtype and shape need", `needs ${size}, has ${end - begin}`, at);
  return { dtype, shape, begin, end };
}

function requireContiguous(entries: ReadonlyMap<string, SafetensorsEntry>, dataSize: number, place: string): void {
  const sorted = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let expected = 0;
  for (const [name, { begin, end }] of sorted) {
    if (begin !== expected) {
      const rule = `tensors must not ${begin < expected ? "overlap" : "leave gaps"}`;
      throw invalid(rule, `begins at ${begin}, the one before ends at ${expected}`, `tensor "${name}" of ${place}`);
    }
    expected = end;
  }
  if (expected !== dataSize)
    throw invalid("the last tensor must end where the file ends", `ends at ${expected} of ${dataSize} bytes`, place);
}

/** A safetensors file as a source; `readRows` reads part of the first axis only. */
export interface SafetensorsSource extends WeightSource {
  readonly metadata: ReadonlyMap<string, string>;
  /**
   * Rows `start` to `end` (exclusive) of the first axis: `[end - start, …rest]`.
   * @throws {VitrineError} INVALID_ARGUMENT for rows that are not there.
   */
  readRows(name: string, start: number, end: number): Promise<NdArray>;
}

/**
 * Reads the header of `bytes` and, later, single tensors.
 * @throws {VitrineError} as `parseSafetensorsHeader`.
 */
export async function safetensorsSource(
  bytes: ByteSource,
  limits: SafetensorsLimits = safetensorsLimits,
): Promise<SafetensorsSource> {
  const { place, size } = bytes;
  const length = headerLength(await bytes.read(0, Math.min(8, size)), size, place, limits);
  const header = parseSafetensorsHeader(await bytes.read(0, 8 + length), size, place, limits);
  const info = (name: string): SafetensorsEntry => {
    const entry = header.entries.get(name);
    if (!entry) throw unknownTensor(name, place);
    return entry;
  };
  const readRows = async (name: string, start: number, end: number): Promise<NdArray> => {
    const { dtype, shape, begin } = info(name);
    const [rows, ...rest] = shape;
    if (
      rows === undefined ||
      !Number.isInteger(start) ||
      !Number.isInteger(end) ||
      start < 0 ||
      end < start ||
      end > rows
    )
      throw new VitrineError("INVALID_ARGUMENT", {
        rule: "rows must lie within the first axis",
        evidence: `got ${start} to ${end} of shape [${shape.join(", ")}]`,
        place: `tensor "${name}" of ${place}`,
      });
    const elements = sizeOf(rest);
    const rowBytes = elements * bytesPerElement(dtype);
    const data = await bytes.read(header.dataStart + begin + start * rowBytes, (end - start) * rowBytes);
    return { dtype, shape: [end - start, ...rest], data: viewBytes(dtype, data, (end - start) * elements) };
  };
  return {
    place,
    metadata: header.metadata,
    names: () => header.entries.keys(),
    has: (name) => header.entries.has(name),
    info,
    read: async (name) => {
      const { dtype, shape, begin, end } = info(name);
      const data = await bytes.read(header.dataStart + begin, end - begin);
      return { dtype, shape, data: viewBytes(dtype, data, sizeOf(shape)) };
    },
    readRows,
    close: () => bytes.close(),
  };
}

/**
 * All tensors of a file in memory, by name in the header's order; values share memory with `bytes` where aligned.
 * @throws {VitrineError} as `parseSafetensorsHeader`.
 */
export function readSafetensors(
  bytes: Uint8Array,
  place = "memory",
): { tensors: Map<string, NdArray>; metadata: ReadonlyMap<string, string> } {
  const { entries, metadata, dataStart } = parseSafetensorsHeader(bytes, bytes.length, place);
  const tensors = new Map<string, NdArray>();
  for (const [name, { dtype, shape, begin, end }] of entries) {
    const data = viewBytes(dtype, bytes.subarray(dataStart + begin, dataStart + end), sizeOf(shape));
    tensors.set(name, { dtype, shape, data });
  }
  return { tensors, metadata };
}

/** Rust compares strings by UTF-8 bytes, which is the order of code points; JavaScript's `<` compares UTF-16 units. */
function compareCodePoints(a: string, b: string): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) {
      const surrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdfff;
      return surrogate(x) === surrogate(y) ? x - y : surrogate(x) ? 1 : -1;
    }
  }
  return a.length - b.length;
}

/**
 * The file's bytes in pieces, in order: the header, then each tensor's own memory. For writers that need not hold the whole file.
 * @throws {VitrineError} INVALID_ARGUMENT for a name twice, `__metadata__` as a name, or text that is not Unicode; SHAPE_MISMATCH where data and shape differ.
 */
export function safetensorsPieces(
  tensors: Iterable<readonly [string, NdArray]>,
  metadata?: Iterable<readonly [string, string]>,
): Uint8Array[] {
  const sorted = [...tensors].sort(
    ([a, x], [b, y]) => rank.get(x.dtype)! - rank.get(y.dtype)! || compareCodePoints(a, b),
  );
  const refuse = (rule: string, evidence: string): never => {
    throw new VitrineError("INVALID_ARGUMENT", { rule: `safetensors: ${rule}`, evidence });
  };
  const parts: string[] = [];
  const pairs = metadata === undefined ? [] : [...metadata];
  for (const text of [...pairs.flat(), ...sorted.map(([name]) => name)])
    if (/\p{Surrogate}/u.test(text)) refuse("names and metadata must be Unicode text", JSON.stringify(text));
  if (new Set(pairs.map(([key]) => key)).size < pairs.length) refuse("metadata keys must be unique", `${pairs}`);
  if (metadata !== undefined)
    parts.push(`"__metadata__":{${pairs.map(([key, text]) => `${JSON.stringify(key)}:${JSON.stringify(text)}`)}}`);
  const seen = new Set<string>(["__metadata__"]);
  const pieces: Uint8Array[] = [];
  let offset = 0;
  for (const [name, { dtype, shape, data }] of sorted) {
    if (seen.has(name)) refuse("names must be unique and not __metadata__", `got "${name}"`);
    seen.add(name);
    if (data.length !== sizeOf(shape) || data.BYTES_PER_ELEMENT !== bytesPerElement(dtype))
      throw new VitrineError("SHAPE_MISMATCH", {
        rule: "safetensors: data must have the elements that shape and type say",
        evidence: `${data.length} elements of ${data.BYTES_PER_ELEMENT} bytes for ${dtype} [${shape.join(", ")}]`,
        place: `tensor "${name}"`,
      });
    const end = offset + data.byteLength;
    parts.push(
      `${JSON.stringify(name)}:{"dtype":"${toName.get(dtype)}","shape":[${shape}],"data_offsets":[${offset},${end}]}`,
    );
    pieces.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    offset = end;
  }
  const json = new TextEncoder().encode(`{${parts}}`);
  const padded = Math.ceil(json.length / 8) * 8;
  const head = new Uint8Array(8 + padded).fill(0x20, 8);
  new DataView(head.buffer).setBigUint64(0, BigInt(padded), true);
  head.set(json, 8);
  return [head, ...pieces];
}

/**
 * The bytes of a safetensors file with these tensors, as the reference writer makes them.
 * @throws {VitrineError} as `safetensorsPieces`.
 */
export function writeSafetensors(
  tensors: Iterable<readonly [string, NdArray]>,
  metadata?: Iterable<readonly [string, string]>,
): Uint8Array {
  const pieces = safetensorsPieces(tensors, metadata);
  const out = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    out.set(piece, offset);
    offset += piece.length;
  }
  return out;
}
