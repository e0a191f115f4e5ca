import { mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { absolute, absoluteData } from "../../src/cli/train-settings.ts";
import { temporaryFolder } from "./process.ts";

const folder = realpathSync(temporaryFolder());
const before = process.cwd();
beforeAll(() => {
  process.chdir(folder);
  mkdirSync("photos");
  mkdirSync("cifar10");
  mkdirSync("shapes");
  writeFileSync("weights.safetensors", "");
});
afterAll(() => process.chdir(before));

test.each([
  ["photos", join(folder, "photos")],
  ["./shapes", join(folder, "shapes")],
  ["data/train-*.parquet", join(folder, "data/train-*.parquet")],
  ["data-{000000..000012}.tar", join(folder, "data-{000000..000012}.tar")],
  ["../others/part-?.tar", join(folder, "../others/part-?.tar")],
  ["/elsewhere/part-*.tar", "/elsewhere/part-*.tar"],
])("the data %s can be found from any folder", async (typed, kept) => {
  expect(await absoluteData(typed)).toBe(kept);
});

test.each(["shapes", "cifar10", "nowhere"])("the data %s stays the name that it is", async (typed) => {
  expect(await absoluteData(typed)).toBe(typed);
});

test("weights on the disk are a path, a hub id is none", async () => {
  expect(await absolute("weights.safetensors")).toBe(join(folder, "weights.safetensors"));
  expect(await absolute("timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k")).toMatch(/^timm/);
  expect(await absolute(undefined)).toBeUndefined();
});
