/** Element types, their storage in JavaScript, and plain arrays of them. */

import { VitrineError } from "../errors.ts";

/** Element types by ONNX's names. 16-bit floats are stored as their bits in a `Uint16Array`, `bool` as 0 and 1 in a `Uint8Array`. */
export type DType =
  | "float32"
  | "float64"
  | "float16"
  | "bfloat16"
  | "int8"
  | "uint8"
  | "int16"
  | "uint16"
  | "int32"
  | "uint32"
  | "int64"
  | "uint64"
  | "bool";

export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** A plain n-dimensional array in C order: what files hold, data loaders yield and executables return. */
export interface NdArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

const storage = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const satisfies Record<DType, unknown>;

/** Numbers of the element types in ONNX files (`TensorProto.DataType`), as the attribute `to` of `Cast` holds them. */
const codes: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
};

/** ONNX's number of an element type. */
export function codeOfDType(dtype: DType): number {
  return codes[dtype];
}

/**
 * The element type of ONNX's number.
 * @throws {VitrineError} DTYPE_MISMATCH for strings, complex numbers and 8-bit floats.
 */
export function dtypeOfCode(code: number, place: string): DType {
  for (const [dtype, value] of Object.entries(codes)) if (value === code) return dtype as DType;
  throw new VitrineError("DTYPE_MISMATCH", {
    rule: "element type is not supported",
    evidence: `got ONNX data type ${code}`,
    place,
  });
}

/** Bytes of one element. */
export function bytesPerElement(dtype: DType): number {
  return storage[dtype].BYTES_PER_ELEMENT;
}

/** True for the four floating-point types. */
export function isFloat(dtype: DType): boolean {
  return dtype === "float32" || dtype === "float64" || dtype === "float16" || dtype === "bfloat16";
}

/** Number of elements of a shape; 1 for a scalar. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** A zeroed array of `length` elements. */
export function allocate(dtype: DType, length: number): TypedArray {
  return new storage[dtype](length);
}

/** A view of `length` elements over bytes; copies only when the offset is not aligned. */
export function viewBytes(dtype: DType, bytes: Uint8Array, length: number): TypedArray {
  // Not `slice`, which makes a view where the bytes are a Buffer of Node.
  const aligned = bytes.byteOffset % bytesPerElement(dtype) === 0 ? bytes : new Uint8Array(bytes);
  return new storage[dtype](aligned.buffer as ArrayBuffer, aligned.byteOffset, length);
}

/**
 * An `NdArray` from numbers, with its length checked.
 * @throws {VitrineError} SHAPE_MISMATCH when `data` does not have as many elements as `shape` says, DTYPE_MISMATCH for a typed array of another element type.
 */
export function ndarray(dtype: DType, shape: readonly number[], data: TypedArray | readonly number[]): NdArray {
  const size = sizeOf(shape);
  if (data.length !== size)
    throw new VitrineError("SHAPE_MISMATCH", {
      rule: `ndarray: shape [${shape.join(", ")}] has ${size} elements`,
      evidence: `got ${data.length}`,
    });
  if (!Array.isArray(data)) {
    // Its bytes would be read as other numbers.
    if (!(data instanceof storage[dtype]))
      throw new VitrineError("DTYPE_MISMATCH", {
        rule: `ndarray: ${dtype} numbers are kept in a ${storage[dtype].name}`,
        evidence: `got a ${data.constructor.name}`,
        next: "name its element type, or pass plain numbers",
      });
    return { dtype, shape, data: data as TypedArray };
  }
  const out = allocate(dtype, size);
  for (let i = 0; i < size; i++) {
    const value = data[i] as number;
    out[i] =
      out instanceof BigInt64Array || out instanceof BigUint64Array
        ? BigInt(value)
        : dtype === "float16"
          ? toFloat16(value)
          : dtype === "bfloat16"
            ? toBFloat16(value)
            : value;
  }
  return { dtype, shape, data: out };
}

const f32 = new Float32Array(1);
const u32 = new Uint32Array(f32.buffer);

/** IEEE half bits of a number, rounded to nearest, ties to even. */
export function toFloat16(value: number): number {
  f32[0] = value;
  const bits = u32[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x7f800000) return sign | 0x7c00 | (magnitude > 0x7f800000 ? 0x200 : 0);
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Subnormal: count units of 2^-24, which the float32 addition rounds to even.
    f32[0] = Math.abs(value) * 2 ** 24;
    const units = f32[0]!;
    const floor = Math.floor(units);
    const rest = units - floor;
    return sign | (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor);
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

/** The number whose IEEE half bits are given. */
export function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** bfloat16 bits of a number, rounded to nearest, ties to even. */
export function toBFloat16(value: number): number {
  f32[0] = value;
  const bits = u32[0]!;
  if ((bits & 0x7fffffff) > 0x7f800000) return ((bits >>> 16) | 0x40) & 0xffff;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The number whose bfloat16 bits are given. */
export function fromBFloat16(bits: number): number {
  u32[0] = bits << 16;
  return f32[0]!;
}

/** The same values as float32; the input itself where it already is float32. */
export function toFloat32(array: NdArray): NdArray & { readonly data: Float32Array } {
  const { dtype, shape, data } = array;
  if (data instanceof Float32Array) return { dtype: "float32", shape, data };
  const out = new Float32Array(data.length);
  if (dtype === "float16") {
    for (let i = 0; i < out.length; i++) out[i] = fromFloat16(data[i] as number);
  } else if (dtype === "bfloat16") {
    const bits = new Uint32Array(out.buffer);
    for (let i = 0; i < out.length; i++) bits[i] = (data[i] as number) << 16;
  } else {
    for (let i = 0; i < out.length; i++) out[i] = Number(data[i]);
  }
  return { dtype: "float32", shape, data: out };
}
