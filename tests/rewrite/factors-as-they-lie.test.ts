import { describe, expect, test } from "vitest";
import { grad } from "../../src/gradient/index.ts";
import { symbol } from "../../src/graph/dim.ts";
import { topologicalOrder } from "../../src/graph/graph.ts";
import type { Node } from "../../src/graph/value.ts";
import { drop } from "../../src/rewrite/drop.ts";
import { factorsAsTheyLie } from "../../src/rewrite/factors-as-they-lie.ts";
import { apply, input, sum, type Tensor } from "../../src/tensor/index.ts";
import { expectSameNumbers, graphOf, opsOf, randomArray } from "./run.ts";

/** [b, n, a, k]: rows as a linear map leaves them, heads not yet parted. */
const q = input("q", [2, 5, 3, 4]);
const k = input("k", [2, 6, 3, 4]);
const feeds = { q: randomArray(1, [2, 5, 3, 4]), k: randomArray(2, [2, 6, 3, 4]) };

/** The orders that a graph's moves make. */
const moves = (outputs: Readonly<Record<string, Tensor>>): readonly string[] =>
  topologicalOrder([...factorsAsTheyLie(graphOf([q, k], outputs)).outputs.values()]).flatMap((node) =>
    node.op === "Transpose" ? [String((node as unknown as Node<"Transpose">).attributes.perm)] : [],
  );

test("queries times keysᵀ: heads are parted, and no last axis moves", async () => {
  const y = q.transpose([0, 2, 1, 3]).matmul(k.transpose([0, 2, 3, 1]));
  const graph = graphOf([q, k], { y });
  const better = factorsAsTheyLie(graph);
  expect(moves({ y })).toEqual(["0,2,1,3", "0,2,1,3"]);
  expect(opsOf(better).filter((op) => op !== "Transpose")).toEqual(["FusedMatMul"]);
  await expectSameNumbers(graph, better, feeds);
});

describe("on either side and behind the product", () => {
  const a = input("a", [2, 3, 4, 5]);
  const b = input("b", [2, 3, 4, 6]);
  const c = input("c", [2, 3, 6, 5]);
  const given = { a: randomArray(3, [2, 3, 4, 5]), b: randomArray(4, [2, 3, 4, 6]), c: randomArray(5, [2, 3, 6, 5]) };
  const aT = a.transpose([0, 1, 3, 2]);
  const bT = b.transpose([0, 1, 3, 2]);
  test.each<[string, Tensor, readonly string[]]>([
    ["left", aT.matmul(b), ["FusedMatMul"]],
    ["right", a.matmul(c.transpose([0, 1, 3, 2])), ["FusedMatMul"]],
    ["behind", aT.matmul(b).transpose([0, 1, 3, 2]), ["FusedMatMul"]],
    ["behind, and another move", aT.matmul(b).transpose([0, 3, 1, 2]), ["FusedMatMul", "Transpose"]],
    ["of a fused product", apply("FusedMatMul", [a, bT], { transA: 1, transB: 1, alpha: 0.5 }), ["FusedMatMul"]],
  ])("%s", async (_, y, ops) => {
    const graph = drop(graphOf([a, b, c], { y }));
    const better = factorsAsTheyLie(graph);
    expect(opsOf(better)).toEqual(ops);
    await expectSameNumbers(graph, better, given);
  });
});

test("attention's gradients hold no move of a last axis either", async () => {
  const scores = q.transpose([0, 2, 1, 3]).matmul(k.transpose([0, 2, 3, 1]));
  const [dq, dk] = grad(sum(scores.mul(scores)), [q, k]);
  const graph = drop(graphOf([q, k], { dq: dq!, dk: dk! }));
  const better = drop(factorsAsTheyLie(graph));
  const perms = topologicalOrder(better.outputs.values()).flatMap((node) =>
    node.op === "Transpose" ? [(node as unknown as Node<"Transpose">).attributes.perm!.at(-1)] : [],
  );
  expect(new Set(perms)).toEqual(new Set([3]));
  await expectSameNumbers(graph, better, feeds, 1e-5);
});

test("sizes may be free, batches shared by all, and three axes are enough", async () => {
  const free = input("q", [symbol("b"), 5, 3, 4]);
  const one = input("one", [1, 6, 3, 4]);
  const [flat, other] = [input("flat", [7, 5, 4]), input("other", [7, 6, 4])];
  const outputs = {
    scores: free.transpose([0, 2, 1, 3]).matmul(one.transpose([0, 2, 3, 1])),
    behind: apply("FusedMatMul", [flat, other.transpose([0, 2, 1])], { alpha: 0.5 }).transpose([0, 2, 1]),
  };
  const graph = graphOf([free, one, flat, other], outputs);
  const better = factorsAsTheyLie(graph);
  expect(better.outputs.get("scores")!.shape.map(String)).toEqual(["b", "3", "5", "6"]);
  expect(opsOf(better).filter((op) => op === "Transpose")).toHaveLength(2);
  await expectSameNumbers(graph, better, {
    q: feeds.q,
    one: randomArray(5, [1, 6, 3, 4]),
    flat: randomArray(6, [7, 5, 4]),
    other: randomArray(7, [7, 6, 4]),
  });
});

const heads = q.transpose([0, 2, 1, 3]);
const turned = k.transpose([0, 2, 3, 1]);
const matrix = input("m", [4, 3]);
const outer = input("outer", [5, 2, 3, 4]);
test.each<[string, Readonly<Record<string, Tensor>>]>([
  ["rows of a matrix", { y: matrix.transpose().matmul(input("n", [4, 5])) }],
  ["a move that leaves the last axis", { y: heads.matmul(input("n", [2, 3, 4, 5])) }],
  ["a turned factor that others read too", { y: heads.matmul(turned), z: turned.mul(2) }],
  ["a turned factor that is asked for itself", { y: heads.matmul(turned), turned }],
  ["a factor whose first axis is moved inside", { y: apply("FusedMatMul", [outer, turned], { transBatchA: 1 }) }],
])("%s: nothing changes", (_, outputs) => {
  const graph = graphOf([q, k, matrix], outputs);
  expect(factorsAsTheyLie(graph).outputs.get("y")).toBe(graph.outputs.get("y"));
});

test("a product that others read too, or that is asked for itself, is not made twice", () => {
  const product = heads.matmul(input("n", [2, 3, 4, 5]));
  for (const z of [product.mul(2), product]) {
    const graph = graphOf([q], { y: product.transpose([0, 1, 3, 2]), z });
    expect(opsOf(factorsAsTheyLie(graph)).filter((op) => op.includes("MatMul"))).toHaveLength(1);
  }
});
