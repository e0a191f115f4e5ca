import { expect, test } from "vitest";
import { type Dim, symbol } from "../../src/graph/dim.ts";
import { drop } from "../../src/rewrite/drop.ts";
import { fuseAttention } from "../../src/rewrite/fuse-attention.ts";
import { selectEarly } from "../../src/rewrite/select-early.ts";
import { at, input, rearrange, softmax, type Tensor, tensor, where } from "../../src/tensor/index.ts";
import { expectSameNumbers, graphOf, opsOf, randomArray } from "./run.ts";
import { traceTower } from "./tower.ts";

const b = symbol("b");

const apart = (x: Tensor): Tensor => rearrange(x, "b n (a k) -> b a n k", { a: 2 });
const together = (x: Tensor): Tensor => rearrange(x, "b a n k -> b n (a k)");
const swapped = (x: Tensor): Tensor => x.transpose([0, 1, 3, 2]);

function attention(rows: Dim, keys: Dim, weights: (q: Tensor, k: Tensor) => Tensor) {
  const q = input("q", [b, rows, 8]);
  const k = input("k", [b, keys, 8]);
  const v = input("v", [b, keys, 6]);
  const y = together(weights(apart(q), apart(k)).matmul(apart(v)));
  return graphOf([q, k, v], { y });
}

const feeds = { q: randomArray(1, [3, 5, 8]), k: randomArray(2, [3, 5, 8]), v: randomArray(3, [3, 5, 6]) };

const bias = tensor(randomArray(4, [2, 5, 5]));
const columns = tensor(randomArray(5, [1, 1, 1, 5]));
const allowed = tensor([1, 1, 0, 1, 1], [5], "bool");

test.each<[string, (q: Tensor, k: Tensor) => Tensor]>([
  ["the queries scaled", (q, k) => softmax(q.mul(0.5).matmul(swapped(k)))],
  ["the scores scaled", (q, k) => softmax(q.matmul(swapped(k)).div(2))],
  ["queries and keys scaled", (q, k) => softmax(q.mul(0.7).matmul(swapped(k).mul(0.7)))],
  ["no scale", (q, k) => softmax(q.matmul(swapped(k)))],
  ["a bias for each head", (q, k) => softmax(q.mul(0.5).matmul(swapped(k)).add(bias))],
  ["a bias for each key", (q, k) => softmax(columns.add(q.matmul(swapped(k)).mul(0.5)))],
  ["two biases", (q, k) => softmax(q.matmul(swapped(k)).add(bias).add(columns))],
  ["a mask", (q, k) => softmax(where(allowed, q.matmul(swapped(k)), -1e9))],
  [
    "a mask of what is blocked",
    (q, k) => softmax(where(allowed, Number.NEGATIVE_INFINITY, q.matmul(swapped(k)).mul(2))),
  ],
])("attention with %s is one operator", async (_, weights) => {
  const graph = attention(5, 5, weights);
  const better = drop(fuseAttention(graph));
  for (const op of ["MatMul", "Transpose", "Softmax"]) expect(opsOf(better)).not.toContain(op);
  expect(opsOf(better)).toContain("MultiHeadAttention");
  await expectSameNumbers(graph, better, feeds);
});

test("queries and keys may have free and different lengths", async () => {
  const graph = attention(symbol("n"), symbol("m"), (q, k) => softmax(q.matmul(swapped(k)).mul(0.5)));
  const better = drop(fuseAttention(graph));
  expect(opsOf(better)).toEqual(["MultiHeadAttention"]);
  await expectSameNumbers(graph, better, { ...feeds, q: randomArray(1, [3, 2, 8]) });
});

test.each<[string, (q: Tensor, k: Tensor) => Tensor]>([
  ["a softmax over queries", (q, k) => softmax(q.matmul(swapped(k)), 2)],
  ["a factor after the bias", (q, k) => softmax(q.matmul(swapped(k)).add(bias).mul(2))],
  ["a mask that does not block", (q, k) => softmax(where(allowed, q.matmul(swapped(k)), -1))],
])("%s stays in parts", (_, weights) => {
  const graph = attention(5, 5, weights);
  expect(fuseAttention(graph)).toBe(graph);
});

test("every block of a tower is fused, whether its last runs on one row or on all", async () => {
  const { graph } = traceTower(3, b, (y) => ({ y: at(y, 1, 0) }));
  for (const before of [graph, selectEarly(graph)]) {
    const better = drop(fuseAttention(drop(before)));
    expect(opsOf(better).filter((op) => op === "MultiHeadAttention")).toHaveLength(3);
    for (const op of ["Softmax", "Transpose", "MatMul"]) expect(opsOf(better)).not.toContain(op);
    await expectSameNumbers(graph, better, { x: randomArray(1, [3, 7, 8]) });
  }
});

test("attention weights that are asked for keep their block in parts", async () => {
  const { graph, taps } = traceTower(2, b, (y) => ({ y }));
  const tapped = { ...graph, outputs: new Map([...graph.outputs, ["probs", taps.get("blocks.1.attn.probs")!]]) };
  const better = fuseAttention(tapped);
  expect(opsOf(better).filter((op) => op === "MultiHeadAttention")).toHaveLength(1);
  expect(opsOf(better).filter((op) => op === "Softmax")).toHaveLength(1);
  await expectSameNumbers(tapped, better, { x: randomArray(1, [3, 7, 8]) });
});
