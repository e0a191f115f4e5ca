import { expect, test } from "vitest";
import { fromScratch, recipeFrom } from "../../src/train/recipe.ts";

test("changes are laid over the base, and what is undefined is left alone", () => {
  expect(recipeFrom(fromScratch, { epochs: 3, learningRate: undefined }, "test")).toEqual({
    ...fromScratch,
    epochs: 3,
  });
});

test.each([
  [{ epochs: 0 }, "epochs must be a whole number of at least 1, got 0"],
  [{ epochs: 1.5 }, "epochs must be a whole number of at least 1, got 1.5"],
  [{ learningRate: Number.NaN }, "learningRate must be a number above 0, got NaN"],
  [{ labelSmoothing: 1 }, "labelSmoothing must be a number from 0 to below 1, got 1"],
  [{ mixup: -3 }, "mixup must be a number of at least 0, got -3"],
  [{ flip: "often" }, 'flip must be a number from 0 to 1, got "often"'],
  [{ decayRate: 2 }, "decayRate must be a number above 0 and at most 1, got 2"],
  [{ clipNorm: 0 }, "clipNorm must be a number above 0, or null, got 0"],
  [{ balance: 1 }, "balance must be true or false, got 1"],
  [{ cropScale: [1, 0.5] }, "cropScale: the first must not exceed the second, got [1,0.5]"],
  [
    { betas: [0.9] },
    "betas must be a list of a number from 0 to below 1 and a number from 0 to below 1, or null, got [0.9]",
  ],
  [{ crop: "round" }, 'crop must be "resized", "padded" or "none", got "round"'],
  [{ loraTargets: "qkv" }, 'loraTargets must be a list of one text or more, got "qkv"'],
  [{ loraTargets: [] }, "loraTargets must be a list of one text or more, got []"],
])("%j is refused with its range", (changes, message) => {
  expect(() => recipeFrom(fromScratch, changes, "c.json")).toThrow(
    expect.objectContaining({ message: `${message} in c.json` }),
  );
});

test.each([
  [{ autoAugment: "round-m9" }, /^autoAugment: .*, got "round-m9" in c\.json$/],
  [{ learning_rate: 1 }, /^unknown setting learning_rate in c\.json; did you mean learningRate\?$/],
  [{ epochz: 1, mixup: -1 }, /^unknown setting epochz in c\.json; did you mean epochs\?$/],
  [{ colour: 1 }, /^unknown setting colour in c\.json; settings are epochs, .*probeViews$/],
])("%j is refused by name", (changes, message) => {
  expect(() => recipeFrom(fromScratch, changes, "c.json")).toThrow(message);
});
