import { expect, test } from "vitest";
import { familyNamed, nearestModels } from "../../src/models/families.ts";
import { modelNames } from "../../src/models/registry.ts";

test.each([
  ["vit_tiny", "vit_tiny_patch16_224"],
  ["deit_tiny", "deit_tiny_patch16_224"],
  ["vit_b_16", "vit_base_patch16_224"],
  ["ViT-B/16", "vit_base_patch16_224"],
  ["vit-l-32", "vit_large_patch32_224"],
  ["ViT-S16", "vit_small_patch16_224"],
  ["deit_ti", "deit_tiny_patch16_224"],
  ["swin_t", "swin_tiny_patch4_window7_224"],
  ["swin_v2_s", "swinv2_small_window8_256"],
  ["resnet-50", "resnet50"],
  ["tnt_s_patch16", "tnt_s_patch16_224"],
  ["vit_tiny_patch16_244", "vit_tiny_patch16_224"],
  ["VIT_BASE_PATCH16_224.augreg", "vit_base_patch16_224"],
  ["test_vti", "test_vit"],
])("%s probably means %s", (name, first) => {
  expect(nearestModels(name, modelNames())[0]).toBe(first);
});

test("models for tests are not proposed", async () => {
  for (const name of ["vit_tiny", "tiny", "resnet", "x"])
    expect(nearestModels(name, modelNames()).filter((one) => one.startsWith("test_"))).toEqual([]);
  await expect(familyNamed("vit_b_16")).rejects.toThrow(
    /got "vit_b_16"; did you mean vit_base_patch16_224, vit_base_patch16_384, /,
  );
});
