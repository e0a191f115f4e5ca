import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { familyNamed } from "../../src/models/families.ts";
import { createModel, familyOf, modelNamed, modelNames } from "../../src/models/registry.ts";
import { namedResNets } from "../../src/models/resnet/names.ts";
import { namedSwins, namedSwinV2s } from "../../src/models/swin/names.ts";
import { timmWeights } from "../../src/models/timm-weights.ts";

interface Count {
  readonly parameters: number;
  /** SHA-256 of the sorted lines `name [shape]`. */
  readonly state: string;
  readonly labels: number;
  readonly preprocessing: unknown;
  /** What torchvision publishes: multiply-adds, and accuracies by timm's tag of the same weights. */
  readonly torchvision?: { readonly gmacs: number; readonly top1: Readonly<Record<string, number>> };
}

const counts = new Map(
  Object.entries(
    JSON.parse(readFileSync(new URL("golden/hierarchical-counts.json", import.meta.url), "utf8")) as Record<
      string,
      Count
    >,
  ),
);
const named = [...namedResNets.keys(), ...namedSwins.keys(), ...namedSwinV2s.keys()];

test("every plain ResNet of timm has a name here, every Swin Transformer but swinv2_cr_*, and no other", () => {
  expect([...counts.keys()].sort()).toEqual([...named].sort());
  expect(() => modelNamed("swinv2_cr_tiny_224")).toThrow(/did you mean/);
});

test("what torchvision publishes is written with its networks, and with no other", () => {
  for (const name of named) {
    const { gmacs, torchvision } = modelNamed(name).published;
    const theirs = counts.get(name)!.torchvision;
    expect(torchvision, name).toEqual(theirs?.top1);
    if (theirs) expect(gmacs, name).toBe(theirs.gmacs);
    const tags = timmWeights(name).map(({ tag }) => tag);
    for (const tag of Object.keys(torchvision ?? {})) expect(tags).toContain(tag);
  }
});

test.each(named)("%s has timm's parameters, names, shapes and preprocessing", (name) => {
  const expected = counts.get(name)!;
  const model = createModel(name);
  expect(model.parameterCount()).toBe(expected.parameters);
  const lines = [...model.variables()].map(([key, { shape }]) => `${key} [${shape.join(",")}]`).sort();
  expect(createHash("sha256").update(lines.join("\n")).digest("hex")).toBe(expected.state);
  expect(model.config.labels).toBe(expected.labels);
  expect(modelNamed(name).preprocessing).toEqual(expected.preprocessing);
  expect(model.config.imageSize).toEqual(modelNamed(name).preprocessing.input_size.slice(1));
});

test.each([
  ["resnet18", 11_689_512],
  ["resnet34", 21_797_672],
  ["resnet50", 25_557_032],
  ["resnet101", 44_549_160],
  ["resnet152", 60_192_808],
  ["swin_tiny_patch4_window7_224", 28_288_354],
  ["swin_base_patch4_window7_224", 87_768_224],
])("%s has the published number of parameters, %i", (name, parameters) => {
  expect(createModel(name).parameterCount()).toBe(parameters);
});

test("a family is found by the beginning of a name, loaded or at hand", async () => {
  for (const name of modelNames()) {
    const { family, model } = await familyNamed(`${name}.tag`);
    expect(family).toBe(familyOf(name));
    expect(model.name).toBe(name);
  }
});

test("an unknown name gets the nearest ones of all families as suggestions", async () => {
  await expect(familyNamed("swin_tiny_patch4_window7_242")).rejects.toThrow(
    /did you mean swin_tiny_patch4_window7_224/,
  );
  await expect(familyNamed("resnet51")).rejects.toThrow(/resnet50/);
  expect(() => createModel("resnet15")).toThrow(/got "resnet15"; did you mean/);
});
