import { expect, test } from "vitest";
import { symbol } from "../../src/graph/dim.ts";
import { ndarray } from "../../src/graph/dtype.ts";
import { constantValue, inputValue, makeNode, makeVariable, randomValue } from "../../src/graph/graph.ts";
import { printGraph } from "../../src/graph/print.ts";

test("a graph is one line for each input, node, output and update", () => {
  const b = symbol("b");
  const x = inputValue("x", "float32", [b, 4]);
  const w = makeVariable("proj.weight", "float32", [3, 4], () => ndarray("float32", [3, 4], Array(12).fill(0)));
  const y = makeNode("Gemm", [x, w.value, undefined], { transB: 1, alpha: 2 }, "proj").outputs[0]!;
  const half = constantValue(ndarray("int64", [2], [1, 2]));
  const parts = makeNode("Split", [y, half], { axis: 1 }, "").outputs;
  const noise = randomValue("drop", [b, 1], { kind: "uniform" });
  const sum = makeNode("Add", [parts[0], noise], {}, "").outputs[0]!;
  const next = makeNode("Mul", [w.value, constantValue(ndarray("float32", [], [0.5]))], {}, "").outputs[0]!;
  const graph = { inputs: [x], outputs: new Map([["y", sum]]), updates: new Map([[w, next]]) };
  expect(printGraph(graph).split("\n")).toEqual([
    "x: float32 [b, 4]",
    "%0 = Gemm(x, proj.weight, none) {alpha: 2, beta: 1, transB: 1} float32 [b, 3]  // proj",
    "%1, %2 = Split(%0, (1, 2)) {axis: 1} float32 [b, 1], float32 [b, 2]",
    "%3 = Add(%1, random(drop)) float32 [b, 1]",
    "%4 = Mul(proj.weight, 0.5) float32 [3, 4]",
    "y -> %3",
    "proj.weight <- %4",
  ]);
});
