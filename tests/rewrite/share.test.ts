import { expect, test } from "vitest";
import { symbol } from "../../src/graph/dim.ts";
import { share } from "../../src/rewrite/share.ts";
import { expand, input, random, softmax, tensor } from "../../src/tensor/index.ts";
import { expectSameNumbers, graphOf, opsOf, randomArray } from "./run.ts";

const b = symbol("b");
const x = input("x", [b, 4]);

test("equal computations become one, with equal constants and sizes", async () => {
  const branch = () =>
    softmax(
      x
        .mul(2)
        .add(tensor([1, 2, 3, 4]))
        .reshape([b, 2, 2]),
    ).add(expand(tensor([1], [1, 1, 1]), [b, 2, 2]));
  const graph = graphOf([x], { y: branch().add(branch()), z: branch() });
  const shared = share(graph);
  expect(opsOf(shared)).toEqual(["Mul", "Add", "Reshape", "Softmax", "Expand", "Add", "Add"]);
  await expectSameNumbers(graph, shared, { x: randomArray(1, [3, 4]) });
});

test("what differs in an input, an attribute or the sign of zero stays apart", () => {
  const graph = graphOf([x], {
    a: softmax(x, 1).add(softmax(x, 0)),
    c: x.mul(0).add(x.mul(-0)),
    d: x.sub(1).add(tensor([1]).sub(x)),
  });
  expect(opsOf(share(graph)).toSorted()).toEqual(opsOf(graph).toSorted());
});

test("random numbers are shared within a site only", () => {
  const draw = (): ReturnType<typeof random> => random("noise", [b, 4], { kind: "uniform" });
  const [first, second] = [draw(), draw()];
  expect(opsOf(share(graphOf([x], { y: x.add(first), z: x.add(second) })))).toEqual(["Add", "Add"]);
  expect(opsOf(share(graphOf([x], { y: x.add(first), z: x.add(first) })))).toEqual(["Add"]);
});
