import { expect, test } from "vitest";
import { ndarray } from "../../src/graph/dtype.ts";
import { tensor } from "../../src/tensor/index.ts";

test("plain numbers become those of the element type", () => {
  expect(ndarray("int64", [2], [1, -2]).data).toEqual(BigInt64Array.of(1n, -2n));
  expect(ndarray("float16", [1], [1.5]).data).toEqual(Uint16Array.of(0x3e00));
});

test("a typed array is taken as it is, and only for its own element type", () => {
  const own = Int32Array.of(1, 2);
  expect(ndarray("int32", [2], own).data).toBe(own);
  expect(() => ndarray("float32", [2], own)).toThrow(/float32 numbers are kept in a Float32Array, got a Int32Array/);
  expect(() => tensor(own)).toThrow(/Float32Array/);
  expect(ndarray("bool", [2], Buffer.from([0, 1])).data).toHaveLength(2);
});

test("a shape has as many elements as are given", () => {
  expect(() => ndarray("float32", [2, 2], [1, 2, 3])).toThrow(/\[2, 2\] has 4 elements, got 3/);
});
