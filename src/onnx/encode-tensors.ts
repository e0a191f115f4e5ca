/** Initializers in a file, or in a second file beside it where one would be too large. */

import { codeOfDType, type NdArray } from "../graph/dtype.ts";
import { type TensorProto, writeHead, writeTensorHead } from "./schema.ts";

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

/** The initializer fields of a graph, and the second file when all bytes together exceed `maxBytes`. */
export function writeInitializers(
  initializers: readonly { readonly name: string; readonly array: NdArray }[],
  maxBytes: number,
  location: string,
): { readonly chunks: readonly Uint8Array[]; readonly external: TensorFile | undefined } {
  const total = initializers.reduce((sum, { array }) => sum + array.data.byteLength, 0);
  const split = total > maxBytes;
  const chunks: Uint8Array[] = [];
  const outside: Uint8Array[] = [];
  let offset = 0;
  for (const { name, array } of initializers) {
    const bytes = bytesOfArray(array);
    const tensor: TensorProto = { name, dims: array.shape, dataType: codeOfDType(array.dtype) };
    if (split && bytes.byteLength >= smallest) {
      const padding = (page - (offset % page)) % page;
      if (padding > 0) outside.push(new Uint8Array(padding));
      offset += padding;
      const external = new Map([
        ["location", location],
        ["offset", String(offset)],
        ["length", String(bytes.byteLength)],
      ]);
      const head = writeTensorHead({ ...tensor, external });
      chunks.push(writeHead(5, head.byteLength), head);
      outside.push(bytes);
      offset += bytes.byteLength;
    } else {
      const head = writeTensorHead(tensor);
      const rawHead = writeHead(9, bytes.byteLength);
      const length = head.byteLength + rawHead.byteLength + bytes.byteLength;
      chunks.push(writeHead(5, length), head, rawHead, bytes);
    }
  }
  return { chunks, external: split ? { location, chunks: outside, byteLength: offset } : undefined };
}
