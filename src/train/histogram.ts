/** Histograms of weights and gradients. */

import type { NdArray } from "../graph/dtype.ts";
import type { Histogram } from "./events.ts";

/** Counts the numbers of a float32 array in `buckets` equally wide buckets; a number on an inner limit counts in the upper one. */
export function histogramOf({ data }: NdArray, buckets = 30): Histogram {
  const values = data as Float32Array;
  let [min, max, sum, sumSquares] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
    sumSquares += value * value;
  }
  const counts = Array<number>(buckets).fill(0);
  const scale = max > min ? buckets / (max - min) : 0;
  for (const value of values) {
    const bucket = Math.min(buckets - 1, Math.floor((value - min) * scale));
    counts[bucket] = counts[bucket]! + 1;
  }
  return { min, max, sum, sumSquares, counts };
}
