import { expect, test } from "vitest";
import { symbol } from "../../src/graph/dim.ts";
import { flops } from "../../src/graph/flops.ts";
import { apply, conv, convTranspose, input, linear, type Tensor } from "../../src/tensor/index.ts";

const cost = (t: Tensor): string =>
  String(flops({ inputs: [], outputs: new Map([["y", t.value]]), updates: new Map() }));
const of = (...shape: (number | string)[]): Tensor =>
  input(
    "x",
    shape.map((size) => (typeof size === "string" ? symbol(size) : size)),
  );

test("a matrix product costs two operations for each multiplication", () => {
  expect(cost(of(3, 4).matmul(of(4, 5)))).toBe(String(2 * 3 * 4 * 5));
  expect(cost(of("b", 2, 3, 4).matmul(of("b", 2, 4, 5)))).toBe("240*b");
});

test("a linear map costs the same whichever axis is transposed", () => {
  expect(cost(linear(of(7, 4), of(5, 4)))).toBe(String(2 * 7 * 4 * 5));
  expect(cost(apply("Gemm", [of(4, 7), of(4, 5)], { transA: 1 }))).toBe(String(2 * 7 * 4 * 5));
});

test("a convolution costs one window of one group for each element of its result", () => {
  const y = conv(of(2, 4, 8, 8), of(6, 2, 3, 3), undefined, { groups: 2, padding: 1, stride: 2 });
  expect(cost(y)).toBe(String(2 * (2 * 6 * 4 * 4) * (2 * 3 * 3)));
  expect(cost(convTranspose(of(2, 4, 5, 5), of(4, 6, 2, 2), undefined, { stride: 2 }))).toBe(
    String(2 * (2 * 4 * 5 * 5) * (6 * 2 * 2)),
  );
});

test("what is used twice is counted once, and elementwise operations not at all", () => {
  const y = of(3, 4).matmul(of(4, 5));
  expect(cost(y.add(y).mul(2))).toBe(String(2 * 3 * 4 * 5));
});
