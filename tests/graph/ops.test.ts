import { expect, test } from "vitest";
import { operators } from "../../src/graph/operators.ts";
import { type Attributes, completeAttributes, isOpName, type OpName, operatorSpec } from "../../src/graph/ops.ts";

const names = Object.keys(operators) as OpName[];

test("required inputs come before optional ones, and a list of any length stands alone", () => {
  for (const op of names) {
    const { inputs, outputs } = operatorSpec(op);
    const firstOptional = inputs.findIndex((name) => name.endsWith("?"));
    if (firstOptional >= 0)
      expect(
        inputs.slice(firstOptional).every((name) => name.endsWith("?")),
        op,
      ).toBe(true);
    for (const list of [inputs, outputs]) {
      if (list.includes("…")) expect(list, op).toEqual(["…"]);
      expect(new Set(list).size, op).toBe(list.length);
    }
    expect(outputs.length, op).toBeGreaterThan(0);
  }
});

test("defaults have the type of their attribute", () => {
  for (const op of names)
    for (const [name, [kind, value]] of Object.entries(operatorSpec(op).attributes ?? {})) {
      if (value === undefined) continue;
      const place = `${op}.${name}`;
      if (kind === "string") expect(typeof value, place).toBe("string");
      else if (kind === "int") expect(Number.isInteger(value), place).toBe(true);
      else if (kind === "float") expect(typeof value, place).toBe("number");
      else expect(Array.isArray(value), place).toBe(true);
    }
});

test("attributes are completed with ONNX's defaults, and given ones win", () => {
  expect(completeAttributes("Gemm", { transB: 1 })).toEqual({ alpha: 1, beta: 1, transA: 0, transB: 1 });
  expect(completeAttributes("Conv", {}).strides).toBeUndefined();
  const none: Attributes<"Add"> = completeAttributes("Add", {});
  expect(none).toEqual({});
});

test("names outside the union are not operators", () => {
  expect(isOpName("MatMul")).toBe(true);
  expect(isOpName("toString")).toBe(false);
  expect(isOpName("Loop")).toBe(false);
});
