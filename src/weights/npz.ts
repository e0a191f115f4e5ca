/**
 * NumPy's `.npy` and `.npz`: a header that is a Python literal, read with a grammar of our own, then the values.
 * Object arrays are pickles and are always refused. Format: `numpy/lib/format.py`, versions 1.0 to 3.0.
 */

import { VitrineError } from "../errors.ts";
import { allocate, bytesPerElement, type DType, type NdArray, sizeOf, viewBytes } from "../graph/dtype.ts";
import type { ByteSource } from "./byte-source.ts";
import { unknownTensor, type WeightInfo, type WeightSource } from "./source.ts";
import { entryStart, readZipDirectory, readZipEntry, type ZipEntry } from "./zip.ts";

/** NumPy refuses longer header literals too. */
const headerLimit = 10_000;
const maximumRank = 32;

const dtypes: ReadonlyMap<string, DType> = new Map([
  ["f2", "float16"],
  ["f4", "float32"],
  ["f8", "float64"],
  ["i1", "int8"],
  ["u1", "uint8"],
  ["i2", "int16"],
  ["u2", "uint16"],
  ["i4", "int32"],
  ["u4", "uint32"],
  ["i8", "int64"],
  ["u8", "uint64"],
  ["b1", "bool"],
]);

/** What a `.npy` header says. */
export interface NpyHeader extends WeightInfo {
  readonly bigEndian: boolean;
  /** First axis fastest. */
  readonly fortranOrder: boolean;
  /** Byte offset of the values. */
  readonly dataStart: number;
}

function invalid(rule: string, evidence: string | undefined, place: string): VitrineError {
  return new VitrineError("INVALID_FILE", { rule: `npy: ${rule}`, evidence, place });
}

/**
 * The header of a `.npy` file of `fileSize` bytes whose beginning is given.
 * @throws {VitrineError} INVALID_FILE for a broken header, UNSAFE_FILE for object arrays, DTYPE_MISMATCH for types without counterpart.
 */
export function parseNpyHeader(bytes: Uint8Array, place: string, fileSize: number = bytes.length): NpyHeader {
  const magic = "\x93NUMPY";
  for (let i = 0; i < magic.length; i++)
    if (bytes[i] !== magic.charCodeAt(i)) throw invalid("a file must begin with NumPy's mark", undefined, place);
  const major = bytes[6];
  if (!(major === 1 || major === 2 || major === 3) || bytes[7] !== 0)
    throw invalid("the version must be 1.0, 2.0 or 3.0", `got ${major}.${bytes[7]}`, place);
  const start = major === 1 ? 10 : 12;
  if (bytes.length < start) throw invalid("the header must not end early", undefined, place);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > headerLimit) throw invalid(`a header may have ${headerLimit} bytes`, `got ${length}`, place);
  if (start + length > bytes.length) throw invalid("the header must not end early", undefined, place);
  const text = new TextDecoder(major === 3 ? "utf-8" : "latin1").decode(bytes.subarray(start, start + length));
  const { descr, fortranOrder, shape } = parseLiteral(text, place);
  const [, order, kind] = /^([<>|=])([a-zA-Z][0-9]*)$/.exec(descr) ?? [];
  if (kind?.startsWith("O"))
    throw new VitrineError("UNSAFE_FILE", {
      rule: "npy: an array must hold numbers, not Python objects",
      evidence: `got ${descr}`,
      place,
      next: "save it with a numeric dtype",
    });
  const dtype = kind === undefined ? undefined : dtypes.get(kind);
  if (!dtype)
    throw new VitrineError("DTYPE_MISMATCH", {
      rule: "npy: an array must hold whole numbers, booleans or floats of 16, 32 or 64 bits",
      evidence: `got ${JSON.stringify(descr)}`,
      place,
    });
  const size = sizeOf(shape);
  if (!Number.isSafeInteger(size)) throw invalid("a shape's product must be an exact number", `(${shape})`, place);
  const needed = size * bytesPerElement(dtype);
  const dataStart = start + length;
  if (fileSize - dataStart !== needed)
    throw invalid(
      "values must have the bytes that type and shape need",
      `needs ${needed}, has ${fileSize - dataStart}`,
      place,
    );
  return { dtype, shape, bigEndian: order === ">", fortranOrder, dataStart };
}

