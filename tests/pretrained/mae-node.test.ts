import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type NdArray, sizeOf } from "../../src/graph/dtype.ts";
import { featuresOf } from "../../src/models/mae/encoder.ts";
import { MAE } from "../../src/models/mae/mae.ts";
import { type ViTOptions, vitConfig } from "../../src/models/vit/config.ts";
import { ViT } from "../../src/models/vit/vit.ts";
import { assembleNamed } from "../../src/pretrained/assemble.ts";
import { loadPretrained } from "../../src/pretrained/load-node.ts";
import { isMae, loadMae, type PretrainedMAE, saveMae } from "../../src/pretrained/mae-node.ts";
import { newPretrained } from "../../src/pretrained/new.ts";
import { savePretrained } from "../../src/pretrained/save-node.ts";
import { memorySource, type WeightSource } from "../../src/weights/source.ts";

const scratch = mkdtempSync(join(tmpdir(), "vitrine-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** A masked autoencoder of ViT-B's kind would be large: one of ViT-Ti's, with little of a decoder. */
const mae = new MAE({
  ...{ width: 192, depth: 12, heads: 3, decoderWidth: 8, decoderDepth: 1, decoderHeads: 1 },
}).initialize(3);
const state: readonly (readonly [string, NdArray])[] = [...mae.variables()].map(([name, { data }]) => [name, data]);
const newHead = { labels: ["ant", "bee"], seed: 2 };

test("a file of a whole autoencoder becomes a classifier that reads the class token", async () => {
  const { model } = await assembleNamed("vit_tiny_patch16_224", memorySource(state), { newHead });
  for (const name of ["norm.weight", "pos_embed", "blocks.11.attn.qkv.weight"])
    expect(model.variables().get(name)!.data.data).toEqual(mae.variables().get(name)!.data.data);
});

test("with the mean of patches, its normalisation begins anew and that of tokens stays behind", async () => {
  const overrides = { pool: "avg", finalNorm: "pooled" } as const;
  const { model } = await assembleNamed("vit_tiny_patch16_224", memorySource(state), { newHead, overrides });
  const variables = model.variables();
  expect(variables.has("norm.weight")).toBe(false);
  expect([...new Set(variables.get("fc_norm.weight")!.data.data as Float32Array)]).toEqual([1]);
  expect(variables.get("blocks.11.mlp.fc1.bias")!.data.data).toEqual(
    mae.variables().get("blocks.11.mlp.fc1.bias")!.data.data,
  );
  // Without a new head nothing may begin anew.
  await expect(assembleNamed("vit_tiny_patch16_224", memorySource(state), { overrides })).rejects.toThrow(
    /missing: fc_norm.bias, fc_norm.weight/,
  );
});

test("a model that has a normalisation of the mean keeps it under a new head", async () => {
  const options = { imageSize: 32, patchSize: 8, width: 24, depth: 1, heads: 2, pool: "avg" } as const;
  const pretrained = newPretrained("vit_tiny_patch16_224", { labels: ["a"], options });
  pretrained.model
    .variables()
    .get("fc_norm.weight")!
    .data.data.fill(2 as never);
  const folder = join(scratch, "mean");
  await savePretrained(folder, pretrained);
  const { model } = await loadPretrained(folder, { newHead });
  expect(Number(model.variables().get("fc_norm.weight")!.data.data[0])).toBe(2);
});

/** A small autoencoder's folder; ε as transformers writes it unless told. */
async function saved(name: string, eps = 1e-12): Promise<PretrainedMAE & { readonly folder: string }> {
  const small = { imageSize: 8, patchSize: 4, width: 8, depth: 1, heads: 2 } as const;
  const decoder = { maskRatio: 0.5, decoderWidth: 4, decoderDepth: 1, decoderHeads: 1 } as const;
  const model = new MAE({ ...small, ...decoder, eps }).initialize(1);
  const { preprocessing } = newPretrained("vit_tiny_patch16_224", { labels: [], options: small });
  const folder = join(scratch, name);
  mkdirSync(folder);
  await saveMae(folder, { model, preprocessing });
  return { model, preprocessing, folder };
}

test("the folder of an autoencoder is a Vision Transformer that gives its class token's features", async () => {
  const { model, folder, preprocessing } = await saved("features");
  const loaded = await loadPretrained(folder);
  expect(loaded.model.config).toEqual(vitConfig({ ...featuresOf(model.config) }));
  expect(loaded).toMatchObject({ labels: [], preprocessing });
  for (const [name, { data }] of loaded.model.variables())
    expect(data.data).toEqual(model.variables().get(name)!.data.data);
});

test("under a new head it averages its patches, as the authors fine-tune it, and can be saved", async () => {
  const { model, folder } = await saved("fine-tuned");
  const tuned = await loadPretrained(folder, { newHead });
  expect(tuned.model.config).toMatchObject({ pool: "avg", finalNorm: "pooled", eps: 1e-6, labels: 2 });
  const own = [...tuned.model.variables().keys()].filter((name) => !model.variables().has(name));
  expect(own.sort()).toEqual(["fc_norm.bias", "fc_norm.weight", "head.bias", "head.weight"]);
  await savePretrained(join(scratch, "fine-tuned-again"), tuned);
  const overrides = { pool: "token" } as const;
  const { model: reads } = await loadPretrained(folder, { newHead, overrides });
  expect(reads.config).toMatchObject({ pool: "token", finalNorm: "tokens" });
});

/** Zeros under the names and in the shapes of a Vision Transformer; no memory is touched. */
const zeros = (options: ViTOptions): WeightSource =>
  memorySource(
    [...new ViT(options).variables()].map(([name, { shape }]) => [
      name,
      { dtype: "float32", shape, data: new Float32Array(sizeOf(shape as readonly number[])) } as NdArray,
    ]),
  );

test("the authors' files have a name, which says preprocessing and form", async () => {
  const arch = "vit_base_patch16_224.mae";
  const pretraining = zeros({ labels: 0 });
  const features = await assembleNamed(arch, pretraining, {});
  expect(features.model.config).toMatchObject({ pool: "token", finalNorm: "tokens", labels: 0 });
  expect(features.preprocessing.mean).toEqual([0.485, 0.456, 0.406]);
  const tuned = await assembleNamed(arch, pretraining, { newHead });
  expect(tuned.model.config).toMatchObject({ pool: "avg", finalNorm: "pooled", labels: 2 });
  const classifier = await assembleNamed(arch, zeros({ pool: "avg" }), {});
  expect(classifier.model.config).toMatchObject({ pool: "avg", finalNorm: "pooled", labels: 1000 });
  expect(classifier).toMatchObject({ architecture: "vit_base_patch16_224", freshHead: false });
  expect(classifier.preprocessing.resize).toMatchObject({ size: 256 });
});

test("a fine-tuned file under the bare name is refused with the name that fits", async () => {
  const small = { pool: "avg", width: 192, heads: 3, depth: 12 } as const;
  await expect(assembleNamed("vit_tiny_patch16_224", zeros(small), {})).rejects.toThrow(
    /missing: norm.bias.* \(fc_norm\): a folder with config.json says it with timm's "global_pool": "avg"/,
  );
  await expect(assembleNamed("vit_base_patch16_224", zeros({ pool: "avg", depth: 1 }), {})).rejects.toThrow(
    /say --arch vit_base_patch16_224.mae/,
  );
});

test("only what has a decoder is a whole autoencoder", async () => {
  const { folder } = await saved("whole");
  expect(await isMae(folder)).toBe(true);
  expect(await isMae(join(scratch, "mean"))).toBe(false);
  await expect(loadMae(join(scratch, "mean"))).rejects.toThrow(/has the model_type vit_mae, got "vit_/);
  const file = join(folder, "model.safetensors");
  expect(await isMae(file)).toBe(false);
  expect(await isMae(file, { arch: "vit_base_patch16_224.mae" })).toBe(true);
  await expect(loadMae(file)).rejects.toThrow(/got no --arch/);
  await expect(loadMae(file, { arch: "vit_base_patch16_224.mae" })).rejects.toThrow(/names and shapes/);
  await expect(
    loadMae(join(scratch, "mean", "model.safetensors"), { arch: "vit_base_patch16_224.mae" }),
  ).rejects.toThrow(/has a decoder/);
});

test("an autoencoder that is saved is loaded again, bit for bit", async () => {
  const { model, folder, preprocessing } = await saved("again", 1e-6);
  const again = await loadMae(folder);
  expect(again.model.config).toEqual(model.config);
  expect(again.preprocessing).toEqual(preprocessing);
  for (const [name, { data }] of again.model.variables())
    expect(data.data).toEqual(model.variables().get(name)!.data.data);
  const empty = join(scratch, "none");
  mkdirSync(empty);
  await expect(loadMae(empty)).rejects.toThrow(/must have config.json/);
});
