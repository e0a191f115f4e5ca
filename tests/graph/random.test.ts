import { expect, test } from "vitest";
import {
  fillKeep,
  fillNormal,
  fillTruncatedNormal,
  foldIn,
  keyOf,
  permutation,
  stream,
  threefry,
} from "../../src/graph/random.ts";

test("threefry equals the known answers of the Random123 distribution", () => {
  const out = new Uint32Array(2);
  threefry(0, 0, 0, 0, out);
  expect([...out]).toEqual([0x6b200159, 0x99ba4efe]);
  threefry(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, out);
  expect([...out]).toEqual([0x1cb996fc, 0xbb002be7]);
  threefry(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3, out);
  expect([...out]).toEqual([0xc4923a9c, 0x483df7a0]);
});

test("a stream depends on seed and path and on nothing else", () => {
  const first = stream(1, "site", 3);
  const again = stream(1, "site", 3);
  const draw = (s: typeof first): number[] => [s.uniform(), s.normal(), s.integer(10), s.uniform()];
  expect(draw(first)).toEqual(draw(again));
  expect(stream(1, "site", 4).uniform()).not.toBe(stream(1, "site", 3).uniform());
  expect(stream(2 ** 40 + 1).uniform()).not.toBe(stream(1).uniform());
});

test("normal numbers have mean 0, deviation 1 and the tails of a normal", () => {
  const data = fillNormal(keyOf(7), new Float32Array(200_000));
  const mean = data.reduce((a, b) => a + b) / data.length;
  const variance = data.reduce((a, b) => a + b * b, 0) / data.length;
  const tail = data.filter((x) => Math.abs(x) > 2).length / data.length;
  expect(Math.abs(mean)).toBeLessThan(0.01);
  expect(Math.abs(variance - 1)).toBeLessThan(0.02);
  expect(Math.abs(tail - 0.0455)).toBeLessThan(0.002);
});

test("truncated normal numbers stay within two deviations", () => {
  const data = fillTruncatedNormal(foldIn(keyOf(1), "w"), new Float32Array(10_000), 0.02);
  expect(Math.max(...data)).toBeLessThanOrEqual(0.04);
  expect(Math.min(...data)).toBeGreaterThanOrEqual(-0.04);
});

test("a permutation holds every index once", () => {
  const order = permutation(keyOf(3), 1000);
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  expect(order[0]).not.toBe(0);
});

test.each([0.9, 0.5, 0.85, 1 / 3, 1, 0.001])(
  "numbers are kept with a probability of %f, and then divided by it",
  (keep) => {
    const data = fillKeep(keyOf(5), new Float32Array(2 ** 17), keep);
    expect(new Set(data).size).toBe(keep === 1 ? 1 : 2);
    expect(Math.max(...data.subarray(0, 10_000))).toBe(Math.fround(1 / keep));
    const share = data.filter((x) => x > 0).length / data.length;
    // Five standard deviations.
    expect(Math.abs(share - keep)).toBeLessThanOrEqual(5 * Math.sqrt((keep * (1 - keep)) / data.length));
  },
);

test("what is kept depends neither on the array's length nor on what it held", () => {
  const long = fillKeep(keyOf(6), new Float32Array(1000), 0.3);
  for (const length of [1, 7, 8, 9, 999])
    expect(fillKeep(keyOf(6), new Float32Array(length).fill(Number.NaN), 0.3)).toEqual(long.subarray(0, length));
});
