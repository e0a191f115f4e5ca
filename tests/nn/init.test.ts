/** First values: bound and variance of each distribution, by its closed form. */

import { expect, test } from "vitest";
import { sizeOf } from "../../src/graph/dtype.ts";
import { keyOf } from "../../src/graph/random.ts";
import {
  type Initializer,
  kaimingNormalFanOut,
  kaimingUniform,
  lecunNormal,
  normal,
  torchBias,
  torchWeight,
  truncatedNormal,
  truncatedNormalTf,
  xavierUniform,
} from "../../src/nn/init.ts";

/** A convolution from 6 to 40 channels in windows of 5 × 7: fan-in 210, fan-out 1400. */
const shape = [40, 6, 5, 7] as const;
const [fanIn, fanOut] = [210, 1400];

/** Variance of U(−bound, bound). */
const flat = (bound: number): number => bound ** 2 / 3;
/** Variance of N(0, 1) cut off at ±2: 1 − 4 φ(2) / (2 Φ(2) − 1). */
const cut = 0.7737413035;

test.each<readonly [name: string, init: Initializer, bound: number, variance: number]>([
  ["kaimingUniform", kaimingUniform(), Math.sqrt(6 / fanIn), 2 / fanIn],
  ["kaimingUniform of gain 1", kaimingUniform(1), Math.sqrt(3 / fanIn), 1 / fanIn],
  ["kaimingNormalFanOut", kaimingNormalFanOut, Number.POSITIVE_INFINITY, 2 / fanOut],
  ["xavierUniform", xavierUniform, Math.sqrt(6 / (fanIn + fanOut)), 2 / (fanIn + fanOut)],
  ["lecunNormal", lecunNormal, 2 * Math.sqrt(1 / fanIn / cut), 1 / fanIn],
  ["torchWeight", torchWeight, 1 / Math.sqrt(fanIn), flat(1 / Math.sqrt(fanIn))],
  ["torchBias", torchBias(shape), 1 / Math.sqrt(fanIn), flat(1 / Math.sqrt(fanIn))],
  ["normal", normal(0.3), Number.POSITIVE_INFINITY, 0.09],
  ["truncatedNormal, cut at 2", truncatedNormal(0.02), 2, 0.0004],
  ["truncatedNormalTf, cut at two deviations", truncatedNormalTf(0.02), 0.04, 0.0004 * cut],
])("%s has its bound and variance", (_, init, bound, variance) => {
  const values = [...init(keyOf(5), shape)];
  const n = values.length;
  expect(n).toBe(sizeOf(shape));
  const mean = values.reduce((sum, x) => sum + x, 0) / n;
  const square = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / n;
  const most = values.reduce((largest, x) => Math.max(largest, Math.abs(x)), 0);
  // Four deviations of the mean, and of the variance of a normal distribution, which no other here exceeds.
  expect(Math.abs(mean)).toBeLessThan(4 * Math.sqrt(variance / n));
  expect(Math.abs(square / variance - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
  // Float32 rounds the bound itself.
  expect(most).toBeLessThanOrEqual(Math.fround(bound) * (1 + 1e-6));
  // A bound that is one is nearly reached; a normal distribution goes beyond what a uniform one of its variance has.
  expect(most).toBeGreaterThan(Math.min(0.98 * bound, 1.8 * Math.sqrt(variance)));
});
