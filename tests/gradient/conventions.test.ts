/** Gradients where an operator has no slope: what PyTorch 2.13 says there is the convention. */

import { expect, test } from "vitest";
import { evaluatorFor } from "../../src/compile/index.ts";
import { grad } from "../../src/gradient/index.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import {
  abs,
  at,
  clip,
  elu,
  hardSwish,
  leakyRelu,
  log,
  logSoftmax,
  logSumExp,
  max,
  maximum,
  maxPool,
  norm,
  pow,
  prod,
  relu,
  softmax,
  sqrt,
  sum,
  type Tensor,
  tensor,
} from "../../src/tensor/index.ts";

const evaluate = evaluatorFor(await nodeRuntime({ threads: 1 }));

async function gradients(f: (...xs: Tensor[]) => Tensor, ...points: readonly (readonly number[])[]) {
  const xs = points.map((point) => tensor(point));
  const found = grad(sum(f(...xs)), xs);
  const arrays = await evaluate(found.map((t) => t.value));
  return arrays.map(({ data }) => Array.from(data as Float32Array, (x) => x + 0));
}

const inf = Number.POSITIVE_INFINITY;

test.each<[string, (...xs: Tensor[]) => Tensor, number[][], number[][]]>([
  [
    "the larger of two equals: half each",
    (a, b) => maximum(a!, b!),
    [
      [1, 2, 3],
      [1, 3, 2],
    ],
    [
      [0.5, 0, 1],
      [0.5, 1, 0],
    ],
  ],
  ["the largest of equals: equal shares", (x) => max(x!), [[2, 1, 2, 2]], [[1 / 3, 0, 1 / 3, 1 / 3].map(Math.fround)]],
  ["relu at 0: 0", (x) => relu(x!), [[0, 1]], [[0, 1]]],
  ["a root of relu below 0: 0, though its own slope at 0 is infinite", (x) => sqrt(relu(x!)), [[-1, 4]], [[0, 0.25]]],
  ["so also behind moves and sums", (x) => log(relu(x!).reshape([2, 1]).add(0)), [[-1, 4]], [[0, 0.25]]],
  [
    "relu before a product, below 0, at it and above",
    (x) => relu(x!).matmul(tensor([2, 3, 4])),
    [[-1, 0, 5]],
    [[0, 0, 4]],
  ],
  ["relu of the smallest normal number", (x) => relu(x!).mul(3), [[2 ** -126, -(2 ** -126)]], [[3, 0]]],
  ["leaky relu at 0: the slope below", (x) => leakyRelu(x!, 0.25), [[0]], [[0.25]]],
  ["elu at 0: 1", (x) => elu(x!), [[0]], [[1]]],
  ["|x| at 0: 0", (x) => abs(x!), [[0]], [[0]]],
  ["clip at its limits: inside", (x) => clip(x!, -1, 1), [[-1, 0, 1, 2]], [[1, 1, 1, 0]]],
  ["hard swish at ±3: 0 and 1", (x) => hardSwish(x!), [[-3, 3]], [[0, 1]]],
  ["the norm at the origin: 0", (x) => norm(x!), [[0, 0]], [[0, 0]]],
  ["a product with one zero: only that element", (x) => prod(x!), [[0, 2, 3]], [[6, 0, 0]]],
  ["a product with two zeros: nothing", (x) => prod(x!), [[0, 0, 4]], [[0, 0, 0]]],
  [
    "0^0 and 0^2: no NaN",
    (a, b) => pow(a!, b!),
    [
      [0, 0],
      [0, 2],
    ],
    [
      [0, 0],
      [0, 0],
    ],
  ],
  ["log-sum-exp beside −∞", (x) => logSumExp(x!), [[-inf, 0]], [[0, 1]]],
  ["softmax beside −∞", (x) => softmax(x!).mul(tensor([1, 2])), [[-inf, 0]], [[0, 0]]],
  ["log-softmax beside −∞", (x) => at(logSoftmax(x!), 0, 1), [[-inf, 0]], [[0, 0]]],
])("%s", async (_, f, points, want) => {
  expect(await gradients(f, ...points)).toEqual(want);
});

test("a window gives its gradient to the first of equal elements", async () => {
  const [dx] = await gradients((x) => maxPool(x!.reshape([1, 1, 4]), 2, { stride: 2 }), [1, 1, 2, 2]);
  expect(dx).toEqual([1, 0, 1, 0]);
});
