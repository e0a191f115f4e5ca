import { expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { grad } from "../../src/gradient/index.ts";
import { addDims, symbol } from "../../src/graph/dim.ts";
import { type NdArray, ndarray } from "../../src/graph/dtype.ts";
import { attendInStages, repeatHeads } from "../../src/nn/attention.ts";
import {
  addedMask,
  allowedMask,
  bandMask,
  blockMask,
  causalMask,
  causalMaskFromFirst,
  joinMasks,
  keyPaddingMask,
  type Mask,
  validPositions,
} from "../../src/nn/attention-masks.ts";
import { MultiheadAttention } from "../../src/nn/attention-multihead.ts";
import { AdditiveSimilarity, LocationSimilarity } from "../../src/nn/attention-similarity.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { cast, slice, sum, type Tensor } from "../../src/tensor/index.ts";

const runtime = await nodeRuntime({ threads: 1 });

/** Waves, so that no two numbers are alike. */
function waves(...shape: readonly number[]): NdArray {
  const length = shape.reduce((product, size) => product * size, 1);
  return ndarray(
    "float32",
    shape,
    Array.from({ length }, (_, i) => Math.sin(1.7 * i + shape.length)),
  );
}

/** Rows of 1 where a query sees a key, of a mask for sizes that are free while tracing. */
async function picture(mask: (n: Tensor, m: Tensor) => Mask, n: number, m: number): Promise<readonly string[]> {
  const run = await compile(
    ({ q, k }) => ({ bias: mask(q!, k!).bias.add(q!.matmul(k!.transpose()).mul(0)) }),
    { q: ["n", 1], k: ["m", 1] },
    { runtime },
  );
  const { bias } = await run.run({ q: waves(n, 1), k: waves(m, 1) });
  const rows = Array.from({ length: n }, (_, i) => Array.from(bias!.data.slice(i * m, (i + 1) * m) as Float32Array));
  return rows.map((row) => row.map((x) => (x === 0 ? "1" : "·")).join(""));
}

test("a causal mask shows the past; later queries of a cache stand at the end", async () => {
  const causal = (q: Tensor, k: Tensor): Mask => causalMask(q.shape[0]!, k.shape[0]!);
  expect(await picture(causal, 3, 3)).toEqual(["1··", "11·", "111"]);
  expect(await picture(causal, 2, 5)).toEqual(["1111·", "11111"]);
});

test("counted from the first, a query sees as many keys as stand up to it", async () => {
  const causal = (q: Tensor, k: Tensor): Mask => causalMaskFromFirst(q.shape[0]!, k.shape[0]!);
  expect(await picture(causal, 2, 4)).toEqual(["1···", "11··"]);
  expect(await picture(causal, 4, 2)).toEqual(["1·", "11", "11", "11"]);
});

test("groups of heads share keys and values, those of a past too", async () => {
  const whole = await compile(
    ({ q, k, v }) => ({ ...attendInStages(q!, k!, v!, { grouped: true }) }),
    { q: [2, 6, 3, 4], k: [2, 3, 5, 4], v: [2, 3, 5, 4] },
    { runtime },
  );
  const parts = await compile(
    ({ q, k, v }) => {
      const part = (t: Tensor, from: number, to: number) => slice(t, 2, from, to);
      const past = { keys: part(k!, 0, 2), values: part(v!, 0, 2) };
      return { ...attendInStages(q!, part(k!, 2, 5), part(v!, 2, 5), { grouped: true, past }) };
    },
    { q: [2, 6, 3, 4], k: [2, 3, 5, 4], v: [2, 3, 5, 4] },
    { runtime },
  );
  const feeds = { q: waves(2, 6, 3, 4), k: waves(2, 3, 5, 4), v: waves(2, 3, 5, 4) };
  const [one, other] = [await whole.run(feeds), await parts.run(feeds)];
  for (const name of ["scores", "weights", "output"])
    for (const [i, x] of other[name]!.data.entries()) expect(x, name).toBeCloseTo(Number(one[name]!.data[i]), 5);
  const strange = compile(
    ({ q, k }) => ({ k: repeatHeads(k!, q!.shape[1] as number) }),
    { q: [1, 5], k: [1, 2, 3, 4] },
    { runtime },
  );
  await expect(strange).rejects.toThrow("divide those of the queries, got 2 for 5");
});

test("a band shows the neighbours, a block those of the same block", async () => {
  const band = (q: Tensor, k: Tensor): Mask => bandMask(q.shape[0]!, k.shape[0]!, { before: 1, after: 0 });
  expect(await picture(band, 4, 4)).toEqual(["1···", "11··", "·11·", "··11"]);
  expect(await picture((q, k) => blockMask(q.shape[0]!, k.shape[0]!, 2), 5, 5)).toEqual([
    "11···",
    "11···",
    "··11·",
    "··11·",
    "····1",
  ]);
});

test("joined masks show what all of them show", async () => {
  const joined = (q: Tensor, k: Tensor): Mask =>
    joinMasks(
      causalMask(q.shape[0]!, k.shape[0]!),
      undefined,
      bandMask(q.shape[0]!, k.shape[0]!, { before: 9, after: 9 }),
      blockMask(q.shape[0]!, k.shape[0]!, 2),
    )!;
  expect(await picture(joined, 4, 4)).toEqual(["1···", "11··", "··1·", "··11"]);
});

test("a query that sees no key gets weights, a result and gradients of zero, in the fused form too", async () => {
  const lengths = ndarray("int64", [2], [0, 3]);
  const forward = ({ x, n }: Record<string, Tensor>) => {
    const mask = keyPaddingMask(validPositions(n!, x!.shape[2]!));
    return attendInStages(x!, x!, x!, { mask });
  };
  const specs = { x: ["b", 2, "t", 4], n: { dtype: "int64", shape: ["b"] } } as const;
  const whole = await compile(
    (given) => {
      const { weights, output } = forward(given);
      const [gradient] = grad(sum(output.mul(output)), [given.x!]);
      return { weights, output, gradient: gradient! };
    },
    specs,
    { runtime },
  );
  const fused = await compile((given) => ({ output: forward(given).output }), specs, { runtime });
  const feeds = { x: waves(2, 2, 3, 4), n: lengths };
  const { weights, output, gradient } = await whole.run(feeds);
  const alone = await fused.run(feeds);
  for (const array of [weights!, output!, gradient!]) {
    const half = array.data.length / 2;
    expect(Array.from(array.data.slice(0, half) as Float32Array).every((v) => v === 0)).toBe(true);
    expect(Array.from(array.data.slice(half) as Float32Array).every((v) => Number.isFinite(v))).toBe(true);
  }
  for (const [i, want] of (output!.data as Float32Array).entries()) expect(alone.output!.data[i]).toBeCloseTo(want, 5);
});

const edges: Readonly<Record<string, readonly [() => Mask, readonly (readonly number[])[]]>> = {
  "more causal queries than keys": [() => causalMask(4, 2), [[], [], [0], [0, 1]]],
  "a band of the past alone": [() => bandMask(4, 4, { before: 2, after: -1 }), [[], [0], [0, 1], [1, 2]]],
  "a band of the future alone": [() => bandMask(3, 3, { before: -1, after: 5 }), [[1, 2], [2], []]],
  "a band of more queries than keys": [() => bandMask(4, 2, { before: 1, after: 1 }), [[], [0], [0, 1], [0, 1]]],
};

test.each(Object.entries(edges))("%s: queries that see no key get zeros", async (_, [mask, seen]) => {
  const [n, m] = [seen.length, mask().bias.shape[1] as number];
  const run = await compile(
    ({ q, k }) => {
      const { weights, output } = attendInStages(q!.mul(0), k!, k!, { mask: mask() });
      return { weights, output };
    },
    { q: [n, 2], k: [m, 2] },
    { runtime },
  );
  const { weights, output } = await run.run({ q: waves(n, 2), k: waves(m, 2) });
  const want = seen.map((keys) => Array.from({ length: m }, (_, j) => (keys.includes(j) ? 1 / keys.length : 0)));
  expect(Array.from(weights!.data as Float32Array)).toEqual(want.flat().map(Math.fround));
  for (const [i, keys] of seen.entries())
    if (keys.length === 0)
      expect(output!.data.slice(2 * i, 2 * i + 2).every((x) => Math.abs(Number(x)) === 0)).toBe(true);
});

test("a mask of places asks which queries see a key only where that is not known while tracing", () => {
  const [b, t] = [symbol("b"), symbol("t")];
  for (const mask of [
    causalMask(3),
    causalMask(t),
    causalMask(t, addDims(t, b)),
    bandMask(t, t, { before: 2, after: 0 }),
  ])
    expect(mask.sees).toBeUndefined();
  for (const mask of [causalMask(3, 2), causalMask(t, b), bandMask(t, t, { before: 2, after: -1 })])
    expect(mask.sees).toBeDefined();
});

test("−∞ in a mask that is added blocks, and a whole row of it gives zeros", async () => {
  const run = await compile(
    ({ x, added }) => ({ weights: attendInStages(x!, x!, x!, { mask: addedMask(added!) }).weights }),
    { x: [1, 2, 3], added: [2, 2] },
    { runtime },
  );
  const added = ndarray("float32", [2, 2], [-Infinity, -Infinity, -Infinity, 0.5]);
  const { weights } = await run.run({ x: waves(1, 2, 3), added });
  expect(Array.from(weights!.data as Float32Array)).toEqual([0, 0, 0, 1]);
});

test("a learned last key is seen by every query, whatever the mask", async () => {
  const attention = new MultiheadAttention(4, 2, { biasKv: true }).initialize(3);
  expect([...attention.variables().keys()]).toEqual([
    "in_proj_weight",
    "in_proj_bias",
    "bias_k",
    "bias_v",
    "out_proj.weight",
    "out_proj.bias",
  ]);
  const run = await compile(
    ({ x, seen }) => ({
      weights: attention.forward(x!, { mask: allowedMask(cast(seen!, "bool")) }).weights,
    }),
    { x: ["b", "t", 4], seen: ["t", "t"] },
    { runtime },
  );
  const nothing = ndarray("float32", [3, 3], Array(9).fill(0));
  const { weights } = await run.run({ x: waves(2, 3, 4), seen: nothing });
  expect(weights!.shape).toEqual([2, 2, 3, 4]);
  expect(Array.from(weights!.data as Float32Array).map(Math.round)).toEqual(Array(12).fill([0, 0, 0, 1]).flat());
});

test("a last key of zeros lets a query look at nothing", async () => {
  const attention = new MultiheadAttention(4, 2, { biasKv: true, zeroAttn: true }).initialize(3);
  const run = await compile(
    ({ x, seen }) => {
      const { weights, scores } = attention.forward(x!, { mask: allowedMask(cast(seen!, "bool")) });
      return { weights, scores };
    },
    { x: ["b", "t", 4], seen: ["t", "t"] },
    { runtime },
  );
  const { weights, scores } = await run.run({ x: waves(2, 3, 4), seen: ndarray("float32", [3, 3], Array(9).fill(0)) });
  expect(weights!.shape).toEqual([2, 2, 3, 5]);
  const rows = Array.from({ length: 12 }, (_, i) => Array.from(weights!.data.slice(5 * i, 5 * i + 5), Number));
  for (const [i, row] of rows.entries()) {
    expect(Math.abs(Number(scores!.data[5 * i + 4]))).toBe(0);
    expect(row.slice(0, 3)).toEqual([0, 0, 0]);
    expect(row[4]).toBeGreaterThan(0);
    expect(row[3]! + row[4]!).toBeCloseTo(1, 6);
  }
});

test("the learned key and value begin as normal numbers of torch's deviation", () => {
  const width = 512;
  const begun = new MultiheadAttention(width, 2, { biasKv: true }).initialize(1).variables();
  for (const name of ["bias_k", "bias_v"]) {
    const values = Array.from(begun.get(name)!.data.data as Float32Array);
    const deviation = Math.sqrt(values.reduce((total, x) => total + x * x, 0) / width);
    expect(deviation * Math.sqrt(width)).toBeCloseTo(1, 0);
    // No uniform number of this deviation is so far out.
    expect(Math.max(...values.map(Math.abs)) * Math.sqrt(width)).toBeGreaterThan(Math.sqrt(3));
  }
});

test.each([
  [8, -2],
  [8, 0],
  [8, 1.5],
  [8, 3],
  [-8, 2],
  [Number.NaN, 2],
])("an attention of width %s has no %s heads", (width, heads) => {
  expect(() => new MultiheadAttention(width, heads)).toThrow(
    expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(`${heads} heads`) }),
  );
});

test("a location scores places by the query alone, and a cross-attention need not know its sizes", async () => {
  const location = new LocationSimilarity(3, 7).initialize(1);
  const additive = new AdditiveSimilarity(3, 5, 4).initialize(2);
  const run = await compile(
    ({ q, k }) => ({ location: location.forward(q!, k!), additive: additive.forward(q!, k!) }),
    { q: ["b", "n", 3], k: ["b", "m", 5] },
    { runtime },
  );
  const q = waves(2, 3, 3);
  const one = await run.run({ q, k: waves(2, 6, 5) });
  const other = await run.run({ q, k: ndarray("float32", [2, 6, 5], Array(60).fill(0)) });
  expect(one.additive!.shape).toEqual([2, 3, 6]);
  expect(other.location).toEqual(one.location);
  expect(other.additive).not.toEqual(one.additive);
  const weight = location.linearIn.weight.variable.data.data as Float32Array;
  const first = [0, 1, 2].reduce((total, i) => total + Number(q.data[i]) * weight[i]!, 0);
  expect(Number(one.location!.data[0])).toBeCloseTo(first, 5);
});
