import { expect, test } from "vitest";
import { ndarray } from "../../src/graph/dtype.ts";
import { type BiasTableRule, resizeBiasTable } from "../../src/nn/bias-table.ts";
import { expectClose, goldenTensor, readGolden } from "../golden.ts";
import { hasShared } from "../shared.ts";

const rules: readonly BiasTableRule[] = ["geometric", "bicubic"];

test.skipIf(!hasShared).each(rules)("%s resizing equals timm's", (rule) => {
  const golden = readGolden("ops-resize-bias-table");
  const got = resizeBiasTable(goldenTensor(golden, "input.table"), [3, 3], [4, 4], rule);
  expectClose(got, goldenTensor(golden, `output.${rule}`), golden.tolerance, rule);
});

test.each(rules)("%s resizing keeps a constant table constant, and the same window as it is", (rule) => {
  const flat = ndarray("float32", [9, 2], new Float32Array(18).fill(0.5));
  expect(
    [...(resizeBiasTable(flat, [2, 2], [3, 5], rule).data as Float32Array)].every((x) => Math.abs(x - 0.5) < 1e-6),
  ).toBe(true);
  expect(resizeBiasTable(flat, [2, 2], [2, 2], rule)).toBe(flat);
});

test("a table of another window is refused", () => {
  expect(() => resizeBiasTable(ndarray("float32", [9, 1], new Float32Array(9)), [3, 3], [4, 4], "bicubic")).toThrow(
    "[25, heads]",
  );
});
