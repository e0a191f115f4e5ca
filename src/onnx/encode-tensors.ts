/** Initializers in a file, or in a second file beside it where one would be too large. */

import { codeOfDType, type NdArray } from "../graph/dtype.ts";
import type { TensorProto } from "./schema.ts";
import { writeHead, writeTensorHead } from "./write-messages.ts";

/** A file of tensors that a model refers to by its location. */
export interface TensorFile {
  /** File name relative to the model's folder. */
  readonly location: string;
  readonly chunks: readonly Uint8Array[];
  readonly byteLength: number;
}

/** Tensors of fewer bytes stay in the model, where the engine sees them while it infers shapes. */
const smallest = 1024;
/** Offsets are multiples of a page, so that a file can be mapped into memory. */
const page = 4096;

/** The elements of an array as little-endian bytes, without copying. */
export function bytesOfArray({ data }: NdArray): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Where the elements of large tensors go. */
export interface TensorPlacement {
  /** Most bytes of all tensors together that stay in the model's own file. */
  readonly maxBytes: number;
  /** Name of the second file. */
  readonly location: string;
  /** One file per tensor, whose only piece is a view of the array: a model in memory then never exists twice. */
  readonly apart: boolean;
}

/** The initializer fields of a graph, and the other files that they refer to. */
export function writeInitializers(
  initializers: readonly { readonly name: string; readonly array: NdArray }[],
  { maxBytes, location, apart }: TensorPlacement,
): { readonly chunks: readonly Uint8Array[]; readonly files: readonly TensorFile[] } {
  const total = initializers.reduce((sum, { array }) => sum + array.data.byteLength, 0);
  const split = apart || total > maxBytes;
  const chunks: Uint8Array[] = [];
  const files: TensorFile[] = [];
  const shared: Uint8Array[] = [];
  let end = 0;
  for (const { name, array } of initializers) {
    const bytes = bytesOfArray(array);
    const tensor: TensorProto = { name, dims: array.shape, dataType: codeOfDType(array.dtype) };
    // Lists of whole numbers are sizes and axes, which the engine reads before it opens other files.
    const isList = array.dtype === "int64" && array.shape.length === 1;
    if (!split || isList || bytes.byteLength < smallest) {
      const head = writeTensorHead(tensor);
      const rawHead = writeHead(9, bytes.byteLength);
      chunks.push(writeHead(5, head.byteLength + rawHead.byteLength + bytes.byteLength), head, rawHead, bytes);
      continue;
    }
    let place: readonly [string, number];
    if (apart) {
      place = [`tensor-${files.length}`, 0];
      files.push({ location: place[0], chunks: [bytes], byteLength: bytes.byteLength });
    } else {
      const padding = (page - (end % page)) % page;
      if (padding > 0) shared.push(new Uint8Array(padding));
      place = [location, end + padding];
      shared.push(bytes);
      end += padding + bytes.byteLength;
    }
    const external = new Map([
      ["location", place[0]],
      ["offset", String(place[1])],
      ["length", String(bytes.byteLength)],
    ]);
    const head = writeTensorHead({ ...tensor, external });
    chunks.push(writeHead(5, head.byteLength), head);
  }
  if (shared.length > 0) files.push({ location, chunks: shared, byteLength: end });
  return { chunks, files };
}
