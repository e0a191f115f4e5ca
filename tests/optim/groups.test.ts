import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ndarray } from "../../src/graph/dtype.ts";
import { makeVariable } from "../../src/graph/graph.ts";
import type { Variable } from "../../src/graph/value.ts";
import {
  layerNumbers,
  layersOfFamily,
  resnetLayers,
  swinLayers,
  vitLayers,
  weightDecayGroups,
  withLayerDecay,
} from "../../src/optim/groups.ts";
import { expectClose, goldenTensor, readGolden } from "../golden.ts";
import { hasShared } from "../shared.ts";

const named = (shapes: Readonly<Record<string, readonly number[]>>): Map<string, { variable: Variable }> =>
  new Map(
    Object.entries(shapes).map(([name, shape]) => [
      name,
      { variable: makeVariable(name, "float32", shape, () => ndarray("float32", [0], [])) },
    ]),
  );

test("vectors, biases, named tensors and what is inside named parts are not decayed", () => {
  const groups = weightDecayGroups(
    named({
      "head.weight": [3, 4],
      "head.bias": [3],
      "norm.weight": [4],
      "table.bias": [2, 2],
      pos_embed: [1, 5, 4],
      "decoder.pos_embed": [1, 5, 4],
      "blocks.0.gate": [2, 2],
      "attn.cpb_mlp.0.weight": [2, 2],
      "attn.cpb_mlp2.weight": [2, 2],
    }),
    0.05,
    ["pos_embed", "blocks.0.gate", "cpb_mlp"],
  );
  expect(groups.map(({ weightDecay }) => weightDecay)).toEqual([0.05, 0, 0, 0, 0, 0, 0, 0, 0.05]);
  expect(groups.every(({ learningRateScale }) => learningRateScale === 1)).toBe(true);
});

test.skipIf(!hasShared)("layer-wise decay equals timm's", () => {
  const golden = readGolden<{
    readonly layer_decay: number;
    readonly weight_decay: number;
    readonly names: readonly string[];
  }>("ops-layer-decay");
  const { layer_decay, weight_decay, names } = golden.config;
  // Of the shapes only the rank counts: one axis for biases and norms.
  const rank = (name: string): number => (/bias$|norm/.test(name) ? 1 : 2);
  const parameters = named(Object.fromEntries(names.map((name) => [name, Array(rank(name)).fill(1)])));
  const groups = withLayerDecay(
    weightDecayGroups(parameters, weight_decay, ["pos_embed", "cls_token", "reg_token", "dist_token"]),
    layer_decay,
    vitLayers,
  );
  expect(groups.map(({ variable }) => variable.name)).toEqual(names);
  const column = (values: readonly number[]) => ndarray("float32", [names.length], values);
  expectClose(
    column(groups.map(({ learningRateScale }) => learningRateScale)),
    goldenTensor(golden, "output.lr_scale"),
    golden.tolerance,
  );
  expectClose(
    column(groups.map(({ weightDecay }) => weightDecay)),
    goldenTensor(golden, "output.weight_decay"),
    golden.tolerance,
  );
});

test("the distillation token and a stem of convolutions lie before the first block", () => {
  const names = [
    "dist_token",
    "patch_embed.backbone.stem.conv.weight",
    "patch_embed.proj.bias",
    "blocks.0.w",
    "head_dist.bias",
  ];
  expect([...layerNumbers(names, vitLayers).values()]).toEqual([0, 0, 0, 1, 2]);
});

test("layers are numbered by number, not by the order of names", () => {
  const names = [
    "head.weight",
    "blocks.10.w",
    "blocks.2.w",
    "norm.weight",
    "cls_token",
    "blocks.2.b",
    "fc_norm.weight",
  ];
  expect(Object.fromEntries(layerNumbers(names, vitLayers))).toEqual({
    cls_token: 0,
    "blocks.2.w": 1,
    "blocks.2.b": 1,
    "blocks.10.w": 2,
    "norm.weight": 2,
    "fc_norm.weight": 3,
    "head.weight": 3,
  });
});

const layers = JSON.parse(readFileSync(new URL("golden/layers.json", import.meta.url), "utf8")) as Readonly<
  Record<string, Readonly<Record<string, number>>>
>;

test.each(Object.entries(layers))("layers of %s are timm's", (_, numbers) => {
  const names = Object.keys(numbers);
  expect(Object.fromEntries(layerNumbers(names, layersOfFamily(names)))).toEqual(numbers);
});

test("the family is known by the names of its blocks", () => {
  expect(layersOfFamily(["patch_embed.proj.weight", "layers.0.blocks.0.norm1.weight"])).toBe(swinLayers);
  expect(layersOfFamily(["conv1.weight", "layer1.0.conv1.weight"])).toBe(resnetLayers);
  expect(layersOfFamily(["patch_embed.proj.weight", "blocks.0.norm1.weight"])).toBe(vitLayers);
  expect(layersOfFamily(["head.weight"])).toBe(vitLayers);
});
