import { expect, test } from "vitest";
import { symbol } from "../../src/graph/dim.ts";
import { ndarray } from "../../src/graph/dtype.ts";
import { makeVariable, variablesOf } from "../../src/graph/graph.ts";
import type { Value } from "../../src/graph/value.ts";
import { foldConstants } from "../../src/rewrite/fold-constants.ts";
import { foldWeights } from "../../src/rewrite/fold-weights.ts";
import {
  apply,
  expand,
  full,
  input,
  ints,
  lowerTriangle,
  random,
  scalar,
  softmax,
  split,
  Tensor,
  tensor,
  where,
} from "../../src/tensor/index.ts";
import { evaluate, expectSameNumbers, graphOf, opsOf, randomArray } from "./run.ts";

const b = symbol("b");
const x = input("x", [b, 4]);
const feeds = { x: randomArray(1, [3, 4]) };
const never = (): never => {
  throw new Error("nothing to evaluate");
};

function weight(name: string, shape: readonly number[]): Tensor {
  return new Tensor(makeVariable(name, "float32", shape, () => randomArray(name.length, shape)).value);
}

test("a mask made of constants is computed once", async () => {
  const allowed = apply("Cast", [lowerTriangle(full([4, 4], 1))], { to: 9 });
  const graph = graphOf([x], { y: softmax(x.matmul(where(allowed, 0, -1e9).add(1))) });
  const folded = await foldConstants(graph, evaluate);
  expect(opsOf(folded)).toEqual(["MatMul", "Softmax"]);
  await expectSameNumbers(graph, folded, feeds);
});

test("sizes that shapes tell need no evaluation", async () => {
  const shape = apply("Shape", [x]);
  const columns = apply("Gather", [shape, scalar(1, "int64")], { axis: 0 });
  const graph = graphOf([x], { y: x.mul(apply("Cast", [columns], { to: 1 })), n: columns });
  const folded = await foldConstants(graph, evaluate);
  expect(opsOf(folded)).toEqual(["Mul"]);
  await expectSameNumbers(graph, folded, feeds);
});

test("what depends on inputs, random numbers, variables or free sizes stays", async () => {
  const noise = random("noise", [4], { kind: "uniform" });
  const graph = graphOf([x], {
    y: x
      .add(noise.add(1))
      .add(weight("w", [4]).mul(2))
      .add(expand(tensor([1, 2, 3, 4]), [b, 4])),
  });
  expect(await foldConstants(graph, never)).toBe(graph);
});

test("a constant that would grow beyond measure stays", async () => {
  const large = expand(tensor([1]), [2048, 1024]);
  const graph = graphOf([], { y: large.add(2).mul(expand(tensor([1, 2]), [2]).reshape([2, 1, 1])) });
  const folded = await foldConstants(graph, evaluate);
  expect(opsOf(folded)).toEqual(["Expand", "Add", "Mul"]);
});

test("weights are folded once, under the name of the first", async () => {
  const w = weight("fc.weight", [8, 4]);
  const [q, kv] = split(w, [2, 6], 0) as [Tensor, Tensor];
  const scaled = weight("proj.weight", [4, 4])
    .mul(weight("gamma", [4, 1]))
    .transpose();
  const graph = graphOf([x], { y: x.matmul(q.transpose()), z: x.matmul(kv.transpose()), s: x.matmul(scaled) });
  const folded = await foldWeights(graph, evaluate);
  expect(opsOf(folded)).toEqual(["MatMul", "MatMul", "MatMul"]);
  expect(variablesOf(folded).map((variable) => variable.name)).toEqual([
    "fc.weight/Transpose",
    "fc.weight/Transpose_1",
    "proj.weight/Transpose",
  ]);
  await expectSameNumbers(graph, folded, feeds);
});

test("a variable that the graph updates is not folded", async () => {
  const variable = makeVariable("w", "float32", [4], () => ndarray("float32", [4], [1, 2, 3, 4]));
  const w = new Tensor(variable.value);
  const graph = { ...graphOf([x], { y: x.mul(w.mul(2)) }), updates: new Map([[variable, w.mul(0.5).value]]) };
  expect(await foldWeights(graph, never)).toBe(graph);
});

test("a large weight that is also needed as it is is not copied", async () => {
  const table = weight("wte.weight", [2048, 1024]);
  const rows = apply("Gather", [table, ints([1, 2])], { axis: 0 });
  const ids = input("x", [b], "int64");
  const used = apply("Gather", [table, ids], { axis: 0 });
  const graph = graphOf([ids], { y: used.matmul(table.transpose()), z: rows });
  const asked: Value[] = [];
  await foldWeights(graph, (values) => {
    asked.push(...values);
    return evaluate(values);
  });
  expect(asked).toEqual([rows.value]);
});
