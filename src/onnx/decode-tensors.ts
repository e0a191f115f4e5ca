/** Tensors of a file as arrays. */

import { VitrineError } from "../errors.ts";
import {
  allocate,
  bytesPerElement,
  type DType,
  dtypeOfCode,
  type NdArray,
  sizeOf,
  type TypedArray,
  viewBytes,
} from "../graph/dtype.ts";
import type { TensorProto } from "./schema.ts";

/** Bytes of the files that tensors refer to, by location. */
export type ExternalFiles = ReadonlyMap<string, Uint8Array>;

/** Keys that a reference to another file may have. */
const externalKeys: readonly string[] = ["location", "offset", "length", "checksum", "basepath"];

/**
 * The elements of a tensor, in memory of their own.
 * @throws {VitrineError} INVALID_FILE when sizes and bytes disagree, DTYPE_MISMATCH for element types outside vitrine's,
 * NOT_FOUND when a file it refers to is not given.
 */
export function arrayOfTensor(tensor: TensorProto, files: ExternalFiles, place: string): NdArray {
  const where = placeOf(tensor, place);
  const dtype = dtypeOfCode(tensor.dataType, where);
  const shape = tensor.dims;
  const length = sizeOf(shape);
  if (shape.some((size) => size < 0) || !Number.isSafeInteger(length))
    throw invalid("sizes must be small numbers", `got [${shape.join(", ")}]`, where);
  if (tensor.elements) return { dtype, shape, data: fromElements(dtype, tensor.elements, length, where) };
  const raw = tensor.raw ?? externalBytes(tensor, files, place);
  const bytes = length * bytesPerElement(dtype);
  if (raw.byteLength !== bytes)
    throw invalid(`${dtype} [${shape.join(", ")}] has ${bytes} bytes`, `got ${raw.byteLength}`, where);
  return { dtype, shape, data: viewBytes(dtype, new Uint8Array(raw), length) };
}

const placeOf = ({ name }: TensorProto, place: string): string => `${place}, tensor "${name}"`;

/** The other file that a tensor lies in; undefined for one that lies in none. */
export const externalLocation = (tensor: TensorProto): string | undefined => tensor.external?.get("location");

/**
 * Where in its file a tensor lies, in bytes.
 * @param size of the file
 * @throws {VitrineError} INVALID_FILE when the file does not reach so far, or the reference has entries that are not known.
 */
export function externalRange(
  tensor: TensorProto,
  size: number,
  place: string,
): { readonly offset: number; readonly length: number } {
  const where = placeOf(tensor, place);
  const entries = tensor.external ?? new Map<string, string>();
  for (const key of entries.keys())
    if (!externalKeys.includes(key)) throw invalid("external data has only known entries", `got "${key}"`, where);
  const needed = sizeOf(tensor.dims) * bytesPerElement(dtypeOfCode(tensor.dataType, where));
  const offset = wholeNumber(entries.get("offset") ?? "0", "offset", where);
  const length = wholeNumber(entries.get("length") ?? String(needed), "length", where);
  if (offset + length > size)
    throw invalid(
      `bytes ${offset} … ${offset + length} must lie in "${externalLocation(tensor)}"`,
      `it has ${size}`,
      where,
    );
  return { offset, length };
}

function externalBytes(tensor: TensorProto, files: ExternalFiles, place: string): Uint8Array {
  const location = externalLocation(tensor) ?? "";
  const file = files.get(location);
  if (!file)
    throw new VitrineError("NOT_FOUND", {
      rule: "the file of a tensor must be given",
      evidence: `"${location}" is not`,
      place: placeOf(tensor, place),
      next: "load the model from its path, or give the bytes of the file",
    });
  const { offset, length } = externalRange(tensor, file.byteLength, place);
  return file.subarray(offset, offset + length);
}

function wholeNumber(text: string, key: string, where: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
    throw invalid(`${key} of external data must be a whole number`, `got "${text}"`, where);
  return value;
}

/** 16-bit floats arrive as their bits. */
function fromElements(dtype: DType, elements: readonly (number | bigint)[], length: number, where: string): TypedArray {
  if (elements.length !== length) throw invalid(`there must be ${length} elements`, `got ${elements.length}`, where);
  const data = allocate(dtype, length);
  const wide = data instanceof BigInt64Array || data instanceof BigUint64Array;
  for (let i = 0; i < length; i++) data[i] = wide ? BigInt(elements[i]!) : Number(elements[i]);
  return data;
}

function invalid(rule: string, evidence: string, place: string): VitrineError {
  return new VitrineError("INVALID_FILE", { rule, evidence, place });
}
