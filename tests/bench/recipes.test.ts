import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type RecipeFile, readRecipes } from "../../bench/recipe-file.ts";
import { checkModelOptions } from "../../src/cli/train-settings.ts";
import { newPretrained } from "../../src/pretrained/new.ts";
import { languageModelFor } from "../../src/train/language/models.ts";
import { wordRecipeFrom, wordRecipes } from "../../src/train/language/recipe.ts";
import { presets } from "../../src/train/presets.ts";
import { fromScratch, recipeFrom } from "../../src/train/recipe.ts";

const recipes = readRecipes("recipes");
const program = readFileSync("src/cli/program.ts", "utf8");

test("there is a recipe for each of the data sets that this project is measured by", () => {
  expect([...recipes.keys()].sort()).toEqual([
    ...[
      "cifar10",
      "fashion-mnist",
      "fashion-mnist-long",
      "fashion-mnist-mae",
      "fashion-mnist-resnet",
      "fashion-mnist-swin",
      "fashion-mnist-swinv2",
      "fashion-mnist-tnt",
    ],
    ...["hymenoptera-full", "hymenoptera-lora", "hymenoptera-probe", "mnist"],
    ...["multi30k-gru", "multi30k-gru-no-attention", "multi30k-transformer"],
    ...["shapes", "shapes-mae", "shapes-resnet", "shapes-swin", "shapes-swinv2", "shapes-tnt"],
    ...["tinyshakespeare-gpt", "tinyshakespeare-lstm"],
  ]);
});

/** Recipes of images, and of texts. */
const [images, texts] = [true, false].map((wanted) =>
  [...recipes].filter(([, { expected }]) => "accuracy" in expected === wanted),
) as [[string, RecipeFile][], [string, RecipeFile][]];

test.each(images)("%s: its settings are settings, and its command one that there is", (name, recipe) => {
  const parts = [...(recipe.before ?? []), recipe];
  for (const { command, settings: all } of parts.filter((part) => part.command[0] === "train")) {
    const { model = {}, ...settings } = all;
    expect(recipeFrom(fromScratch, settings, name)).toMatchObject(settings);
    const architecture = command.includes("--model")
      ? command[command.indexOf("--model") + 1]!
      : "vit_tiny_patch16_224";
    const options = checkModelOptions(model as Readonly<Record<string, unknown>>, architecture);
    expect(options).toEqual(model);
    expect(newPretrained(architecture, { labels: ["a"], options }).model.parameterCount()).toBeGreaterThan(0);
  }
  expect(recipe.command[0]).toBe("train");
  for (const [i, { command }] of parts.entries()) {
    expect(command.includes("{before}")).toBe(i > 0);
    const named = command.flatMap((word) => [...word.matchAll(/\{part (\d+)\}/g)].map(([, part]) => Number(part)));
    for (const part of named) expect(part).toBeLessThanOrEqual(i);
    for (const word of command.filter((one) => one.startsWith("--"))) expect(program).toContain(`"${word} `);
  }
  if (recipe.make) expect(recipe.command[1]).toBe("{made}");
  else if (recipe.needs.length > 0) expect(recipe.command.join(" ")).toContain("{data}/");
  else expect(Object.keys(presets)).toContain(recipe.command[1]);
});

test.each(texts)("%s: its settings are settings of texts, and of the model that the command names", (name, recipe) => {
  const { model = {}, ...settings } = recipe.settings;
  const { command } = recipe;
  const kind = command.includes("--model") ? command[command.indexOf("--model") + 1]! : undefined;
  const translates = "bleu" in recipe.expected;
  const base = translates ? (kind ? "seq2seq" : "transformer") : kind ? "recurrent-language" : "gpt2";
  expect(wordRecipeFrom(wordRecipes[base], settings, name)).toMatchObject(settings);
  const named = { kind: kind ?? base, translates, words: 100, longest: 64 };
  expect(
    languageModelFor({ ...named, options: model as Readonly<Record<string, unknown>> }).parameterCount(),
  ).toBeGreaterThan(0);
  for (const word of command.filter((one) => one.startsWith("--"))) expect(program).toContain(`"${word} `);
});

test("a file that is no recipe is refused", () => {
  expect(() => readRecipes("tests/tasks/golden")).toThrow(/Invalid key: Expected "name"/);
});
