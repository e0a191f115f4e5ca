import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readRecipes } from "../../bench/recipe-file.ts";
import { checkModelOptions } from "../../src/cli/train-settings.ts";
import { newPretrained } from "../../src/pretrained/new.ts";
import { presets } from "../../src/train/presets.ts";
import { fromScratch, recipeFrom } from "../../src/train/recipe.ts";

const recipes = readRecipes("recipes");
const program = readFileSync("src/cli/program.ts", "utf8");

test("there is a recipe for each of the data sets that this project is measured by", () => {
  expect([...recipes.keys()].sort()).toEqual([
    ...[
      "cifar10",
      "fashion-mnist",
      "fashion-mnist-mae",
      "fashion-mnist-resnet",
      "fashion-mnist-swin",
      "fashion-mnist-tnt",
    ],
    ...["hymenoptera-full", "hymenoptera-lora", "hymenoptera-probe", "mnist"],
    ...["shapes", "shapes-mae", "shapes-resnet", "shapes-swin", "shapes-tnt"],
  ]);
});

test.each([...recipes])("%s: its settings are settings, and its command one that there is", (name, recipe) => {
  const { model = {}, ...settings } = recipe.settings;
  expect(recipeFrom(fromScratch, settings, name)).toMatchObject(settings);
  const named = recipe.command[recipe.command.indexOf("--model") + 1];
  const architecture = recipe.command.includes("--model") ? named! : "vit_tiny_patch16_224";
  const options = checkModelOptions(model as Readonly<Record<string, unknown>>, architecture);
  expect(options).toEqual(model);
  expect(newPretrained(architecture, { labels: ["a"], options }).model.parameterCount()).toBeGreaterThan(0);
  expect(recipe.command[0]).toBe("train");
  expect(recipe.command.includes("{before}")).toBe(recipe.before !== undefined);
  for (const word of [...(recipe.before ?? []), ...recipe.command].filter((one) => one.startsWith("--")))
    expect(program).toContain(`"${word} `);
  if (recipe.make) expect(recipe.command[1]).toBe("{made}");
  else if (recipe.needs.length > 0) expect(recipe.command.join(" ")).toContain("{data}/");
  else expect(Object.keys(presets)).toContain(recipe.command[1]);
});

test("a file that is no recipe is refused", () => {
  expect(() => readRecipes("tests/tasks/golden")).toThrow(/Invalid key: Expected "name"/);
});
