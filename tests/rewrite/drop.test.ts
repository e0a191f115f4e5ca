import { expect, test } from "vitest";
import { symbol } from "../../src/graph/dim.ts";
import { ndarray } from "../../src/graph/dtype.ts";
import { printGraph } from "../../src/graph/print.ts";
import { drop } from "../../src/rewrite/drop.ts";
import {
  apply,
  concat,
  expand,
  full,
  input,
  ints,
  pad,
  scalar,
  scatterElements,
  slice,
  split,
  squeeze,
  type Tensor,
  tensor,
  unsqueeze,
} from "../../src/tensor/index.ts";
import { expectSameNumbers, graphOf, opsOf, randomArray } from "./run.ts";

const b = symbol("b");
const x = input("x", [b, 4, 6]);
const feeds = { x: randomArray(1, [3, 4, 6]) };

async function becomes(y: Tensor, ops: readonly string[]): Promise<void> {
  const graph = graphOf([x], { y: y.mul(3) });
  const simpler = drop(graph);
  expect(opsOf(simpler).slice(0, -1)).toEqual(ops);
  await expectSameNumbers(graph, simpler, feeds);
}

test.each<[string, Tensor]>([
  ["Identity", apply("Identity", [x])],
  ["Dropout without training mode", apply("Dropout", [x, scalar(0.5)])],
  ["a cast to the same type", apply("Cast", [x], { to: 1 })],
  ["a double negation", x.neg().neg()],
  ["+ 0", x.add(0)],
  ["0 +", apply("Add", [scalar(0), x])],
  ["+ zeros of its shape", x.add(full([b, 4, 6], 0))],
  ["− 0", x.sub(0)],
  ["· 1", x.mul(tensor([1, 1, 1, 1, 1, 1]))],
  ["/ 1", x.div(1)],
  ["a sum of one", apply("Sum", [x])],
  ["a reshape back", x.reshape([b, 24]).reshape([b, 2, 12]).reshape([b, 4, 6])],
  ["an axis that comes and goes", squeeze(unsqueeze(x, 1), 1)],
  ["a transpose back", x.transpose([2, 0, 1]).transpose([1, 2, 0])],
  ["two turns of all axes", apply("Transpose", [apply("Transpose", [x])])],
  ["a concatenation of one", apply("Concat", [x], { axis: 1 })],
  ["a split into one", split(x, [6], 2)[0]!],
  ["a slice of everything", slice(x, 1, 0)],
  ["padding by nothing", pad(x, [1], [[0, 0]])],
  ["an expansion to its own shape", expand(x, [b, 4, 6])],
  ["a tiling by one", apply("Tile", [x, ints([1, 1, 1])])],
])("%s goes", async (_, y) => becomes(y, []));

test("a repetition goes where the next operator makes it by itself", async () => {
  const row = input("row", [1, 6]);
  const repeated = expand(row, [b, 4, 6]);
  const kept = { z: expand(row, [2, 6]).mul(row), u: expand(row, [b, 4, 6]).mul(row) };
  const graph = graphOf([x, row], { add: x.add(repeated), sub: repeated.sub(x), div: x.div(repeated), ...kept });
  const simpler = drop(graph);
  expect(opsOf(simpler).filter((op) => op === "Expand")).toHaveLength(2);
  await expectSameNumbers(graph, simpler, { ...feeds, row: randomArray(2, [1, 6]) }, 0);
});

test("what is added to zeros, and these to a tensor, is added to the tensor", async () => {
  const [places, more] = [input("places", [b, 4, 2], "int64"), input("more", [b, 4, 2])];
  const zeros = full([b, 4, 6], 0);
  const picked = scatterElements(zeros, places, more, 2, "add");
  const kept = { none: x.add(scatterElements(zeros, places, more, 2, "none")) };
  const graph = graphOf([x, places, more], { left: picked.add(x), right: x.mul(2).add(picked), ...kept });
  const simpler = drop(graph);
  expect(opsOf(simpler).filter((op) => op === "Add")).toHaveLength(1);
  const given = {
    ...feeds,
    places: ndarray(
      "int64",
      [3, 4, 2],
      Array.from({ length: 24 }, (_, i) => (i * i) % 6),
    ),
  };
  await expectSameNumbers(graph, simpler, { ...given, more: randomArray(3, [3, 4, 2]) });
});

test.each<[string, Tensor, readonly string[]]>([
  ["two reshapes are one", x.reshape([b, 24]).reshape([b, 2, 12]), ["Reshape"]],
  ["two transposes are one", x.transpose([0, 2, 1]).transpose([1, 0, 2]), ["Transpose"]],
  ["a transpose that moves only axes of size 1 is a reshape", x.reshape([b, 1, 24]).transpose([1, 0, 2]), ["Reshape"]],
])("%s", async (_, y, ops) => becomes(y, ops));

test.each<[string, Tensor]>([
  ["a sum that broadcasts", input("x", [1]).add(full([b, 4, 6], 0))],
  ["a reversed axis", slice(x, 1, -1, undefined, -1)],
  ["1 / x", tensor([1]).div(x)],
  ["0 − x", tensor([0]).sub(x)],
  ["· 0", x.mul(0)],
  ["a dropout that trains", apply("Dropout", [x, scalar(0.5), scalar(1, "bool")])],
  ["a concatenation of two", concat([x, x], 0)],
])("%s stays", (_, y) => {
  const graph = graphOf([x], { y });
  expect(printGraph(drop(graph))).toBe(printGraph(graph));
});
