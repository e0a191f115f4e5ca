/**
 * TensorFlow's checkpoints (`model.ckpt.index` beside `model.ckpt.data-00000-of-00001`): an index of names, types, shapes and places, and the values in C order.
 * @source tensorflow/core/protobuf/tensor_bundle.proto; tensorflow/core/util/tensor_bundle/naming.h
 */

import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { VitrineError } from "../errors.ts";
import { maskedCrc32c } from "../files/crc32c.ts";
import { bytesPerElement, type DType, sizeOf, viewBytes } from "../graph/dtype.ts";
import type { ByteSource } from "./byte-source.ts";
import { readSortedTable } from "./sorted-table.ts";
import { unknownTensor, type WeightInfo, type WeightSource } from "./source.ts";

/** Of tensorflow/core/framework/types.proto. */
const dtypes: ReadonlyMap<number, DType> = new Map([
  [1, "float32"],
  [2, "float64"],
  [3, "int32"],
  [4, "uint8"],
  [5, "int16"],
  [6, "int8"],
  [9, "int64"],
  [10, "bool"],
  [14, "bfloat16"],
  [17, "uint16"],
  [19, "float16"],
  [22, "uint32"],
  [23, "uint64"],
]);
/** Texts, such as the graph of objects that TensorFlow 2 saves beside its variables. */
const stringType = 7;

/** Where one tensor's bytes are. */
export interface BundleEntry extends WeightInfo {
  /** Of the data files, from 0. */
  readonly shard: number;
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  readonly checksum: number;
}

/** What an index says. */
export interface BundleIndex {
  /** Data files. */
  readonly shards: number;
  readonly entries: ReadonlyMap<string, BundleEntry>;
}

/** Name of a data file beside `PREFIX.index`. @param shard from 0 */
export function bundleShardName(prefix: string, shard: number, shards: number): string {
  const five = (count: number): string => String(count).padStart(5, "0");
  return `${prefix}.data-${five(shard)}-of-${five(shards)}`;
}

/**
 * Reads an index. Texts are left out, since they are no weights.
 * @throws {VitrineError} INVALID_FILE for bytes that are no index or a variable that is stored in parts, DTYPE_MISMATCH for types without counterpart.
 */
export function parseBundleIndex(bytes: Uint8Array, place: string): BundleIndex {
  const table = readSortedTable(bytes, place);
  const invalid = (rule: string, evidence?: string, next?: string): VitrineError =>
    new VitrineError("INVALID_FILE", { rule: `TensorFlow checkpoint: ${rule}`, evidence, place, next });
  const header = table.get("");
  if (!header) throw invalid("its index must begin with a header");
  try {
    const shards = shardsOf(header, invalid);
    const entries = new Map<string, BundleEntry>();
    for (const [name, value] of table) {
      if (name === "") continue;
      const entry = entryOf(value);
      if (entry.dtype === stringType) continue;
      if (entry.parts > 0)
        throw invalid(
          "variables must be stored whole",
          `"${name}" is stored in ${entry.parts} parts`,
          "save it again without a partitioner",
        );
      const dtype = dtypes.get(entry.dtype);
      if (!dtype)
        throw new VitrineError("DTYPE_MISMATCH", {
          rule: "TensorFlow checkpoint: only whole numbers, booleans and floats of 16, 32 and 64 bits can be read",
          evidence: `got DataType ${entry.dtype}`,
          place: `tensor "${name}" of ${place}`,
        });
      const { shape, shard, offset, size, checksum } = entry;
      const needed = sizeOf(shape) * bytesPerElement(dtype);
      if (needed !== size || shape.some((axis) => axis < 0))
        throw invalid("bytes must be what type and shape need", `"${name}" needs ${needed}, has ${size}`);
      if (shard < 0 || shard >= shards) throw invalid("data files must be those counted", `"${name}" is in ${shard}`);
      entries.set(name, { dtype, shape, shard, offset, size, checksum });
    }
    return { shards, entries };
  } catch (error) {
    if (error instanceof VitrineError) throw error;
    throw invalid("its index must be readable", (error as Error).message);
  }
}

/** `BundleHeaderProto`: the number of data files. */
function shardsOf(bytes: Uint8Array, invalid: (rule: string, evidence?: string) => VitrineError): number {
  let [shards, endianness] = [0, 0];
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === 1) shards = reader.int32();
    else if (field === 2) endianness = reader.int32();
    else reader.skip(wire);
  }
  if (endianness !== 0) throw invalid("numbers must begin with their lowest byte");
  if (shards < 1 || shards > 99_999) throw invalid("it must have data files", `got ${shards}`);
  return shards;
}

/** `BundleEntryProto`, before it is checked. */
function entryOf(bytes: Uint8Array) {
  const entry = { dtype: 0, shape: [] as readonly number[], shard: 0, offset: 0, size: 0, checksum: 0, parts: 0 };
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === 1) entry.dtype = reader.int32();
    else if (field === 2) entry.shape = shapeOf(reader.bytes());
    else if (field === 3) entry.shard = reader.int32();
    else if (field === 4) entry.offset = Number(reader.int64());
    else if (field === 5) entry.size = Number(reader.int64());
    else if (field === 6) entry.checksum = reader.fixed32();
    else {
      if (field === 7) entry.parts++;
      reader.skip(wire);
    }
  }
  return entry;
}

/** `TensorShapeProto`. */
function shapeOf(bytes: Uint8Array): readonly number[] {
  const shape: number[] = [];
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === 2 && wire === WireType.LengthDelimited) shape.push(sizeOfAxis(reader.bytes()));
    else reader.skip(wire);
  }
  return shape;
}

function sizeOfAxis(bytes: Uint8Array): number {
  let size = 0;
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === 1) size = Number(reader.int64());
    else reader.skip(wire);
  }
  return size;
}

/**
 * A checkpoint as a source; each tensor's checksum is compared when it is read.
 * @param shards the index's data files, in their order
 */
export function tensorBundleSource(
  { entries }: BundleIndex,
  shards: readonly ByteSource[],
  place: string,
): WeightSource {
  const info = (name: string): BundleEntry => {
    const entry = entries.get(name);
    if (!entry) throw unknownTensor(name, place);
    return entry;
  };
  return {
    place,
    names: () => entries.keys(),
    has: (name) => entries.has(name),
    info,
    read: async (name) => {
      const { dtype, shape, shard, offset, size, checksum } = info(name);
      const bytes = await shards[shard]!.read(offset, size);
      if (maskedCrc32c(bytes) !== checksum)
        throw new VitrineError("INVALID_FILE", {
          rule: "TensorFlow checkpoint: a tensor's bytes must have their checksum",
          place: `tensor "${name}" of ${shards[shard]!.place}`,
          next: "the file is damaged; get it again",
        });
      return { dtype, shape, data: viewBytes(dtype, bytes, sizeOf(shape)) };
    },
    close: async () => {
      for (const bytes of shards) await bytes.close();
    },
  };
}
