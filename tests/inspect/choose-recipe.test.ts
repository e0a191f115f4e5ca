import { expect, test } from "vitest";
import { chooseRecipe, type TrainingFacts } from "../../src/inspect/choose-recipe.ts";
import { fromScratch, recipeFrom } from "../../src/train/recipe.ts";

const photos: TrainingFacts = {
  images: 122,
  classes: ["ants", "bees"],
  smallestClass: 60,
  largestClass: 62,
  weights: true,
  probeAccuracy: 0.97,
};
const methodOf = (facts: Partial<TrainingFacts>): string => chooseRecipe({ ...photos, ...facts }).recipe.tune;

test("few images with good features: the head alone; with poor ones: adapters; many: all weights", () => {
  expect(methodOf({})).toBe("probe");
  expect(methodOf({ probeAccuracy: undefined })).toBe("probe");
  expect(methodOf({ probeAccuracy: 0.6 })).toBe("lora");
  expect(methodOf({ images: 5000 })).toBe("full");
  expect(methodOf({ weights: false, base: fromScratch })).toBe("full");
  expect(chooseRecipe(photos).choices[0]!.reason).toMatch(/97\.0 % .* averaged over the classes/);
});

test("adapters stand beside the linear maps that the model has; without any all weights learn", () => {
  const poor = { ...photos, probeAccuracy: 0.6 };
  const { loraTargets } = fromScratch;
  expect(chooseRecipe({ ...poor, adapterTargets: loraTargets })).toEqual(chooseRecipe(poor));
  const others = chooseRecipe({ ...poor, adapterTargets: ["attn_in.qk", "mlp_in.fc1"] });
  expect(others.recipe).toMatchObject({ tune: "lora", loraTargets: ["attn_in.qk", "mlp_in.fc1"] });
  expect(others.choices).toContainEqual({
    ...{ what: "adapters", value: "attn_in.qk, mlp_in.fc1", reason: "the linear maps of this model" },
  });
  const none = chooseRecipe({ ...poor, adapterTargets: [] });
  expect(none.recipe).toMatchObject({ tune: "full", loraTargets });
  expect(none.choices[0]!.reason).toMatch(/no linear maps for adapters/);
});

test("every choice has a value and a reason, and the recipe is valid", () => {
  for (const facts of [photos, { ...photos, images: 9000 }, { ...photos, weights: false, base: fromScratch }]) {
    const { recipe, choices } = chooseRecipe(facts);
    const said = ["method", "batch", "epochs", "learning rate", "mirror images"];
    expect(choices.map(({ what }) => what)).toEqual(facts.weights ? [...said, "other settings"] : said);
    for (const { value, reason } of choices) expect([value, reason]).not.toContain("");
    expect(recipeFrom(fromScratch, { ...recipe }, "test")).toEqual(recipe);
  }
});

test("what is asked for wins, is said to be so, and other settings fit it", () => {
  const { recipe, choices } = chooseRecipe(photos, { tune: "full", epochs: 3 });
  expect(recipe).toMatchObject({ tune: "full", epochs: 3, layerDecay: 0.75, warmupEpochs: 0.75, learningRate: 7.1e-5 });
  expect(choices.slice(0, 3).map(({ reason }) => reason)).toEqual([
    "as asked",
    expect.stringContaining("eight"),
    "as asked",
  ]);
});

test("a head that begins trained is only refined", () => {
  const [trained, random] = [true, false].map((trainedHead) => chooseRecipe({ ...photos, trainedHead }).recipe);
  expect(trained!.learningRate).toBeLessThan(random!.learningRate / 10);
  expect(trained!.epochs).toBeLessThan(random!.epochs);
});

test("all else that is not as a model learns from nothing is said in one line, unless it was asked for", () => {
  const other = (facts: Partial<TrainingFacts>, asked = {}) =>
    chooseRecipe({ ...photos, ...facts }, asked).choices.find(({ what }) => what === "other settings");
  expect(other({})!.value).toBe("minLearningRate 1e-6, crop resized, cropScale 0.4, 1");
  expect(other({ trainedHead: true })).toMatchObject({
    value: expect.stringContaining("labelSmoothing 0, crop resized, cropScale 0.4, 1, probeViews 2"),
    reason: expect.stringContaining("true labels"),
  });
  const sgd = { ...fromScratch, optimizer: "sgd", weightDecay: 5e-4, clipNorm: null } as const;
  expect(other({ weights: false, base: sgd })).toEqual({
    ...{ what: "other settings", value: "optimizer sgd, weightDecay 5e-4, clipNorm no" },
    reason: "usual for such a model on such images; --config sets each",
  });
  expect(other({ weights: false, base: sgd }, { optimizer: "sgd", clipNorm: null })!.value).toBe("weightDecay 5e-4");
  expect(other({ weights: false, base: fromScratch })).toBeUndefined();
});

test("uneven classes are shown equally often", () => {
  expect(chooseRecipe({ ...photos, smallestClass: 10 }).recipe.balance).toBe(true);
  expect(chooseRecipe({ ...photos, smallestClass: 10 }, { balance: false }).recipe.balance).toBe(false);
  expect(chooseRecipe(photos).recipe.balance).toBe(false);
});

test.each([
  [["a", "b"], 0],
  [["0", "1", "2"], 0],
  [["turn left", "turn right"], 0],
  [["bright", "dark"], 0.5],
  [["ants", "bees"], 0.5],
])("mirror images of %j: probability %s", (classes, expected) => {
  expect(chooseRecipe({ ...photos, classes }).recipe.flip).toBe(expected);
});

test("from nothing, few images are seen more often, and a preset stays as it is", () => {
  const scratch = { ...photos, weights: false, base: { ...fromScratch, epochs: 30 } };
  expect(chooseRecipe(scratch).recipe.epochs).toBe(100);
  expect(chooseRecipe({ ...scratch, images: 50_000 }).recipe.epochs).toBe(30);
  expect(chooseRecipe({ ...scratch, images: 50_000, isPreset: true }).recipe.learningRate).toBe(
    fromScratch.learningRate,
  );
});

test("images far larger than the smallest crop needs are made smaller first, in all recipes that crop", () => {
  const camera = { ...photos, shorterSide: 3000, inputSide: 224 };
  const presizeOf = (facts: Partial<TrainingFacts>, asked = {}) =>
    chooseRecipe({ ...camera, ...facts }, asked).recipe.presize;
  // √(0.4 × 3/4) of 416 pixels is 228.
  expect(presizeOf({})).toBe(416);
  expect(chooseRecipe(camera).choices).toContainEqual({
    ...{ what: "presize", value: "416", reason: expect.stringContaining("3,000 pixels") },
  });
  expect(presizeOf({}, { cropScale: [0.08, 1] })).toBe(928);
  expect(presizeOf({ shorterSide: 831 })).toBeNull();
  expect(presizeOf({ shorterSide: 832 })).toBe(416);
  expect(presizeOf({ shorterSide: undefined })).toBeNull();
  expect(presizeOf({ weights: false, base: fromScratch })).toBeNull();
  expect(presizeOf({}, { presize: null })).toBeNull();
  expect(presizeOf({ shorterSide: 375 }, { presize: 300 })).toBe(300);
});
