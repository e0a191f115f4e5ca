import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createModel, modelNamed } from "../../../src/models/registry.ts";
import { vitConfig } from "../../../src/models/vit/config.ts";
import { namedViTs } from "../../../src/models/vit/names.ts";
import { summary } from "../../../src/nn/index.ts";

interface Count {
  readonly parameters: number;
  /** SHA-256 of the sorted lines `name [shape]`. */
  readonly state: string;
  readonly labels: number;
  readonly preprocessing: unknown;
}

const counts = new Map(
  Object.entries(
    JSON.parse(readFileSync(new URL("../golden/vit-counts.json", import.meta.url), "utf8")) as Record<string, Count>,
  ),
);

/** [name, millions of parameters, billions of multiply-adds]. @source Xiao et al., arXiv:2106.14881, Table 1 (right) */
const convolutional = [
  ["vitc_1gf_224", 4.6, 1.1],
  ["vitc_4gf_224", 17.8, 4.0],
  ["vitc_18gf_224", 81.6, 17.7],
  ["vitc_36gf_224", 167.8, 35.0],
] as const;

test.each(convolutional)(
  "%s has the published %f M parameters and costs the published %f G",
  (name, parameters, cost) => {
    const [whole] = summary(createModel(name), [1, 3, 224, 224]);
    expect(Number((whole!.parameters / 1e6).toFixed(1))).toBe(parameters);
    expect(Number((Number(whole!.flops) / 2e9).toFixed(1))).toBe(cost);
  },
);

test("every Vision Transformer of timm has a name here", () => {
  expect([...counts.keys()].filter((name) => !namedViTs.has(name))).toEqual([]);
  expect([...namedViTs.keys()].filter((name) => !counts.has(name))).toEqual(convolutional.map(([name]) => name));
});

test.each([...namedViTs.keys()].filter((name) => counts.has(name)))(
  "%s has timm's parameters, names, shapes and preprocessing",
  (name) => {
    const expected = counts.get(name)!;
    const model = createModel(name);
    expect(model.parameterCount()).toBe(expected.parameters);
    const lines = [...model.variables()].map(([key, { shape }]) => `${key} [${shape.join(",")}]`).sort();
    expect(createHash("sha256").update(lines.join("\n")).digest("hex")).toBe(expected.state);
    expect(vitConfig(modelNamed(name).options).labels).toBe(expected.labels);
    expect(modelNamed(name).preprocessing).toEqual(expected.preprocessing);
  },
);

test.each([
  ["vit_tiny_patch16_224", 5_717_416],
  ["vit_small_patch16_224", 22_050_664],
  ["vit_base_patch16_224", 86_567_656],
  ["vit_large_patch16_224", 304_326_632],
])("%s has the published number of parameters, %i", (name, parameters) => {
  expect(createModel(name).parameterCount()).toBe(parameters);
});

test("an unknown name gets the nearest ones as suggestions", () => {
  expect(() => createModel("vit_tiny_patch16_244")).toThrow(
    /got "vit_tiny_patch16_244"; did you mean vit_tiny_patch16_224/,
  );
});

test("a tag of weights does not change the model", () => {
  expect(modelNamed("vit_tiny_patch16_224.augreg_in21k_ft_in1k").name).toBe("vit_tiny_patch16_224");
});
