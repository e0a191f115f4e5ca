import { expect, test } from "vitest";
import { accumulateInGemm } from "../../src/rewrite/accumulate-in-gemm.ts";
import { apply, concat, input, type Tensor } from "../../src/tensor/index.ts";
import { expectSameNumbers, graphOf, opsOf, randomArray } from "./run.ts";

const feeds = {
  a: randomArray(1, [5, 3]),
  b: randomArray(2, [5, 4]),
  c: randomArray(3, [5, 4]),
  s: randomArray(4, [3, 4]),
};
const a = input("a", [5, 3]);
const b = input("b", [5, 4]);
const c = input("c", [5, 4]);
const s = input("s", [3, 4]);
const product = (x: Tensor, y: Tensor, bias?: Tensor): Tensor =>
  apply("Gemm", [x, y, bias], { transA: 1, alpha: 0.5, beta: 3 });

test("a sum with products becomes a chain of products", async () => {
  const graph = graphOf([a, b, c, s], { y: s.add(product(a, b)).add(product(a, c)) });
  const better = accumulateInGemm(graph);
  expect(opsOf(better)).toEqual(["Gemm", "Gemm"]);
  await expectSameNumbers(graph, better, feeds);
});

test("a product on the left of a sum is used where the right is none", async () => {
  const graph = graphOf([a, b, s], { y: product(a, b).add(s) });
  const better = accumulateInGemm(graph);
  expect(opsOf(better)).toEqual(["Gemm"]);
  await expectSameNumbers(graph, better, feeds);
});

test("a product in another shape takes the sum in its own", async () => {
  const graph = graphOf([a, b, s], { y: s.reshape([2, 6]).add(product(a, b).reshape([2, 6])) });
  const better = accumulateInGemm(graph);
  expect(opsOf(better)).not.toContain("Add");
  await expectSameNumbers(graph, better, feeds);
});

test("sums of concatenations add part by part, over any number of them", async () => {
  const parts = (y: Tensor): Tensor => concat([product(a, y), product(a, y.mul(2))], 0);
  const graph = graphOf([a, b, c], {
    y: parts(b)
      .add(parts(c))
      .add(parts(b.add(c))),
  });
  const better = accumulateInGemm(graph);
  const ops = opsOf(better);
  expect(ops.filter((op) => op === "Concat")).toHaveLength(1);
  expect(ops.filter((op) => op === "Gemm")).toHaveLength(6);
  expect(ops.filter((op) => op === "Add")).toHaveLength(1);
  await expectSameNumbers(graph, better, feeds);
});

test("a product stays where it has a bias, another reader, is an output, or would be broadcast", () => {
  const made = product(a, b);
  const kept = [
    { y: s.add(product(a, b, s)) },
    { y: s.add(made), z: made.mul(2) },
    { y: s.add(made), z: made },
    { y: s.reshape([1, 3, 4]).add(made) },
  ];
  for (const outputs of kept) {
    const graph = graphOf([a, b, s], outputs);
    expect(opsOf(accumulateInGemm(graph)).toSorted()).toEqual(opsOf(graph).toSorted());
  }
});
