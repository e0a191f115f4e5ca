import { expect, test } from "vitest";
import { isTagged, taggedSummaries, taggedText } from "../../src/cli/tagged-models.ts";
import { modelNamed } from "../../src/models/registry.ts";
import { vitrine } from "./process.ts";

test("published masked autoencoders: timm's counts of the fine-tuned models, the authors' accuracies", () => {
  expect(taggedSummaries().map(({ name, parameters, top1 }) => [name, parameters, top1])).toEqual([
    ["vit_base_patch16_224.mae", 86_567_656, 83.66],
    ["vit_large_patch16_224.mae", 304_326_632, 85.95],
    ["vit_huge_patch14_224.mae", 632_045_800, 86.93],
  ]);
  expect(taggedText(taggedSummaries())).toMatch(/vit_base_patch16_224\.mae +86\.6 +83\.66 +facebook\/vit-mae-base/);
});

test("a tag is no other name's, and the bare name keeps its own preprocessing", () => {
  expect([isTagged("vit_base_patch16_224.mae"), isTagged("vit_base_patch16_224"), isTagged("mae")]).toEqual([
    true,
    false,
    false,
  ]);
  expect(modelNamed("vit_base_patch16_224.mae").preprocessing.mean).toEqual([0.485, 0.456, 0.406]);
  expect(modelNamed("vit_base_patch16_224").preprocessing.mean).toEqual([0.5, 0.5, 0.5]);
});

test("models shows one in full, and all in its list", async () => {
  const one = await vitrine(["models", "vit_huge_patch14_224.mae"]);
  expect(one.stdout).toMatch(/86\.93 % fine-tuned/);
  expect(one.stdout).toMatch(/centre crop 0\.875, bicubic, mean 0\.485 0\.456 0\.406/);
  const all = await vitrine(["models", "--json"]);
  const { tagged } = JSON.parse(all.stdout) as { readonly tagged: readonly { readonly hub: readonly string[] }[] };
  expect(tagged.map(({ hub }) => hub[0])).toEqual(["base", "large", "huge"].map((size) => `facebook/vit-mae-${size}`));
});
