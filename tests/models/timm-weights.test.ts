import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { modelNamed, modelNames } from "../../src/models/registry.ts";
import { timmTags } from "../../src/models/timm-tags.ts";
import { timmWeights } from "../../src/models/timm-weights.ts";

/** The tag of timm's default weights, by name. */
const defaults = new Map(
  ["vit", "hierarchical", "tnt"].flatMap((part) =>
    Object.entries(
      JSON.parse(readFileSync(new URL(`golden/${part}-counts.json`, import.meta.url), "utf8")) as Record<
        string,
        { readonly tag: string }
      >,
    ).map(([name, { tag }]) => [name, tag] as const),
  ),
);
/** timm has a tag for them, and no weights. */
const without = (tag: string | undefined, name: string): boolean =>
  tag === undefined || tag === "untrained" || name === "test_vit4";

test("timm's default weights come first, and untrained architectures have none", () => {
  for (const name of modelNames()) {
    const tag = defaults.get(name);
    expect(timmWeights(name)[0]?.tag, name).toBe(without(tag, name) ? undefined : tag);
  }
});

test("every line of the table belongs to an architecture, which no tag stands in twice", () => {
  const names = timmTags.trim().split("\n");
  expect(names.map((line) => line.split(":")[0]!).filter((name) => !modelNames().includes(name))).toEqual([]);
  for (const name of modelNames()) {
    const tags = timmWeights(name).map(({ tag }) => tag);
    expect(new Set(tags).size, name).toBe(tags.length);
  }
});

test("an accuracy belongs to weights that exist", () => {
  for (const name of modelNames())
    if (modelNamed(name).published.top1 !== undefined) expect(timmWeights(name), name).not.toEqual([]);
});

test("weights lie under their own name, another one, or not on the hub", () => {
  expect(timmWeights("vit_base_patch16_224")).toContainEqual({
    tag: "augreg_in21k",
    place: "timm/vit_base_patch16_224.augreg_in21k",
  });
  expect(timmWeights("vit_huge_patch14_clip_quickgelu_378")).toEqual([
    { tag: "dfn5b", place: "timm/vit_huge_patch14_clip_378.dfn5b" },
  ]);
  expect(timmWeights("vit_huge_patch16_gap_448")).toEqual([{ tag: "in1k_ijepa", place: undefined }]);
  expect(timmWeights("resnet50t")).toEqual([]);
  expect(timmWeights("nothing")).toEqual([]);
});
