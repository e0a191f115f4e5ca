import fc from "fast-check";
import { expect, test } from "vitest";
import {
  addDims,
  ceilDivDim,
  type Dim,
  divideExactly,
  equalDims,
  equalShapes,
  evaluateDim,
  floorDivDim,
  isSymbolic,
  mulDims,
  shapeText,
  sizeOfShape,
  subDims,
  symbol,
  symbolsOf,
} from "../../src/graph/dim.ts";

const names = ["a", "b", "c"] as const;
const [a, b, c] = names.map(symbol) as [Dim, Dim, Dim];

/** Sizes of every form: sums, products and floored quotients of numbers and three symbols. */
const dims: fc.Arbitrary<Dim> = fc.letrec<{ dim: Dim }>((tie) => ({
  dim: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.integer({ min: -9, max: 9 }),
    fc.constantFrom(a, b, c),
    fc.tuple(tie("dim"), tie("dim")).map(([x, y]) => addDims(x, y)),
    fc.tuple(tie("dim"), tie("dim")).map(([x, y]) => subDims(x, y)),
    fc.tuple(tie("dim"), tie("dim")).map(([x, y]) => mulDims(x, y)),
    fc.tuple(tie("dim"), fc.integer({ min: 1, max: 5 })).map(([x, n]) => floorDivDim(x, n)),
  ),
})).dim;
const bindings = fc
  .tuple(...names.map(() => fc.integer({ min: 0, max: 7 })))
  .map((values) => new Map(names.map((name, i) => [name, values[i]!])));
/** Beyond this, products leave the whole numbers that float64 holds. */
const isExact = (...values: readonly number[]): boolean => values.every((v) => Math.abs(v) < 2 ** 40);

test("sums, differences and products have the values of their parts", () => {
  fc.assert(
    fc.property(dims, dims, bindings, (x, y, at) => {
      const [p, q] = [evaluateDim(x, at), evaluateDim(y, at)];
      fc.pre(isExact(p, q, p * q));
      expect(evaluateDim(addDims(x, y), at) + 0).toBe(p + q + 0);
      expect(evaluateDim(subDims(x, y), at) + 0).toBe(p - q + 0);
      expect(evaluateDim(mulDims(x, y), at) + 0).toBe(p * q + 0);
    }),
  );
});

test("equal sizes have one form: the ring laws hold on texts", () => {
  const same = (x: Dim, y: Dim): void => {
    expect(String(x)).toBe(String(y));
    expect(equalDims(x, y)).toBe(true);
  };
  fc.assert(
    fc.property(dims, dims, dims, (x, y, z) => {
      same(addDims(x, y), addDims(y, x));
      same(mulDims(x, y), mulDims(y, x));
      same(addDims(addDims(x, y), z), addDims(x, addDims(y, z)));
      same(mulDims(mulDims(x, y), z), mulDims(x, mulDims(y, z)));
      same(mulDims(x, addDims(y, z)), addDims(mulDims(x, y), mulDims(x, z)));
      same(addDims(x, 0), x);
      same(mulDims(x, 1), x);
      same(mulDims(x, 0), 0);
      same(subDims(x, x), 0);
    }),
  );
});

test("a size without symbols is a number", () => {
  fc.assert(
    fc.property(dims, (x) => {
      expect(isSymbolic(x)).toBe(symbolsOf(x).length > 0);
    }),
  );
});

test("quotients are floored and ceiled for sizes of either sign", () => {
  fc.assert(
    fc.property(dims, fc.integer({ min: 1, max: 9 }), bindings, (x, n, at) => {
      const value = evaluateDim(x, at);
      fc.pre(isExact(value));
      expect(evaluateDim(floorDivDim(x, n), at) + 0).toBe(Math.floor(value / n) + 0);
      expect(evaluateDim(ceilDivDim(x, n), at) + 0).toBe(Math.ceil(value / n) + 0);
    }),
  );
});

test("equal quotients have one form", () => {
  const positive = fc.integer({ min: 1, max: 12 });
  const polynomials = fc
    .array(fc.tuple(fc.integer({ min: -9, max: 9 }), fc.subarray([a, b, c])))
    .map((terms) => addDims(...terms.map(([n, factors]) => mulDims(n, ...factors))));
  fc.assert(
    fc.property(polynomials, polynomials, positive, positive, (x, y, m, n) => {
      expect(String(floorDivDim(floorDivDim(x, m), n))).toBe(String(floorDivDim(x, m * n)));
      expect(String(floorDivDim(mulDims(x, m), m * n))).toBe(String(floorDivDim(x, n)));
      expect(String(floorDivDim(addDims(x, mulDims(y, n)), n))).toBe(String(addDims(floorDivDim(x, n), y)));
    }),
  );
});

test("a product divides by its factors", () => {
  fc.assert(
    fc.property(dims, dims, (x, y) => {
      fc.pre(y !== 0);
      expect(String(divideExactly(mulDims(x, y), y))).toBe(String(x));
    }),
  );
});

test("a quotient that divideExactly gives is exact", () => {
  fc.assert(
    fc.property(dims, dims, (x, y) => {
      const quotient = divideExactly(x, y);
      if (quotient !== undefined) expect(String(mulDims(quotient, y))).toBe(String(x));
    }),
  );
});

test("divideExactly refuses remainders, zero and missing factors", () => {
  expect(divideExactly(7, 2)).toBeUndefined();
  expect(divideExactly(7, 0)).toBeUndefined();
  expect(divideExactly(mulDims(3, a), 2)).toBeUndefined();
  expect(divideExactly(mulDims(3, a), b)).toBeUndefined();
  expect(divideExactly(mulDims(3, a), 0)).toBeUndefined();
  expect(divideExactly(0, a)).toBe(0);
  expect(divideExactly(mulDims(a, b, 196), mulDims(b, 14))?.toString()).toBe("14*a");
});

test("texts are readable", () => {
  expect(String(addDims(1, a))).toBe("a+1");
  expect(String(subDims(mulDims(2, b), mulDims(a, 3)))).toBe("-3*a+2*b");
  expect(String(floorDivDim(addDims(mulDims(4, a), b, 3), 2))).toBe("2*a+floor((b+1)/2)+1");
  expect(String(floorDivDim(subDims(a, 1), 2))).toBe("floor((a+1)/2)-1");
  expect(String(floorDivDim(a, 2))).toBe("floor(a/2)");
  expect(shapeText([b, 197, 768])).toBe("[b, 197, 768]");
  expect(String(sizeOfShape([b, 197, a]))).toBe("197*a*b");
});

test("shapes are equal axis by axis", () => {
  expect(equalShapes([a, 2], [symbol("a"), 2])).toBe(true);
  expect(equalShapes([a, 2], [b, 2])).toBe(false);
  expect(equalShapes([2], [2, 1])).toBe(false);
});

test("unbound symbols and bad names are refused by name", () => {
  expect(() => evaluateDim(addDims(a, b), new Map([["a", 1]]))).toThrowErrorMatchingInlineSnapshot(
    `[VitrineError: size "b" is not bound by any input]`,
  );
  expect(() => symbol("2x")).toThrowErrorMatchingInlineSnapshot(
    `[VitrineError: symbol: a name is letters, digits, _ and ., got "2x"]`,
  );
});
