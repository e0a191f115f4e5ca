import { expect, test } from "vitest";
import { fillKeep, keepPlain } from "../../src/graph/keep.ts";
import { keyOf, stream } from "../../src/graph/random.ts";

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

/** Which number is the first that differs: −1 where none does. An array that differs is millions of lines long otherwise. */
const firstDifference = (a: Float32Array, b: Float32Array): number =>
  a.length === b.length ? a.findIndex((x, i) => !Object.is(x, b[i])) : Math.min(a.length, b.length);

test("bytes are those of Threefry's known answer", () => {
  // 6b200159 99ba4efe, from the lowest byte on: 59 01 20 6b fe 4e ba 99.
  for (const fill of [fillKeep, keepPlain]) {
    expect([...fill([0, 0], new Float32Array(8), 0.5)]).toEqual([2, 2, 2, 2, 0, 2, 0, 0]);
    expect([...fill([0, 0], new Float32Array(7), 0.25)]).toEqual([0, 4, 4, 0, 0, 0, 0]);
  }
});

test("masks stay what they were when runs were begun", () => {
  for (const fill of [fillKeep, keepPlain]) {
    const data = fill([0x9e3779b9, 0xfedcba98], new Float32Array(100_003), 1 / 3);
    let [kept, places] = [0, 0];
    for (const [i, x] of data.entries()) if (x > 0) [kept, places] = [kept + 1, (Math.imul(places, 31) + i) >>> 0];
    expect([kept, places]).toEqual([33272, 3064764366]);
  }
});

// Thresholds that are a whole byte, next to one, in the middle; the first byte, the last byte, and none at all.
const keeps = [1, 0.5, 0.25, 0.9, 0.85, 1 / 3, 0.3, 1 / 256, 0.001, 1e-9, 1e-40, 255 / 256, 0.999, 1 - 2 ** -53];
const nearWhole = [0.5 + 2 ** -30, 0.5 - 2 ** -30, 0.5 + 2 ** -33, 0.5 - 2 ** -33, 0.5 + 2 ** -53];

test.each([...keeps, ...nearWhole])("together and one by one, numbers kept with %d are the same", (keep) => {
  const random = stream(keyOf(11), String(keep));
  const word = (): number => random.integer(2 ** 32);
  const keys = [[0, 0], [0xffffffff, 0xffffffff], [0x80000000, 1], ...[1, 2, 3].map(() => [word(), word()])] as const;
  for (const [a, b] of keys as readonly (readonly [number, number])[])
    for (const length of [0, 1, 7, 8, 9, 31, 33, 127, 128, 129, 4095, 4096, 4097, 20_011])
      expect(
        firstDifference(
          fillKeep([a, b], new Float32Array(length), keep),
          keepPlain([a, b], new Float32Array(length), keep),
        ),
        `key ${a} ${b}, length ${length}`,
      ).toBe(-1);
});

test("24 more bits are drawn at the places of millions", () => {
  const [length, keep] = [2 ** 21 + 5, 0.7];
  const together = fillKeep([3, 4], new Float32Array(length), keep);
  expect(firstDifference(together, keepPlain([3, 4], new Float32Array(length), keep))).toBe(-1);
});

test("nothing is written beside the array, and another draw leaves it as it is", () => {
  const around = new Float32Array(5000).fill(7);
  const first = fillKeep([1, 2], around.subarray(3, 4990), 0.5);
  const copy = first.slice();
  fillKeep([8, 9], new Float32Array(5000), 0.9);
  expect(firstDifference(first, copy)).toBe(-1);
  expect(new Set([...around.subarray(0, 3), ...around.subarray(4990)])).toEqual(new Set([7]));
});