/** `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }` with its keys in any order. */
function parseLiteral(text: string, place: string): { descr: string; fortranOrder: boolean; shape: number[] } {
  const token = /\s*([{}:,()]|'[^'\\\n]*'|"[^"\\\n]*"|True|False|[0-9]{1,16}(?![0-9A-Za-z_]))/y;
  const next = (): string => {
    const match = token.exec(text);
    if (!match)
      throw invalid("the header must be a dict of descr, fortran_order and shape", text.slice(0, 80).trim(), place);
    return match[1]!;
  };
  const wrong = (got: string) =>
    invalid("the header must be a dict of descr, fortran_order and shape", `unexpected ${got}`, place);
  const expect = (wanted: string): void => {
    const got = next();
    if (got !== wanted) throw wrong(got);
  };
  const quoted = (): string => {
    const got = next();
    if (!/^['"]/.test(got)) throw wrong(got);
    return got.slice(1, -1);
  };
  const tuple = (): number[] => {
    const out: number[] = [];
    expect("(");
    for (let got = next(); got !== ")"; got = next()) {
      const value = Number(got);
      if (!/^[0-9]/.test(got) || !Number.isSafeInteger(value)) throw wrong(got);
      out.push(value);
      const separator = next();
      if (separator === ")") {
        if (out.length === 1) throw wrong("a number in parentheses");
        break;
      }
      if (separator !== ",") throw wrong(separator);
    }
    if (out.length > maximumRank) throw invalid(`an array may have ${maximumRank} axes`, `got ${out.length}`, place);
    return out;
  };
  let descr: string | undefined;
  let fortranOrder: boolean | undefined;
  let shape: number[] | undefined;
  expect("{");
  for (;;) {
    const key = next();
    if (key === "}") break;
    expect(":");
    if (/^['"]descr['"]$/.test(key) && descr === undefined) descr = quoted();
    else if (/^['"]fortran_order['"]$/.test(key) && fortranOrder === undefined) {
      const got = next();
      if (got !== "True" && got !== "False") throw wrong(got);
      fortranOrder = got === "True";
    } else if (/^['"]shape['"]$/.test(key) && shape === undefined) shape = tuple();
    else throw wrong(key);
    const separator = next();
    if (separator === "}") break;
    if (separator !== ",") throw wrong(separator);
  }
  if (
    descr === undefined ||
    fortranOrder === undefined ||
    shape === undefined ||
    !/^ *\n?$/.test(text.slice(token.lastIndex))
  )
    throw wrong("a missing key or text after the dict");
  return { descr, fortranOrder, shape };
}

/**
 * The array of a `.npy` file, in C order and the machine's byte order.
 * @throws {VitrineError} as `parseNpyHeader`.
 */
export function readNpy(bytes: Uint8Array, place: string): NdArray {
  const { dtype, shape, bigEndian, fortranOrder, dataStart } = parseNpyHeader(bytes, place);
  const width = bytesPerElement(dtype);
  const raw = bytes.subarray(dataStart);
  const size = sizeOf(shape);
  const values = viewBytes(dtype, bigEndian && width > 1 ? swapped(raw, width) : raw, size);
  if (!fortranOrder || shape.length < 2 || size === 0) return { dtype, shape, data: values };
  const out = allocate(dtype, size);
  const index = shape.map(() => 0);
  let to = 0;
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  for (let i = 0; i < size; i++) {
    out[to] = values[i]!;
    for (let axis = 0; axis < shape.length; axis++) {
      to += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      to -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return { dtype, shape, data: out };
}

/** The bytes of each element in opposite order. */
function swapped(bytes: Uint8Array, width: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  for (let i = 0; i < out.length; i++) out[i] = bytes[i - (i % width) + (width - 1 - (i % width))]!;
  return out;
}

/**
 * The arrays of a `.npz` archive by name (without `.npy`). All headers are read at once: a few bytes of a stored entry, the whole of a deflated one.
 * @throws {VitrineError} INVALID_FILE, UNSAFE_FILE or DTYPE_MISMATCH, as the file deserves.
 */
export async function npzSource(bytes: ByteSource): Promise<WeightSource> {
  const { place } = bytes;
  const entries = new Map<string, ZipEntry>();
  const infos = new Map<string, WeightInfo>();
  for (const entry of (await readZipDirectory(bytes)).values()) {
    if (!entry.name.endsWith(".npy")) throw invalid("an archive must hold arrays only", `"${entry.name}"`, place);
    const name = entry.name.slice(0, -".npy".length);
    const start = entry.deflated
      ? await readZipEntry(bytes, entry)
      : await bytes.read(await entryStart(bytes, entry), Math.min(entry.size, 12 + headerLimit));
    const { dtype, shape } = parseNpyHeader(start, `"${entry.name}" of ${place}`, entry.size);
    entries.set(name, entry);
    infos.set(name, { dtype, shape });
  }
  return {
    place,
    names: () => entries.keys(),
    has: (name) => entries.has(name),
    info: (name) => {
      const info = infos.get(name);
      if (!info) throw unknownTensor(name, place);
      return info;
    },
    read: async (name) => {
      const entry = entries.get(name);
      if (!entry) throw unknownTensor(name, place);
      return readNpy(await readZipEntry(bytes, entry), `"${entry.name}" of ${place}`);
    },
    close: () => bytes.close(),
  };
}
