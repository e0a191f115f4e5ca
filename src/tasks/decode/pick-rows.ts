/** Rows of arrays, in another order: what a search keeps of its sentences. */

import { allocate, type NdArray } from "../../graph/dtype.ts";

/** The given rows of each array; an array itself where its rows stay as they are. */
export function pickAll<K extends string>(
  arrays: Readonly<Record<K, NdArray>>,
  rows: readonly number[],
): Record<K, NdArray> {
  const picked = Object.entries<NdArray>(arrays).map(([name, array]) => [name, pickRows(array, rows)] as const);
  return Object.fromEntries(picked) as Record<K, NdArray>;
}

/** The given rows of an array [rows, …]; the array itself where they stay as they are. */
export function pickRows(array: NdArray, rows: readonly number[]): NdArray {
  const [count, ...rest] = array.shape as [number, ...number[]];
  if (rows.length === count && rows.every((row, i) => row === i)) return array;
  const size = rest.reduce((product, dim) => product * dim, 1);
  const data = allocate(array.dtype, rows.length * size);
  const from = array.data as Float32Array;
  for (const [i, row] of rows.entries())
    (data as Float32Array).set(from.subarray(row * size, (row + 1) * size), i * size);
  return { ...array, shape: [rows.length, ...rest], data };
}
