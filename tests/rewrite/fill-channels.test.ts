import { expect, test } from "vitest";
import { type Dim, symbol } from "../../src/graph/dim.ts";
import { type Graph, topologicalOrder } from "../../src/graph/graph.ts";
import { fillChannels } from "../../src/rewrite/fill-channels.ts";
import { conv, input } from "../../src/tensor/index.ts";
import { expectSameNumbers, graphOf, randomArray } from "./run.ts";

/** A convolution of `x` [2, c, 7, 7] with `w` and a bias. */
function convolution(weight: readonly Dim[], groups = 1, { stride = 2, padding = 1 } = {}): Graph {
  const [out, c] = weight as readonly [number, Dim];
  const x = input("x", [2, typeof c === "number" ? c * groups : c, 7, 7]);
  const [w, bias] = [input("w", weight), input("bias", [out])];
  return graphOf([x, w, bias], { y: conv(x, w, bias, { stride, padding, groups }) });
}

const weightsOf = (graph: Graph): readonly (readonly Dim[])[] =>
  topologicalOrder(graph.outputs.values()).flatMap(({ op, inputs }) => (op === "Conv" ? [inputs[1]!.shape] : []));

test.each([
  [
    [8, 6, 3, 3],
    [8, 8, 3, 3],
  ],
  [
    [4, 9, 2, 2],
    [4, 12, 2, 2],
  ],
  [
    [8, 6, 1, 1],
    [8, 8, 1, 1],
  ],
])("weights %j become %j, the numbers stay", async (before, after) => {
  const graph = convolution(before);
  const better = fillChannels(graph);
  expect(weightsOf(better)).toEqual([after]);
  const [out, c] = before as [number, number];
  const feeds = { x: randomArray(1, [2, c, 7, 7]), w: randomArray(2, before), bias: randomArray(3, [out]) };
  await expectSameNumbers(graph, better, feeds);
});

test("where the number of channels is free there is one output channel more, cut off again", async () => {
  const graph = convolution([8, symbol("c"), 3, 3]);
  const better = fillChannels(graph);
  expect(weightsOf(better)[0]![0]).toBe(9);
  expect(better.outputs.get("y")!.shape.slice(0, 2)).toEqual([2, 8]);
  const feeds = { x: randomArray(1, [2, 6, 7, 7]), w: randomArray(2, [8, 6, 3, 3]), bias: randomArray(3, [8]) };
  await expectSameNumbers(graph, better, feeds);
});

test.each([
  ["three channels", [8, 3, 3, 3], 1],
  ["channels that four divide", [8, 12, 3, 3], 1],
  ["channels that three do not divide", [8, 5, 3, 3], 1],
  ["output channels that four do not divide", [6, 6, 3, 3], 1],
  ["groups", [8, 6, 3, 3], 2],
] as const)("%s stay as they are", (_, weight, groups) => {
  const graph = convolution(weight, groups);
  expect(fillChannels(graph).outputs.get("y")).toBe(graph.outputs.get("y"));
});

test("maps of each pixel on its own stay as they are", () => {
  const graph = convolution([8, 6, 1, 1], 1, { stride: 1, padding: 0 });
  expect(fillChannels(graph).outputs.get("y")).toBe(graph.outputs.get("y"));
});
