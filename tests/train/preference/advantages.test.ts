import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { generalizedAdvantages, penalizedRewards, whitened } from "../../../src/train/preference/advantages.ts";

const file = new URL("../../losses/golden/preference.json", import.meta.url);
const { advantages: golden } = JSON.parse(readFileSync(file, "utf8")) as {
  readonly advantages: Readonly<Record<"rewards" | "values" | "advantages", readonly number[]>> & {
    readonly gamma: number;
    readonly lambda: number;
  };
};

test("advantages are the double sum of the paper", () => {
  const { advantages, returns } = generalizedAdvantages(golden, golden);
  for (const [t, want] of golden.advantages.entries()) {
    expect(advantages[t]).toBeCloseTo(want, 12);
    expect(returns[t]).toBeCloseTo(want + golden.values[t]!, 12);
  }
});

test("without discount and with λ = 1, returns are what is still to come", () => {
  const { returns } = generalizedAdvantages({ rewards: [1, 2, 3], values: [9, -4, 0.5] }, { gamma: 1, lambda: 1 });
  expect(returns).toEqual([6, 5, 3]);
});

test("each word pays for leaving the reference, and the last has the answer's reward", () => {
  expect(penalizedRewards(2, { logP: [-1, -2], referenceLogP: [-2, -1], beta: 0.5 })).toEqual([-0.5, 2.5]);
});

test("whitened numbers have mean 0 and deviation 1", () => {
  const white = whitened([1, 2, 3, 10]);
  expect(white.reduce((a, b) => a + b, 0)).toBeCloseTo(0, 12);
  expect(white.reduce((total, x) => total + x * x, 0) / 4).toBeCloseTo(1, 6);
  expect(whitened([5, 5])).toEqual([0, 0]);
});
