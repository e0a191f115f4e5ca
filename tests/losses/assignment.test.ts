import fc from "fast-check";
import { expect, test } from "vitest";
import { ndarray } from "../../src/graph/dtype.ts";
import { assign } from "../../src/losses/assignment.ts";
import { goldenTensor, readGolden } from "../golden.ts";
import { hasShared } from "../shared.ts";

/** The least total cost over all ways to match, by trying them. */
function least(cost: (i: number, j: number) => number, n: number, m: number): number {
  if (n > m) return least((i, j) => cost(j, i), m, n);
  const from = (i: number, used: ReadonlySet<number>): number => {
    if (i === n) return 0;
    const free = Array.from({ length: m }, (_, j) => j).filter((j) => !used.has(j));
    return Math.min(...free.map((j) => cost(i, j) + from(i + 1, new Set([...used, j]))));
  };
  return from(0, new Set());
}

test("no other matching costs less", () => {
  const size = fc.integer({ min: 1, max: 5 });
  const matrices = fc
    .tuple(size, size)
    .chain(([n, m]) =>
      fc.tuple(
        fc.constant(n),
        fc.constant(m),
        fc.array(fc.integer({ min: -9, max: 9 }), { minLength: n * m, maxLength: n * m }),
      ),
    );
  fc.assert(
    fc.property(matrices, ([n, m, values]) => {
      const { rows, columns } = assign(ndarray("float32", [n, m], values));
      expect(rows).toHaveLength(Math.min(n, m));
      expect(new Set(rows).size).toBe(rows.length);
      expect(new Set(columns).size).toBe(columns.length);
      const total = rows.reduce((sum, i, k) => sum + values[i * m + columns[k]!]!, 0);
      expect(total).toBe(least((i, j) => values[i * m + j]!, n, m));
    }),
    { numRuns: 300 },
  );
});

test("costs that are no numbers, and no matrix, are refused", () => {
  expect(() => assign(ndarray("float32", [1, 2], [1, Number.NaN]))).toThrow("costs must be finite");
  expect(() => assign(ndarray("float32", [2], [1, 2]))).toThrow("costs must be a matrix");
});

test.skipIf(!hasShared)("pairs are scipy's", () => {
  const golden = readGolden("ops-assignment");
  for (const i of [0, 1, 2]) {
    const { rows, columns } = assign(goldenTensor(golden, `input.cost.${i}`));
    expect(rows).toEqual(Array.from(goldenTensor(golden, `output.rows.${i}`).data, Number));
    expect(columns).toEqual(Array.from(goldenTensor(golden, `output.columns.${i}`).data, Number));
  }
});
