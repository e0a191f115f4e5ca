import { expect, test } from "vitest";
import { principalFilters } from "../../src/explain/filters.ts";
import { principalAxes } from "../../src/explain/principal-axes.ts";
import { fillUniform, keyOf } from "../../src/graph/random.ts";

/** Q Λ Qᵀ with Q from two reflections, so that the eigenvalues are known. */
function withEigenvalues(values: readonly number[]): Float64Array {
  const n = values.length;
  let matrix: Float64Array = Float64Array.from({ length: n * n }, (_, k) =>
    k % (n + 1) === 0 ? values[k / (n + 1)]! : 0,
  );
  for (const seed of [1, 2]) {
    const v = Float64Array.from(fillUniform(keyOf(seed), new Float32Array(n)), (x) => x - 0.5);
    const scale = 2 / v.reduce((sum, x) => sum + x * x, 0);
    const h = (i: number, j: number): number => (i === j ? 1 : 0) - scale * v[i]! * v[j]!;
    const product = (a: (i: number, j: number) => number, b: (i: number, j: number) => number): Float64Array =>
      Float64Array.from({ length: n * n }, (_, k) => {
        let sum = 0;
        for (let m = 0; m < n; m++) sum += a(Math.floor(k / n), m) * b(m, k % n);
        return sum;
      });
    const before = matrix;
    const left = product(h, (i, j) => before[i * n + j]!);
    matrix = product((i, j) => left[i * n + j]!, h);
  }
  return matrix;
}

test.each([
  ["apart", [9, 5, 4, 3, 2, 1, 0.5]],
  ["repeated", [7, 7, 7, 2, 2, 1, 0, 0]],
  ["of one alone", [3]],
  ["of two", [3, 1]],
  ["all equal", [2, 2, 2, 2]],
])("eigenvalues %s are found with their vectors", (_, values) => {
  const n = values.length;
  const matrix = withEigenvalues(values);
  const axes = principalAxes(matrix.slice(), n, Math.min(n, 5));
  for (const [i, { value, vector }] of axes.entries()) {
    expect(value).toBeCloseTo(values[i]!, 10);
    for (let row = 0; row < n; row++) {
      const image = vector.reduce((sum, x, j) => sum + matrix[row * n + j]! * x, 0);
      expect(image).toBeCloseTo(value * vector[row]!, 9);
    }
    for (const [j, other] of axes.entries())
      expect(vector.reduce((sum, x, k) => sum + x * other.vector[k]!, 0)).toBeCloseTo(i === j ? 1 : 0, 10);
  }
});

test("filters that mix two patterns have these two components, and nothing else", () => {
  const patterns = [
    [3, 0, 0, 4],
    [0, 1, 0, 0],
  ];
  const mixtures = [
    [2, 1],
    [-2, 1],
    [2, -1],
    [-2, -1],
  ];
  const filters = Float32Array.from(
    mixtures.flatMap(([a, b]) => patterns[0]!.map((x, i) => 1 + a! * x + b! * patterns[1]![i]!)),
  );
  const [first, second] = principalFilters(filters, 4, 2);
  // The first pattern has length 5 and factors of 2: variance 100 beside 1.
  expect(first!.share).toBeCloseTo(100 / 101, 6);
  expect(second!.share).toBeCloseTo(1 / 101, 6);
  for (const [i, x] of [0.6, 0, 0, 0.8].entries()) expect(first!.values[i]).toBeCloseTo(x, 6);
  for (const [i, x] of [0, 1, 0, 0].entries()) expect(second!.values[i]).toBeCloseTo(x, 6);
});
