import fc from "fast-check";
import { expect, test } from "vitest";
import { ndarray } from "../../src/graph/dtype.ts";
import { arrange, arrangedShape, invertedPattern } from "../../src/weights/arrange.ts";

const count = (...shape: number[]) => {
  const size = shape.reduce((a, b) => a * b, 1);
  return ndarray(
    "float32",
    shape,
    Array.from({ length: size }, (_, i) => i),
  );
};

test("axes are transposed, merged, split, added and taken away", () => {
  expect(arrange(count(2, 3), "i o -> o i")).toMatchObject({
    shape: [3, 2],
    data: new Float32Array([0, 3, 1, 4, 2, 5]),
  });
  expect(arrange(count(2, 1, 2), "i h k -> (h k) i")).toMatchObject({
    shape: [2, 2],
    data: new Float32Array([0, 2, 1, 3]),
  });
  expect(arrange(count(4, 2), "(h k) i -> i h k", { h: 2 })).toMatchObject({
    shape: [2, 2, 2],
    data: new Float32Array([0, 2, 4, 6, 1, 3, 5, 7]),
  });
  expect(arrange(count(2, 3), "n d -> 1 n d").shape).toEqual([1, 2, 3]);
  expect(arrange(count(1, 2, 3), "1 n d -> n d").shape).toEqual([2, 3]);
});

test("an arrangement that keeps the order of values shares them", () => {
  const array = count(2, 3, 4);
  expect(arrange(array, "h k i -> (h k) i").data).toBe(array.data);
});

test("every arrangement is undone by its inverse", () => {
  const sizes = fc.record({
    a: fc.integer({ min: 1, max: 4 }),
    b: fc.integer({ min: 1, max: 4 }),
    c: fc.integer({ min: 1, max: 4 }),
  });
  const patterns = ["a b c -> c a b", "a b c -> (b c) a", "a b c -> c (a b)", "a b c -> (c b a)", "a b c -> b 1 (a c)"];
  fc.assert(
    fc.property(sizes, fc.constantFrom(...patterns), ({ a, b, c }, pattern) => {
      const array = count(a, b, c);
      const there = arrange(array, pattern);
      expect(there.shape).toEqual(arrangedShape(array.shape, pattern));
      expect(arrange(there, invertedPattern(pattern).pattern, { a, b, c })).toEqual(array);
    }),
  );
});

test("a bad pattern, an open size and a shape that does not fit are told apart", () => {
  expect(() => arrange(count(2, 2), "a b")).toThrow(/two sides/);
  expect(() => arrange(count(2, 2), "a b -> a c")).toThrow(/same axes/);
  expect(() => arrange(count(2, 2), "a a -> a a")).toThrow(/once on each side/);
  expect(() => arrange(count(2, 2), "A b -> b A")).toThrow(/small letters/);
  expect(() => arrange(count(4), "(a b) -> a b")).toThrow(/need a size.*unknown: a, b/);
  expect(() => arrange(count(4), "(a b) -> a b", { a: 3 })).toThrow(/axis 0 of \[4\]/);
  expect(() => arrange(count(2, 2), "a b c -> c b a")).toThrow(/got \[2, 2\]/);
  expect(() => arrange(count(2, 2), "1 b -> b")).toThrow(/axis 0/);
});
