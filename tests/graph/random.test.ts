import { expect, test } from "vitest";
import {
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
