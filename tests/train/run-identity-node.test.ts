import { expect, test } from "vitest";
import { fromScratch } from "../../src/train/recipe.ts";
import { differenceOf, identity, unusual } from "../../src/train/run-identity-node.ts";

test("a setting that a later version adds, at its usual value or off, leaves the identity", () => {
  const { recompute, ...older } = { ...fromScratch, epochs: 7 };
  expect(recompute).toBe(false);
  const before = identity({ recipe: unusual(older, fromScratch), model: unusual({ width: 8 }) });
  const now = { ...older, recompute, later: null };
  expect(unusual(now, fromScratch)).toEqual({ epochs: 7 });
  expect(identity({ recipe: unusual(now, fromScratch), model: unusual({ width: 8, gate: false, rank: null }) })).toBe(
    before,
  );
});

test.each([
  ["another value", { epochs: 8 }],
  ["a setting that is on", { epochs: 7, recompute: true }],
  ["one of two values alone", { epochs: 7, cropScale: [0.2, 1] }],
])("%s is another identity", (_, changes) => {
  const of = (recipe: object): string => identity({ recipe: unusual(recipe, fromScratch) });
  expect(of({ ...fromScratch, ...changes })).not.toBe(of({ ...fromScratch, epochs: 7 }));
});

test("the difference is said by name, with both values; what was not kept is none", () => {
  const kept = { seed: 1, recipe: { epochs: 7, cropScale: [0.1, 1] } };
  expect(differenceOf(kept, { seed: 2, recipe: { epochs: 7, cropScale: [0.2, 1], recompute: true } })).toBe(
    "seed was 1 and is 2, cropScale was [0.1,1] and is [0.2,1]",
  );
  expect(differenceOf(kept, kept)).toMatch(/the data or the model is another, or another version of vitrine/);
});
