import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readRecipes } from "../../bench/recipe-file.ts";
import { checkModelOptions } from "../../src/cli/train-settings.ts";
import { presets } from "../../src/train/presets.ts";
import { fromScratch, recipeFrom } from "../../src/train/recipe.ts";

const recipes = readRecipes("recipes");
const program = readFileSync("src/cli/program.ts", "utf8");

test("there is a recipe for each of the data sets that this project is measured by", () => {
  expect([...recipes.keys()]).toEqual([
    ...["cifar10", "fashion-mnist", "hymenoptera-full", "hymenoptera-lora", "hymenoptera-probe", "mnist", "shapes"],
  ]);
});

test.each([...recipes])("%s: its settings are settings, and its command one that there is", (name, recipe) => {
  const { model = {}, ...settings } = recipe.settings;
  expect(recipeFrom(fromScratch, settings, name)).toMatchObject(settings);
  expect(checkModelOptions(model as Readonly<Record<string, unknown>>, undefined)).toEqual(model);
  expect(recipe.command[0]).toBe("train");
  for (const word of recipe.command.filter((one) => one.startsWith("--"))) expect(program).toContain(`"${word} `);
  if (recipe.make) expect(recipe.command[1]).toBe("{made}");
  else if (recipe.needs.length > 0) expect(recipe.command.join(" ")).toContain("{data}/");
  else expect(Object.keys(presets)).toContain(recipe.command[1]);
});

test("a file that is no recipe is refused", () => {
  expect(() => readRecipes("tests/tasks/golden")).toThrow(/Invalid key: Expected "name"/);
});
