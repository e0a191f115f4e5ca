import fc from "fast-check";
import { expect, test } from "vitest";
import { evaluatorFor } from "../../src/compile/index.ts";
import { symbol } from "../../src/graph/dim.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { dims, input, installEvaluator, rearrange, tensor } from "../../src/tensor/index.ts";

installEvaluator(evaluatorFor(await nodeRuntime({ threads: 1 })));

test("dims names the axes", () => {
  const { b, n, d } = dims(input("x", [symbol("b"), 197, 768]), "b n d");
  expect([String(b), n, d]).toEqual(["b", 197, 768]);
});

test("dims refuses another rank, another stated size, and a symbol where a number is needed", () => {
  const x = input("x", [symbol("b"), 3, 4]);
  expect(() => dims(x, "b n")).toThrowErrorMatchingInlineSnapshot(
    `[VitrineError: dims: expected [b, n], got [b, 3, 4]]`,
  );
  expect(() => dims(x, "b 5 4")).toThrowErrorMatchingInlineSnapshot(
    `[VitrineError: dims: expected [b, 5, 4], got [b, 3, 4]]`,
  );
  expect(() => dims(x, "d 3 4")).toThrowErrorMatchingInlineSnapshot(
    `[VitrineError: dims: d must be a number in [d, 3, 4], got [b, 3, 4]]`,
  );
});

test("heads apart and together again is the identity", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 3 }),
      async (n, a, k) => {
        const x = tensor(
          Array.from({ length: 2 * n * a * k }, (_, i) => i),
          [2, n, a * k],
        );
        const apart = rearrange(x, "b n (a k) -> b a n k", { a });
        expect(apart.shape).toEqual([2, a, n, k]);
        const together = await rearrange(apart, "b a n k -> b n (a k)").array();
        expect([...(together.data as Float32Array)]).toEqual(Array.from({ length: 2 * n * a * k }, (_, i) => i));
      },
    ),
    { numRuns: 10 },
  );
});

test("rearrange keeps a free batch size", () => {
  const x = input("x", [symbol("b"), 196, 768]);
  expect(rearrange(x, "b (h w) d -> b d h w", { h: 14 }).shape.map(String)).toEqual(["b", "768", "14", "14"]);
});

test("rearrange refuses what does not fit", () => {
  const x = input("x", [2, 6]);
  expect(() => rearrange(x, "b (a k) -> b a k", { a: 4 })).toThrowErrorMatchingInlineSnapshot(
    `[VitrineError: rearrange "b (a k) -> b a k": (a k) must make 6, got [2, 6]]`,
  );
  expect(() => rearrange(x, "b n -> b m")).toThrowErrorMatchingInlineSnapshot(
    `[VitrineError: rearrange: both sides must have the same axes, got "b n -> b m"]`,
  );
});
