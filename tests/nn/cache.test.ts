/** What a decoder keeps: attention over it, its mask and positions; and tables whose padding does not learn. */

import { expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { grad } from "../../src/gradient/index.ts";
import { type NdArray, ndarray } from "../../src/graph/dtype.ts";
import { attendInStages } from "../../src/nn/attention.ts";
import { cacheMask, cachePositions } from "../../src/nn/attention-masks.ts";
import { Embedding } from "../../src/nn/embedding.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { concat, square, sum } from "../../src/tensor/index.ts";
import { expectClose } from "../golden.ts";

const runtime = await nodeRuntime({ threads: 1 });

function waves(phase: number, ...shape: readonly number[]): NdArray {
  const length = shape.reduce((product, size) => product * size, 1);
  return ndarray(
    "float32",
    shape,
    Array.from({ length }, (_, i) => Math.sin(1.7 * i + phase)),
  );
}

test("a past that is read where it lies gives what joined keys and values give", async () => {
  await using run = await compile(
    ({ q, pastKeys, pastValues, keys, values }) => {
      const apart = attendInStages(q, keys, values, { past: { keys: pastKeys, values: pastValues } });
      const joined = attendInStages(q, concat([pastKeys, keys], 2), concat([pastValues, values], 2));
      return { apart: apart.output, joined: joined.output, weights: apart.weights, want: joined.weights };
    },
    {
      q: ["b", 2, "n", 3],
      pastKeys: ["b", 2, "c", 3],
      pastValues: ["b", 2, "c", 4],
      keys: ["b", 2, "n", 3],
      values: ["b", 2, "n", 4],
    },
    { runtime },
  );
  const results = await run.run({
    q: waves(1, 2, 2, 2, 3),
    pastKeys: waves(2, 2, 2, 5, 3),
    pastValues: waves(3, 2, 2, 5, 4),
    keys: waves(4, 2, 2, 2, 3),
    values: waves(5, 2, 2, 2, 4),
  });
  const tolerance = { rtol: 1e-6, atol: 1e-6 };
  expectClose(results.apart!, results.joined!, tolerance);
  expectClose(results.weights!, results.want!, tolerance);
});

test.each([
  // Room for four kept keys, of which three are filled; two new ones. The second row begins with two positions of padding.
  [undefined, ["111·1·", "111·11"], ["··1·1·", "··1·11"]],
  [2, ["·11·1·", "··1·11"], ["··1·1·", "··1·11"]],
])("with a band of %s, new queries see what is filled, no padding, nothing later", async (before, first, second) => {
  await using run = await compile(
    ({ used, skip, x }) => {
      const place = { used, skip };
      const n = x.shape[0]!;
      return { bias: cacheMask(n, 4, place, before).bias, positions: cachePositions(n, place) };
    },
    { used: { dtype: "int64", shape: [] }, skip: { dtype: "int64", shape: ["b"] }, x: ["n"] },
    { runtime },
  );
  const { bias, positions } = await run.run({
    used: ndarray("int64", [], [3]),
    skip: ndarray("int64", [2], [0, 2]),
    x: waves(0, 2),
  });
  expect(bias!.shape).toEqual([2, 1, 2, 6]);
  const rows = Array.from({ length: 4 }, (_, i) =>
    Array.from((bias!.data as Float32Array).slice(6 * i, 6 * i + 6), (x) => (x === 0 ? "1" : "·")).join(""),
  );
  expect(rows).toEqual([...first, ...second]);
  expect(Array.from(positions!.data, Number)).toEqual([3, 4, 1, 2]);
});

test("the vector of padding is looked up, and does not learn from it", async () => {
  const table = new Embedding(3, 2, undefined, 1).initialize(1);
  await using run = await compile(
    ({ ids }) => {
      const vectors = table.forward(ids);
      return { vectors, gradient: grad(sum(square(vectors)), [table.weight])[0]! };
    },
    { ids: { dtype: "int64", shape: ["n"] } },
    { runtime, variables: "live" },
  );
  const { vectors, gradient } = await run.run({ ids: ndarray("int64", [3], [1, 2, 1]) });
  const rows = Array.from(table.weight.variable.data.data, Number);
  expect(Array.from(vectors!.data, Number)).toEqual([...rows.slice(2, 4), ...rows.slice(4), ...rows.slice(2, 4)]);
  expect(Array.from(gradient!.data, Number)).toEqual([0, 0, 0, 0, 2 * rows[4]!, 2 * rows[5]!]);
});
