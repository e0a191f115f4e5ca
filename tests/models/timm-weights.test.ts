import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createModel, familyOf, modelNamed, modelNames } from "../../src/models/registry.ts";
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

test("all weights of ImageNet-1k have timm's accuracy, but for those that it never published", () => {
  const weights = modelNames().flatMap((name) =>
    timmWeights(name).map((one) => ({ name: `${name}.${one.tag}`, ...one })),
  );
  const known = weights.filter(({ top1 }) => top1 !== undefined);
  expect(known).toHaveLength(256);
  for (const { name, top1 } of known) expect(top1! > 40 && top1! < 90, name).toBe(true);
  const published = (name: string): boolean => timmWeights(name)[0]?.top1 !== undefined;
  expect(modelNames().filter(published)).toHaveLength(129);
  const classes = (name: string): number => (modelNamed(name).options as { readonly labels?: number }).labels ?? 1000;
  const without = modelNames().filter(
    (name) => classes(name) === 1000 && timmWeights(name).length > 0 && !published(name),
  );
  expect(without).toEqual(
    ["d", "dp"].map((form) => `vit_${form}wee_patch16_reg1_gap_256`).concat("vit_dlittle_patch16_reg1_gap_256"),
  );
});

test("an accuracy of pictures of another size says it, of models that take these", () => {
  expect(timmWeights("resnet50").find(({ tag }) => tag === "a3_in1k")).toMatchObject({ top1: 75.994, side: 160 });
  expect(timmWeights("resnet50")[0]).toMatchObject({ tag: "a1_in1k", top1: 80.382, side: undefined });
  for (const name of modelNames()) {
    const sides = timmWeights(name).flatMap(({ side }) => side ?? []);
    if (sides.length > 0) expect(familyOf(name).takesAnySize(createModel(name).config), name).toBe(true);
  }
});

test("weights lie under their own name, another one, or not on the hub", () => {
  expect(timmWeights("vit_base_patch16_224")).toContainEqual({
    tag: "augreg_in21k",
    place: "timm/vit_base_patch16_224.augreg_in21k",
    ...{ top1: undefined, side: undefined },
  });
  expect(timmWeights("vit_huge_patch14_clip_quickgelu_378")).toEqual([
    { tag: "dfn5b", place: "timm/vit_huge_patch14_clip_378.dfn5b", top1: undefined, side: undefined },
  ]);
  expect(timmWeights("vit_huge_patch16_gap_448")).toMatchObject([{ tag: "in1k_ijepa", place: undefined }]);
  expect(timmWeights("resnet50t")).toEqual([]);
  expect(timmWeights("nothing")).toEqual([]);
});
