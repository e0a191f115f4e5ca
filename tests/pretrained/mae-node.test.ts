import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { NdArray } from "../../src/graph/dtype.ts";
import { MAE } from "../../src/models/mae/mae.ts";
import { assembleNamed } from "../../src/pretrained/assemble.ts";
import { loadPretrained } from "../../src/pretrained/load-node.ts";
import { loadMae, saveMae } from "../../src/pretrained/mae-node.ts";
import { newPretrained } from "../../src/pretrained/new.ts";
import { savePretrained } from "../../src/pretrained/save-node.ts";
import { memorySource } from "../../src/weights/source.ts";

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

test("an autoencoder that is saved is loaded again, bit for bit", async () => {
  const small = { imageSize: 8, patchSize: 4, width: 8, depth: 1, heads: 2, maskRatio: 0.5 } as const;
  const model = new MAE({ ...small, decoderWidth: 4, decoderDepth: 1, decoderHeads: 1 }).initialize(1);
  const { preprocessing } = newPretrained("vit_tiny_patch16_224", {
    ...{ labels: [], options: { imageSize: 8, patchSize: 4, width: 8, depth: 1, heads: 2 } },
  });
  const folder = scratch;
  await saveMae(folder, { model, preprocessing });
  const again = await loadMae(folder);
  expect(again.model.config).toEqual(model.config);
  expect(again.preprocessing).toEqual(preprocessing);
  for (const [name, { data }] of again.model.variables())
    expect(data.data).toEqual(model.variables().get(name)!.data.data);
  await expect(loadMae(join(folder, "none"))).rejects.toThrow(/must have config.json/);
});
