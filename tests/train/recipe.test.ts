import { expect, test } from "vitest";
import { fromScratch, recipeFrom } from "../../src/train/recipe.ts";

test("changes are laid over the base, and what is undefined is left alone", () => {
  expect(recipeFrom(fromScratch, { epochs: 3, learningRate: undefined }, "test")).toEqual({
    ...fromScratch,
    epochs: 3,
  });
});

test.each([
  [{ epochs: 0 }, "epochs"],
  [{ epochs: 1.5 }, "epochs"],
  [{ learningRate: Number.NaN }, "learningRate"],
  [{ labelSmoothing: 1 }, "labelSmoothing"],
  [{ cropScale: [1, 0.5] }, "cropScale"],
  [{ crop: "round" }, "crop"],
  [{ learning_rate: 1 }, "learning_rate"],
])("%j is refused by name", (changes, name) => {
  expect(() => recipeFrom(fromScratch, changes, "recipe.json")).toThrow(new RegExp(`^${name}: .* in recipe.json`));
});
