import { expect, test } from "vitest";
import { evaluateDim, symbol } from "../../src/graph/dim.ts";
import { leavesOf, rootsOf } from "../../src/graph/graph.ts";
import { selectEarly } from "../../src/rewrite/select-early.ts";
import {
  apply,
  at,
  concat,
  full,
  gather,
  input,
  ints,
  linear,
  lowerTriangle,
  mean,
  slice,
  softmax,
  split,
  type Tensor,
  tensor,
  where,
} from "../../src/tensor/index.ts";
import { expectSameNumbers, graphOf, productFlops, randomArray, shapesOf } from "./run.ts";
import { traceTower } from "./tower.ts";

const b = symbol("b");
const images = { x: randomArray(1, [3, 7, 8]) };

test("a class token makes the last block run on one row, but for keys and values", async () => {
  const { graph } = traceTower(2, b, (y) => ({ y: at(y, 1, 0) }));
  const early = selectEarly(graph);
  const rows = shapesOf(early, "Gemm").map(([rows, columns]) => `${rows}·${columns}`);
  expect(rows.toSorted()).toEqual(
    ["7*b·24", "7*b·8", "7*b·16", "7*b·8", "b·8", "7*b·16", "b·8", "b·16", "b·8"].toSorted(),
  );
  const flops = [graph, early].map((g) => productFlops(g, (dim) => evaluateDim(dim, new Map([["b", 1]]))));
  expect(flops[1]! / flops[0]!).toBeLessThan(0.75);
  await expectSameNumbers(graph, early, images);
});

test("two tokens that are read apart are computed together", async () => {
  const { graph } = traceTower(1, b, (y) => ({ last: at(y, 1, -1), first: at(y, 1, 0) }));
  const early = selectEarly(graph);
  expect(shapesOf(early, "Softmax")).toEqual([[b, 2, 2, 7]]);
  await expectSameNumbers(graph, early, images);
});

test("indices keep their order and their repetitions", async () => {
  const x = input("x", [b, 7, 8]);
  const graph = graphOf([x], { y: gather(softmax(x.mul(2)), ints([3, -7, 3]), 1) });
  const early = selectEarly(graph);
  expect(shapesOf(early, "Softmax")).toEqual([[b, 2, 8]]);
  await expectSameNumbers(graph, early, images);
});

test("a value with another reader is a barrier", async () => {
  const x = input("x", [b, 7, 8]);
  const y = softmax(x.mul(2));
  const graph = graphOf([x], { row: at(y.add(1), 1, 2), whole: y });
  const early = selectEarly(graph);
  expect(shapesOf(early, "Softmax")).toEqual([[b, 7, 8]]);
  expect(shapesOf(early, "Add")).toEqual([[b, 1, 8]]);
  await expectSameNumbers(graph, early, images);
});

test("attention weights that are asked for are computed for all rows, and the rest still for one", async () => {
  const { graph, taps } = traceTower(1, b, (y) => ({ y: at(y, 1, 0) }));
  const tapped = { ...graph, outputs: new Map([...graph.outputs, ["probs", taps.get("blocks.0.attn.probs")!]]) };
  const early = selectEarly(tapped);
  expect(shapesOf(early, "Softmax")).toEqual([[b, 2, 7, 7]]);
  expect(shapesOf(early, "Gelu")).toEqual([[b, 1, 16]]);
  await expectSameNumbers(tapped, early, images);
});

test("an operator that mixes rows is a barrier", () => {
  const x = input("x", [b, 7, 8]);
  for (const mixed of [softmax(x, 1), x.sub(mean(x, { axes: [1], keepDims: true })).mul(x)]) {
    const early = selectEarly(graphOf([x], { y: at(mixed, 1, 0) }));
    const softmaxes = shapesOf(early, "Softmax");
    for (const shape of softmaxes) expect(shape).toEqual([b, 7, 8]);
  }
});

test("half of an axis is followed, more is not", () => {
  const x = input("x", [b, 8, 4]);
  const rows = (end: number) => selectEarly(graphOf([x], { y: slice(x.mul(2), 1, 0, end) }));
  expect(shapesOf(rows(4), "Mul")).toEqual([[b, 4, 4]]);
  expect(shapesOf(rows(5), "Mul")).toEqual([[b, 8, 4]]);
});

test("rows are followed through concatenations, broadcast operands and matrices on either side", async () => {
  const x = input("x", [b, 7, 8]);
  const positions = tensor(randomArray(2, [1, 7, 8]));
  const weight = tensor(randomArray(3, [8, 8]));
  const wide = concat([x.add(positions), x.matmul(weight)], 2);
  const graph = graphOf([x], { y: at(wide, 1, 3), z: at(tensor(randomArray(4, [5, 7])).matmul(x), 2, 1) });
  const early = selectEarly(graph);
  expect(shapesOf(early, "MatMul")).toEqual([
    [b, 1, 8],
    [b, 5, 1],
  ]);
  await expectSameNumbers(graph, early, images);
});

test("the last position of a sequence of free length is followed", async () => {
  const t = symbol("t");
  const x = input("x", [b, t, 8]);
  const graph = graphOf([x], { y: at(x.mul(x).add(1), 1, -1) });
  const early = selectEarly(graph);
  expect(shapesOf(early, "Mul")).toEqual([[b, 1, 8]]);
  await expectSameNumbers(graph, early, images);
});

test("the next token of a decoder of free length needs one query", async () => {
  const t = symbol("t");
  const x = input("x", [b, t, 8]);
  const weight = tensor(randomArray(2, [24, 8]));
  const [q, k, v] = split(linear(x, weight), 3, 2) as [Tensor, Tensor, Tensor];
  const earlier = where(apply("Cast", [lowerTriangle(full([t, t], 1))], { to: 9 }), 0, -1e9);
  const y = softmax(q.matmul(k.transpose([0, 2, 1])).add(earlier))
    .matmul(v)
    .transpose([0, 2, 1])
    .transpose([0, 2, 1]);
  const graph = graphOf([x], { y: at(linear(x.add(y), tensor(randomArray(3, [5, 8]))), 1, -1) });
  const early = selectEarly(graph);
  expect(shapesOf(early, "Softmax")).toEqual([[b, 1, t]]);
  expect(shapesOf(early, "Gemm").map(String).toSorted()).toEqual(["b*t,16", "b,5", "b,8"]);
  await expectSameNumbers(graph, early, images);
});

test("parameters stay the same values", () => {
  const { graph, tower } = traceTower(2, b, (y) => ({ y: at(y, 1, 0) }));
  const leaves = new Set(leavesOf(rootsOf(selectEarly(graph))));
  for (const parameter of tower.parameters().values()) expect(leaves.has(parameter.value)).toBe(true);
});

test("a graph without selections is returned as it is", () => {
  const { graph } = traceTower(1, b, (y) => ({ y }));
  expect(selectEarly(graph)).toBe(graph);
});
