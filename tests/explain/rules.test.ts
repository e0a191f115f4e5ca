import { expect, test } from "vitest";
import { patchDistances } from "../../src/explain/attention-distance.ts";
import { gaussLegendre } from "../../src/explain/integrated-gradients.ts";
import { positionSimilarity } from "../../src/explain/positions.ts";
import { relevanceRow } from "../../src/explain/relevance.ts";
import { rolloutRow } from "../../src/explain/rollout.ts";
import { mapOfRow } from "../../src/explain/token-rows.ts";
import { fillUniform, foldIn, keyOf } from "../../src/graph/random.ts";

const unit = (n: number, i: number): Float64Array => Float64Array.from({ length: n }, (_, j) => (i === j ? 1 : 0));
const identity = (n: number): Float64Array =>
  Float64Array.from({ length: n * n }, (_, k) => (k % (n + 1) === 0 ? 1 : 0));

/** Random rows that sum to 1. */
function attention(n: number, seed: string): Float64Array {
  const out = Float64Array.from(fillUniform(foldIn(keyOf(0), seed), new Float32Array(n * n)));
  for (let i = 0; i < n; i++) {
    const row = out.subarray(i * n, (i + 1) * n);
    const sum = row.reduce((total, x) => total + x, 0);
    for (let j = 0; j < n; j++) row[j]! /= sum;
  }
  return out;
}

const closeTo = (got: ArrayLike<number>, want: ArrayLike<number>, digits = 12): void => {
  expect(got.length).toBe(want.length);
  for (let i = 0; i < want.length; i++) expect(got[i]).toBeCloseTo(want[i]!, digits);
};

test("rollout through one block is half attention, half the token itself", () => {
  const matrix = Float64Array.of(0.9, 0.1, 0.4, 0.6);
  closeTo(rolloutRow(unit(2, 0), [matrix]), [0.95, 0.05]);
  closeTo(rolloutRow(unit(2, 1), [matrix]), [0.2, 0.8]);
});

test("rollout of tokens that look at themselves only leaves each where it is", () => {
  for (let i = 0; i < 4; i++) closeTo(rolloutRow(unit(4, i), [identity(4), identity(4), identity(4)]), unit(4, i));
});

test("rollout of uniform attention after L blocks is 2^-L I + (1 - 2^-L) J / N", () => {
  const [n, depth] = [5, 3];
  const matrices = Array.from({ length: depth }, () => new Float64Array(n * n).fill(1 / n));
  const rest = (1 - 2 ** -depth) / n;
  closeTo(
    rolloutRow(unit(n, 2), matrices),
    Array.from({ length: n }, (_, j) => rest + (j === 2 ? 2 ** -depth : 0)),
  );
});

test("rollout goes from the last block to the first", () => {
  const [first, last] = [Float64Array.of(1, 0, 0.5, 0.5), Float64Array.of(0, 1, 0, 1)];
  // Row 0 of ½(last + I) is [½, ½]; times ½(first + I) = [[1, 0], [¼, ¾]].
  closeTo(rolloutRow(unit(2, 0), [first, last]), [0.625, 0.375]);
});

test.each([0, 0.3, 0.9, 0.99])("rows of rollout sum to 1, discarding %d", (discard) => {
  const matrices = ["a", "b", "c"].map((seed) => attention(9, seed));
  for (let i = 0; i < 9; i++) {
    const sum = rolloutRow(unit(9, i), matrices, { discard }).reduce((total, x) => total + x, 0);
    expect(sum).toBeCloseTo(1, 12);
  }
});

test("discarding all but nothing leaves the prefix columns and the tokens themselves", () => {
  const row = rolloutRow(unit(5, 3), [attention(5, "d")], { discard: 0.999, prefix: 2 });
  expect(row[0]).toBeGreaterThan(0);
  expect(row[1]).toBeGreaterThan(0);
  expect(row[3]).toBeGreaterThan(0.5);
  expect(row[2]! === 0 || row[4]! === 0).toBe(true);
});

test.each([-0.1, 1, Number.NaN])("a share to discard of %d is refused", (discard) => {
  expect(() => rolloutRow(unit(2, 0), [identity(2)], { discard })).toThrow(/must be in \[0, 1\)/);
});

test("rollout refuses attention that is negative, and says what to use", () => {
  expect(() => rolloutRow(unit(2, 0), [Float64Array.of(1, -0.5, 0, 1)])).toThrow(/must not be negative.*relevance/);
});

test("relevance of two tokens and two blocks equals the product written out", () => {
  const [a, b] = [Float64Array.of(0, 2, 0, 0), Float64Array.of(0, 0.5, 3, 0)];
  // (I + B)(I + A) = [[1, ½], [3, 1]] · [[1, 2], [0, 1]] = [[1, 2½], [3, 7]].
  closeTo(relevanceRow(unit(2, 0), [a, b]), [1, 2.5]);
  closeTo(relevanceRow(unit(2, 1), [a, b]), [3, 7]);
});

test("without gradients every token is relevant to itself alone", () => {
  closeTo(relevanceRow(unit(3, 1), [new Float64Array(9), new Float64Array(9)]), unit(3, 1));
});

test("what lies on the prefix is counted, not drawn", () => {
  const map = mapOfRow("m", [0.5, 0.2, 0.1, 0.05, 0.1, 0.05], { prefix: 2, grid: [2, 2] });
  expect(map.outside).toBeCloseTo(0.7, 12);
  closeTo(map.values, [0.1, 0.05, 0.1, 0.05], 6);
});

test.each([1, 2, 5, 30, 62])("%i places integrate polynomials exactly", (count) => {
  const { places, weights } = gaussLegendre(count);
  for (let degree = 0; degree < Math.min(2 * count, 40); degree++) {
    const integral = places.reduce((sum, place, i) => sum + weights[i]! * place ** degree, 0);
    expect(integral).toBeCloseTo(1 / (degree + 1), 11);
  }
});

test("positions at right angles are alike to themselves only, and the class token's row is left out", () => {
  const width = 5;
  // The class token equals the first patch: counted as a patch it would shift all maps by one.
  const rows = [0, 0, 1, 2, 3].map((k) => Array.from({ length: width }, (_, j) => (j === k ? 2 : 0)));
  const maps = positionSimilarity(Float32Array.from(rows.flat()), { rows: 2, cols: 2, width });
  expect(maps.map(({ name }) => name)).toEqual([
    "row 0, column 0",
    "row 0, column 1",
    "row 1, column 0",
    "row 1, column 1",
  ]);
  for (const [i, { values }] of maps.entries()) closeTo(values, unit(4, i), 7);
});

test("positions of sines and cosines depend on their distance alone", () => {
  const [cols, width] = [6, 8];
  const table = Float32Array.from({ length: cols * width }, (_, k) => {
    const [place, channel] = [Math.floor(k / width), k % width];
    const angle = place / 10 ** (Math.floor(channel / 2) / 2);
    return channel % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  });
  const maps = positionSimilarity(table, { rows: 1, cols, width });
  for (let i = 1; i < cols; i++)
    for (let j = 1; j < cols; j++) expect(maps[i]!.values[j]).toBeCloseTo(maps[i - 1]!.values[j - 1]!, 6);
});

test("distances between patches are those of their centres in pixels", () => {
  // Patches of 16 high and 32 wide.
  closeTo(patchDistances([2, 2], [32, 64]).subarray(0, 4), [0, 32, 16, Math.hypot(32, 16)], 5);
});
