import { expect, test } from "vitest";
import { inPlaceVariables } from "../../src/compile/in-place.ts";
import { inputValue, makeVariable } from "../../src/graph/graph.ts";
import type { Variable } from "../../src/graph/value.ts";
import { Tensor } from "../../src/tensor/index.ts";

const variable = (name: string): Variable =>
  makeVariable(name, "float32", [2], () => ({ dtype: "float32", shape: [2], data: new Float32Array(2) }));
const x = new Tensor(inputValue("x", "float32", [2]));

test("a moment that only its own update reads is overwritten in place", () => {
  const moment = variable("m");
  const next = new Tensor(moment.value).mul(0.9).add(x);
  const graph = { inputs: [x.value], outputs: new Map(), updates: new Map([[moment, next.value]]) };
  expect([...inPlaceVariables(graph)]).toEqual([moment]);
});

test("a weight that something else reads later is not", () => {
  const weight = variable("w");
  const w = new Tensor(weight.value);
  const next = w.sub(x);
  const graph = {
    inputs: [x.value],
    outputs: new Map([["y", w.mul(x).value]]),
    updates: new Map([[weight, next.value]]),
  };
  expect(inPlaceVariables(graph).size).toBe(0);
});

test("a new value that is not made element by element is not", () => {
  const weight = variable("w");
  const next = new Tensor(weight.value)
    .reshape([1, 2])
    .matmul(x.reshape([2, 1]))
    .reshape([1]);
  const graph = { inputs: [x.value], outputs: new Map(), updates: new Map([[weight, next.value]]) };
  expect(inPlaceVariables(graph).size).toBe(0);
});
