/** Weights in 16 bits: half the size, and each number rounded to about three digits. */

import { VitrineError } from "../errors.ts";
import { type NdArray, toFloat16 } from "../graph/dtype.ts";

/** The largest float16. */
const largest = 65504;

/**
 * float32 tensors as float16, rounded to nearest; others as they are.
 * @throws {VitrineError} INVALID_ARGUMENT naming a tensor with a number that is too large for 16 bits.
 */
export function inHalf(tensors: Iterable<readonly [string, NdArray]>): ReadonlyMap<string, NdArray> {
  return new Map(
    [...tensors].map(([name, tensor]) => [name, tensor.dtype === "float32" ? halved(name, tensor) : tensor]),
  );
}

function halved(name: string, { shape, data }: NdArray): NdArray {
  const half = new Uint16Array(data.length);
  for (let i = 0; i < half.length; i++) {
    const value = data[i] as number;
    if (Math.abs(value) > largest)
      throw new VitrineError("INVALID_ARGUMENT", {
        rule: `weights in 16 bits lie between −${largest} and ${largest}`,
        evidence: `got ${value}`,
        place: name,
        next: "leave out --half",
      });
    half[i] = toFloat16(value);
  }
  return { dtype: "float16", shape, data: half };
}
