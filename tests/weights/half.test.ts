import { expect, test } from "vitest";
import { ndarray } from "../../src/graph/dtype.ts";
import { inHalf } from "../../src/weights/half.ts";

test("numbers are rounded to 16 bits, and other element types stay", () => {
  const steps = ndarray("int64", [1], [7]);
  const halved = inHalf([
    ["weight", ndarray("float32", [3], [1, -0.1, 65504])],
    ["steps", steps],
  ]);
  // 0.1 lies between 0x2e66 and 0x2e67, nearer to the first.
  expect(halved.get("weight")).toEqual({ dtype: "float16", shape: [3], data: Uint16Array.of(0x3c00, 0xae66, 0x7bff) });
  expect(halved.get("steps")).toBe(steps);
});

test("a number that 16 bits cannot hold is refused with the tensor's name", () => {
  expect(() => inHalf([["head.bias", ndarray("float32", [1], [7e4])]])).toThrow(/got 70000 in head\.bias/);
});
