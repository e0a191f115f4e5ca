import { expect, test } from "vitest";
import { topologicalOrder } from "../../src/graph/graph.ts";
import { alignScalars } from "../../src/rewrite/align-scalars.ts";
import { input, scalar, type Tensor, tensor } from "../../src/tensor/index.ts";
import { expectSameNumbers, graphOf, opsOf, randomArray } from "./run.ts";

const w = input("w", [4, 3, 1, 1]);
const rate = input("rate", []);
const feeds = { w: randomArray(1, [4, 3, 1, 1]), rate: randomArray(2, []) };

function shapesBeside(y: Tensor): readonly string[] {
  const graph = alignScalars(graphOf([w, rate], { y }));
  return topologicalOrder(graph.outputs.values()).flatMap((node) =>
    node.op === "Reshape" ? [] : [node.inputs.map((value) => `[${value!.shape}]`).join(" ")],
  );
}

test("numbers beside a tensor that ends in an axis of size 1 get its axes, one reshape for all", async () => {
  const y = w.mul(rate).sub(rate.mul(2)).div(scalar(3)).add(rate);
  const graph = graphOf([w, rate], { y });
  const better = alignScalars(graph);
  expect(opsOf(better).filter((op) => op === "Reshape")).toHaveLength(2);
  expect(shapesBeside(y).toSorted()).toEqual([...Array(4).fill("[4,3,1,1] [1,1,1,1]"), "[] []"].toSorted());
  await expectSameNumbers(graph, better, feeds, 0);
});

test("a number on the left is aligned too", async () => {
  const graph = graphOf([w], { y: scalar(2).sub(w) });
  await expectSameNumbers(graph, alignScalars(graph), feeds, 0);
  expect(shapesBeside(scalar(2).sub(w))).toEqual(["[1,1,1,1] [4,3,1,1]"]);
});

test.each<[string, Tensor]>([
  ["a number beside a longer last axis", w.reshape([4, 3]).mul(rate)],
  ["a number of the same axes", w.mul(tensor([2], [1, 1, 1, 1]))],
  ["a tensor of more elements", w.add(tensor([1, 2, 3], [3, 1, 1]))],
])("%s stays as it is", (_, y) => {
  const graph = graphOf([w, rate], { y });
  expect(alignScalars(graph).outputs.get("y")).toBe(graph.outputs.get("y"));
});
