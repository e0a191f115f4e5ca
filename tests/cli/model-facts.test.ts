import { expect, test } from "vitest";
import { factLines, factsJson, factsOf } from "../../src/cli/model-facts.ts";
import { modelNamed } from "../../src/models/registry.ts";
import { vitrine } from "./process.ts";

const linesOf = (name: string): Record<string, string> => Object.fromEntries(factLines(factsOf(name)));

test.each([
  ["vit_base_patch16_224.mae", 86_567_656, 83.66],
  ["vit_large_patch16_224.mae", 304_326_632, 85.95],
  ["vit_huge_patch14_224.mae", 632_045_800, 86.93],
])("%s: timm's count of the fine-tuned model, the authors' accuracy", (name, parameters, top1) => {
  const facts = factsOf(name);
  expect(facts.parameters).toBe(parameters);
  expect(facts.published.top1).toEqual([{ weights: "mae", value: top1, by: "the authors" }]);
  expect(facts.places[0]).toMatch(/^facebook\/vit-mae-/);
});

test("a tag of an autoencoder says its own preprocessing, the bare name that of its default weights", () => {
  expect(factsOf("vit_base_patch16_224.mae").preprocessing!.mean).toEqual([0.485, 0.456, 0.406]);
  expect(modelNamed("vit_base_patch16_224").preprocessing.mean).toEqual([0.5, 0.5, 0.5]);
  const lines = linesOf("vit_huge_patch14_224.mae");
  expect(lines["ImageNet-1k top-1"]).toBe("86.93 % fine-tuned (the authors)");
  expect(lines.labels).toBe("1,000 fine-tuned; the pre-trained encoder has no head");
  expect(lines.preprocessing).toMatch(/^centre crop 0\.875, bicubic, mean 0\.485 0\.456 0\.406/);
  expect(lines["with its decoder"]).toContain("--model facebook/vit-mae-huge");
  expect(linesOf("vit_huge_patch14_224")).not.toHaveProperty("with its decoder");
});

test("the same weights measured twice say by whom and on which pictures", () => {
  expect(linesOf("resnet50.tv2_in1k")["ImageNet-1k top-1"]).toBe(
    "79.434 % of tv2_in1k at 176 pixels (timm), 80.858 % of tv2_in1k (torchvision)",
  );
  expect(linesOf("resnet50")["other tags"]).toMatch(/, a3_in1k 75\.994 % at 160 pixels, /);
});

test("what nobody published stays unknown", () => {
  for (const name of ["vit_dwee_patch16_reg1_gap_256", "vit_base_patch16_224.augreg_in21k", "vitc_1gf_224"])
    expect(linesOf(name)["ImageNet-1k top-1"], name).toBe("not known here");
});

test("several stand side by side, each with the cost of the pictures that its accuracy is of", async () => {
  const names = ["resnet50.a3_in1k", "vit_small_patch16_224", "vit_small_r26_s32_224", "vit_base_patch16_224.mae"];
  const other = "vit_base_patch16_224.augreg_in21k";
  const { stdout } = await vitrine(["models", ...names, other]);
  const cells = stdout.split("\n").map((line) => line.split(/ {2,}/));
  expect(cells.slice(1, 5).map((row) => row.slice(0, 7))).toEqual([
    ["resnet50.a3_in1k", "25.6", "160", "2.09", "75.994", "a3_in1k", "timm"],
    ["vit_small_patch16_224", "22.1", "224", "4.60", "81.402", "augreg_in21k_ft_in1k", "timm"],
    ["vit_small_r26_s32_224", "36.4", "224", "3.46", "81.856", "augreg_in21k_ft_in1k", "timm"],
    ["vit_base_patch16_224.mae", "86.6", "224", "17.56", "83.66", "mae", "the authors"],
  ]);
  // It has another number of labels than the default weights.
  expect(cells[5]).toEqual([other, "augreg_in21k", "ViT of width 768, depth 12, 12 heads, patch 16"]);
  const json = await vitrine(["models", ...names, "--json"]);
  expect(JSON.parse(json.stdout)).toEqual(JSON.parse(JSON.stringify(names.map((name) => factsJson(factsOf(name))))));
});

test("one unknown name among several is refused, and nothing is shown", async () => {
  const { code, stdout, stderr } = await vitrine(["models", "resnet50", "resnet51"]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain('got "resnet51"');
});

test("the list has the autoencoders with their places on the hub", async () => {
  const { stdout } = await vitrine(["models", "--json"]);
  const { tagged } = JSON.parse(stdout) as { readonly tagged: readonly { readonly hub: readonly string[] }[] };
  expect(tagged.map(({ hub }) => hub[0])).toEqual(["base", "large", "huge"].map((size) => `facebook/vit-mae-${size}`));
});
