import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { VitrineError } from "../../src/errors.ts";
import { grad } from "../../src/gradient/index.ts";
import { type NdArray, ndarray } from "../../src/graph/dtype.ts";
import {
  clippedPolicyLoss,
  clippedValueLoss,
  comparisonLoss,
  dpoLoss,
  wordLogProbabilities,
} from "../../src/losses/index.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { scalar, sum, type Tensor } from "../../src/tensor/index.ts";
import { expectClose } from "../golden.ts";

type Inputs = Readonly<Record<string, Tensor>>;

interface Case {
  readonly inputs: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: readonly number[] }>>;
  readonly loss: number;
  readonly gradients: Readonly<Record<string, readonly number[]>>;
}

const { cases } = JSON.parse(readFileSync(new URL("golden/preference.json", import.meta.url), "utf8")) as {
  readonly cases: Readonly<Record<string, Case>>;
};
const runtime = await nodeRuntime({ threads: 1 });

const pairsOf = ({ chosen, rejected, referenceChosen, referenceRejected }: Inputs) => ({
  chosen: chosen!,
  rejected: rejected!,
  referenceChosen: referenceChosen!,
  referenceRejected: referenceRejected!,
});

const losses: Readonly<Record<string, (inputs: Inputs) => Tensor>> = {
  words: ({ logits, labels, cotangent }) => sum(wordLogProbabilities(logits!, labels!).mul(cotangent!)),
  comparison: ({ chosen, rejected }) => comparisonLoss(chosen!, rejected!),
  dpo: (inputs) => dpoLoss(pairsOf(inputs), { beta: 0.3 }).loss,
  dpoSmoothed: (inputs) => dpoLoss(pairsOf(inputs), { beta: 0.3, labelSmoothing: 0.15 }).loss,
  policy: ({ logits, labels, oldLogP, advantages, counted }) =>
    clippedPolicyLoss(
      wordLogProbabilities(logits!, labels!),
      { oldLogP: oldLogP!, advantages: advantages!, counted: counted! },
      0.2,
    ),
  value: ({ values, oldValues, returns, counted }) =>
    clippedValueLoss(values!, { oldValues: oldValues!, returns: returns!, counted: counted! }, 0.2),
};

test("every case of the reference is compared", () => {
  expect(Object.keys(cases).sort()).toEqual(Object.keys(losses).sort());
});

test.each(Object.keys(losses))("%s: value and gradients are those of the papers' formulas in float64", async (name) => {
  const { inputs, loss, gradients } = cases[name]!;
  const feeds: Record<string, NdArray> = {};
  for (const [key, { shape, data }] of Object.entries(inputs))
    feeds[key] = ndarray(key === "labels" ? "int64" : "float32", shape, data);
  const wanted = Object.keys(gradients);
  await using run = await compile(
    (given: Inputs) => {
      const result = losses[name]!(given);
      const found = grad(
        result,
        wanted.map((key) => given[key]!),
      );
      return { loss: result, ...Object.fromEntries(wanted.map((key, i) => [`grad.${key}`, found[i]!])) };
    },
    Object.fromEntries(Object.entries(feeds).map(([key, { dtype, shape }]) => [key, { dtype, shape }])),
    { runtime },
  );
  const got = await run.run(feeds);
  expectClose(got.loss!, ndarray("float32", [], [loss]), { rtol: 2e-6, atol: 1e-6 }, "loss");
  for (const key of wanted) {
    const want = ndarray("float32", inputs[key]!.shape, gradients[key]!);
    expect(want.data.some((x) => x !== 0)).toBe(true);
    expectClose(got[`grad.${key}`]!, want, { rtol: 1e-5, atol: 1e-6 }, key);
  }
});

test("a model that is its own reference loses log 2, and rewards nothing", async () => {
  await using run = await compile(
    ({ a, b }) => dpoLoss({ chosen: a, rejected: b, referenceChosen: a, referenceRejected: b }, { beta: 0.1 }),
    { a: [3], b: [3] },
    { runtime },
  );
  const arrays = { a: ndarray("float32", [3], [-1, -4, -9]), b: ndarray("float32", [3], [-2, -2, -2]) };
  const { loss, chosenReward } = await run.run(arrays);
  expect(Number(loss!.data[0])).toBeCloseTo(Math.LN2, 6);
  expect([...chosenReward!.data].map(Number)).toEqual([0, 0, 0]);
});

test.each([
  ["β", { beta: 0 }],
  ["label smoothing", { beta: 0.1, labelSmoothing: 0.5 }],
])("%s out of range is refused", (what, options) => {
  const x = scalar(0);
  const pairs = { chosen: x, rejected: x, referenceChosen: x, referenceRejected: x };
  expect(() => dpoLoss(pairs, options)).toThrow(VitrineError);
  expect(() => dpoLoss(pairs, options)).toThrow(what);
});
