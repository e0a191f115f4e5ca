import { expect, test } from "vitest";
import { type ViTConfig, type ViTOptions, vitConfig } from "../../../src/models/vit/config.ts";
import {
  configForHuggingFace,
  configForTimm,
  configFromHuggingFace,
  configFromTimm,
  isHuggingFaceViTConfig,
  isTimmConfig,
} from "../../../src/models/vit/config-files.ts";
import { timmOptions } from "../../../src/models/vit/config-timm.ts";
import { namedViTs } from "../../../src/models/vit/names.ts";
import { ViT } from "../../../src/models/vit/vit.ts";

const { preprocessing } = namedViTs.get("vit_tiny_patch16_224")!;
const tiny = { imageSize: 16, patchSize: 4, width: 24, depth: 2, heads: 3, mlpWidth: 48, labels: 5 } as const;

test.each([...namedViTs])("%s survives a config.json of timm", (name, { options }) => {
  const config = vitConfig(options);
  const json = configForTimm(config, { architecture: name, preprocessing });
  expect(json.architecture).toBe(name);
  expect(json.model_args).toBeUndefined();
  expect(isTimmConfig(json)).toBe(true);
  expect(configFromTimm(json, "config.json")).toEqual(config);
});

const variants: readonly Partial<ViTConfig>[] = [
  {},
  { pool: "avg", finalNorm: "pooled" },
  { pool: "avg", finalNorm: "tokens", classToken: false, registers: 3, positions: "patches" },
  { pool: "map", classToken: false, layerScale: 0.1 },
  { eps: 1e-5, preNorm: true, activation: "quick_gelu" },
  { distilled: true },
  { resizePositions: "timm", qkNorm: true, qkvBias: false },
  { block: "parallel_things", pool: "none", layerScale: 0.1 },
  { attention: "differential", mlpWidth: 61 },
  { norm: "rms" },
  { block: "parallel_scaling", norm: "layer", preNorm: true, positions: "none" },
];

test.each(variants)("a model of no name survives a config.json of timm: %j", (changes) => {
  const config = vitConfig({ ...tiny, ...changes });
  expect(configFromTimm(configForTimm(config, { preprocessing }), "config.json")).toEqual(config);
});

test("what timm's JSON cannot say is refused", () => {
  const own = vitConfig({ ...tiny, eps: 1e-12 });
  expect(() => configForTimm(own, { preprocessing })).toThrow(
    /no architecture of timm .* ε 1e-12; build it from a named model/,
  );
});

test("timm's pool decides the place of the last norm, unless the architecture does", () => {
  const read = (architecture: string, model_args: { global_pool: string }) =>
    configFromTimm({ architecture, model_args }, "config.json").finalNorm;
  expect(read("vit_base_patch16_224", { global_pool: "avg" })).toBe("pooled");
  expect(read("vit_base_patch16_gap_224", { global_pool: "avg" })).toBe("tokens");
});

test("an argument of timm without counterpart is refused", () => {
  expect(() => timmOptions({ rope: true })).toThrow(/argument has no counterpart here, got "rope"/);
  expect(() => timmOptions({ global_pool: "prr" })).toThrow(/got "prr"/);
});

test.each([{}, { distilled: true }, { activation: "gelu_tanh", qkvBias: false } as const])(
  "a plain model survives a config.json of transformers: %j",
  (changes) => {
    const config = vitConfig({ ...tiny, eps: 1e-12, ...changes });
    const json = configForHuggingFace(config, ["a", "b", "c", "d", "e"]);
    expect(isHuggingFaceViTConfig(json)).toBe(true);
    expect(configFromHuggingFace(json, "config.json")).toEqual(config);
  },
);

test("heads of their own width need not divide the token width", () => {
  const model = new ViT({ ...tiny, heads: 5, headWidth: 7 });
  expect(model.variables().get("blocks.0.attn.qkv.weight")!.shape).toEqual([105, 24]);
  expect(model.variables().get("blocks.0.attn.proj.weight")!.shape).toEqual([24, 35]);
});

test("transformers' defaults are filled in", () => {
  const config = configFromHuggingFace({ model_type: "vit", architectures: ["ViTModel"] }, "config.json");
  expect(config).toEqual(vitConfig({ eps: 1e-12, labels: 0 }));
});

test("what transformers cannot express is refused by name", () => {
  expect(() => configForHuggingFace(vitConfig({ ...tiny, registers: 2 }), [])).toThrow(
    /registers 2; save in timm's form/,
  );
});

test.each<readonly [ViTOptions, RegExp]>([
  [{ heads: 5 }, /heads must divide the width, got width 24, 5 heads/],
  [{ depth: 0 }, /depth must be a positive integer, got 0/],
  [{ classToken: false }, /pool token needs a class token/],
  [{ dropPath: 1 }, /dropPath must be in \[0, 1\), got 1/],
  [{ imageSize: -4 }, /imageSize must be positive pixels, got -4 × -4/],
  [{ imageSize: 3 }, /an image must hold a patch, got 3 × 3 and 4 × 4/],
  [{ distilled: true, pool: "avg" }, /distilled needs pool token and a plain head, got pool avg, norm pooled/],
  [{ mlp: "swiglu_packed", mlpWidth: 47 }, /mlpWidth of swiglu_packed must be even, got 47/],
  [{ eps: 0 }, /eps must be positive, got 0/],
])("contradictory options are refused: %j", (changes, message) => {
  expect(() => new ViT({ ...tiny, ...changes })).toThrow(message);
});
