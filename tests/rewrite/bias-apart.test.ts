import { expect, test } from "vitest";
import { symbol } from "../../src/graph/dim.ts";
import { biasApart } from "../../src/rewrite/bias-apart.ts";
import { drop } from "../../src/rewrite/drop.ts";
import { apply, gelu, input, linear, type Tensor } from "../../src/tensor/index.ts";
import { expectSameNumbers, graphOf, opsOf, randomArray } from "./run.ts";

const feeds = {
  x: randomArray(1, [2, 5, 3]),
  rows: randomArray(2, [10, 3]),
  w: randomArray(3, [4, 3]),
  turned: randomArray(4, [3, 4]),
  bias: randomArray(5, [4]),
  full: randomArray(6, [10, 4]),
};
const x = input("x", [2, 5, 3]);
const rows = input("rows", [10, 3]);
const w = input("w", [4, 3]);
const turned = input("turned", [3, 4]);
const bias = input("bias", [4]);
const full = input("full", [10, 4]);

test("a linear map becomes a product and a sum, over the axes that it has", async () => {
  const graph = graphOf([x, w, bias], { y: gelu(linear(x, w, bias)) });
  const better = drop(biasApart(graph));
  expect(opsOf(graph)).toEqual(["Reshape", "Gemm", "Reshape", "Gelu"]);
  expect(opsOf(better)).toEqual(["FusedMatMul", "Add", "Gelu"]);
  await expectSameNumbers(graph, better, feeds);
});

test("so does one on rows, with a factor and either order of the weight", async () => {
  const outputs = {
    plain: linear(rows, w, bias),
    scaled: apply("Gemm", [rows, turned, bias], { alpha: 0.5 }),
    joined: apply("Gemm", [x.reshape([5, 6]).reshape([10, 3]), w, bias], { transB: 1 }),
  };
  const graph = graphOf([rows, x, w, turned, bias], outputs);
  const better = biasApart(graph);
  expect(opsOf(better)).not.toContain("Gemm");
  await expectSameNumbers(graph, better, feeds);
});

test("a batch of free size stays free", async () => {
  const free = input("x", [symbol("b"), 5, 3]);
  const graph = graphOf([free, w, bias], { y: linear(free, w, bias) });
  const better = biasApart(graph);
  expect(better.outputs.get("y")!.shape.map(String)).toEqual(["b", "5", "4"]);
  await expectSameNumbers(graph, better, feeds);
});

const columns = input("columns", [3, 10]);
const wide = ["rows", "w", "bias"].map((name, i) => input(name, [[10, 3], [4, 3], [4]][i]!, "float64"));
test.each<[string, Tensor]>([
  ["no bias", apply("Gemm", [rows, w], { transB: 1 })],
  ["a sum of the result's shape, which micro-batches make", apply("Gemm", [rows, w, full], { transB: 1 })],
  ["a bias with a factor", apply("Gemm", [rows, w, bias], { transB: 1, beta: 2 })],
  ["a left factor that is turned", apply("Gemm", [columns, w, bias], { transA: 1, transB: 1 })],
  ["other numbers than float32", apply("Gemm", [wide[0], wide[1], wide[2]], { transB: 1 })],
])("a product with %s stays as it is", (_, y) => {
  const graph = graphOf([rows, columns, w, bias, full, ...wide], { y });
  expect(biasApart(graph).outputs.get("y")).toBe(graph.outputs.get("y"));
});
