import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { decodeImage } from "../../src/data/decode-node.ts";
import { rasterize } from "../../src/explain/picture.ts";
import { drawReconstruction, reconstruct } from "../../src/explain/reconstruction.ts";
import { MAE } from "../../src/models/mae/mae.ts";
import { loadMae, saveMae } from "../../src/pretrained/mae-node.ts";
import { newPretrained } from "../../src/pretrained/new.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { readSafetensors } from "../../src/weights/safetensors.ts";
import { temporaryFolder, vitrine } from "./process.ts";
import { writeImages } from "./tiny.ts";

const weightsIn = (folder: string) => readSafetensors(readFileSync(join(folder, "model.safetensors"))).tensors;

test("pretrain ends with an encoder that train begins with, the autoencoder and a picture", async () => {
  const folder = temporaryFolder();
  const run = join(folder, "painter");
  const usual = ["--limit", "40", "--epochs", "1", "--workers", "0", "--threads", "1"];
  const pretrained = await vitrine(["pretrain", "shapes", ...usual, "--batch", "16", "--out", run, "--json"]);
  expect(pretrained.code).toBe(0);
  const result = JSON.parse(pretrained.stdout) as { readonly loss: number; readonly picture: string };
  expect(result.loss).toBeGreaterThan(0);
  expect(readFileSync(result.picture).subarray(1, 4).toString()).toBe("PNG");
  for (const file of ["model.safetensors", "autoencoder/config.json", "autoencoder/model.safetensors"])
    expect(existsSync(join(run, file))).toBe(true);
  expect(pretrained.stderr).not.toMatch(/accuracy/);
  const out = join(folder, "tuned");
  const tuned = await vitrine(["train", "shapes", ...usual, "--from", run, "--out", out, "--no-report", "--json"]);
  expect(tuned.code).toBe(0);
  expect(existsSync(join(out, "model.safetensors"))).toBe(true);

  const whole = join(run, "autoencoder");
  const probe = ["--from", whole, "--tune", "probe", "--out", join(folder, "probed")];
  const probed = await vitrine(["train", "shapes", ...usual, ...probe, "--no-report", "--json"]);
  expect(probed.code).toBe(0);
  const config = JSON.parse(readFileSync(join(folder, "probed/config.json"), "utf8")) as { global_pool: string };
  expect(config.global_pool).toBe("avg");
  expect(weightsIn(join(folder, "probed")).get("blocks.0.attn.qkv.weight")).toEqual(
    weightsIn(run).get("blocks.0.attn.qkv.weight"),
  );

  const graph = join(folder, "encoder.onnx");
  const exported = await vitrine(["export", whole, graph, "--json"]);
  expect(JSON.parse(exported.stdout)).toMatchObject({ form: "onnx", output: { features: ["b", 96] } });
  const refused = await vitrine(["classify", result.picture, "--model", whole]);
  expect(refused).toMatchObject({ code: 2, stdout: "" });
  expect(refused.stderr).toMatch(/must have labels, this model gives features.*train DATA --from/);
});

test("pretrain says what its encoder is for", async () => {
  const run = join(temporaryFolder(), "painter");
  const usual = ["--limit", "40", "--epochs", "1", "--workers", "0", "--threads", "1"];
  const { stdout } = await vitrine(["pretrain", "shapes", ...usual, "--batch", "16", "--out", run]);
  expect(stdout).toMatch(/vitrine train shapes --from \S+painter --tune probe/);
  expect(stdout).toContain(`vitrine explain IMAGE --model ${join(run, "autoencoder")}`);
});

test("pretrain goes on from an autoencoder, and its folder knows which", async () => {
  const folder = temporaryFolder();
  const small = { imageSize: 16, patchSize: 4, width: 16, depth: 1, heads: 2 } as const;
  const model = new MAE({ ...small, decoderWidth: 8, decoderDepth: 1, decoderHeads: 1, eps: 1e-12 }).initialize(1);
  const { preprocessing } = newPretrained("vit_tiny_patch16_224", { labels: [], options: small });
  const [first, run] = [join(folder, "first"), join(folder, "run")];
  mkdirSync(first);
  await saveMae(first, { model, preprocessing });
  const usual = ["--limit", "32", "--batch", "16", "--workers", "0", "--threads", "1", "--out", run];
  // Too low a rate to move anything far.
  const begin = ["--from", first, "--epochs", "1", "--lr", "1e-9", "--mask", "0.5"];
  expect((await vitrine(["pretrain", "shapes", ...usual, ...begin])).code).toBe(0);
  const again = await loadMae(join(run, "autoencoder"));
  expect(again.model.config).toEqual({ ...model.config, eps: 1e-6, maskRatio: 0.5 });
  for (const [name, { data }] of again.model.variables()) {
    const before = model.variables().get(name)!.data.data as Float32Array;
    for (const [i, value] of (data.data as Float32Array).entries()) expect(value).toBeCloseTo(before[i]!, 6);
  }
  // The folder says where its first weights came from, and with which settings.
  const resumed = await vitrine(["pretrain", "--resume", "--out", run, "--workers", "0", "--threads", "1"]);
  expect([resumed.code, resumed.stderr]).toEqual([0, expect.stringMatching(/50 % of 16 × 16 pixels hidden/)]);
  const wrong = await vitrine(["pretrain", "shapes", "--limit", "32", "--from", run]);
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining(join(run, "autoencoder"))]);
});

test("an autoencoder paints a person's own picture, another part of it with each seed", async () => {
  const folder = temporaryFolder();
  const small = { imageSize: 16, patchSize: 4, width: 16, depth: 1, heads: 2 } as const;
  const model = new MAE({ ...small, decoderWidth: 8, decoderDepth: 1, decoderHeads: 1 }).initialize(1);
  const { preprocessing } = newPretrained("vit_tiny_patch16_224", { labels: [], options: small });
  await saveMae(folder, { model, preprocessing });
  await writeImages(folder, { own: 1 }, 48);
  const photo = join(folder, "own/0.png");
  const explain = (...more: readonly string[]): ReturnType<typeof vitrine> =>
    vitrine(["explain", photo, "--model", folder, ...more]);
  const out = join(folder, "painted.png");
  const first = await explain("--out", out, "--json");
  const found = JSON.parse(first.stdout) as { readonly hidden: readonly boolean[]; readonly image?: unknown };
  expect(found).toMatchObject({ method: "reconstruction", seed: 0, grid: { rows: 4, cols: 4 } });
  expect([found.hidden.filter(Boolean).length, found.image]).toEqual([12, undefined]);
  const { data } = await decodeImage(out);
  const loaded = await loadMae(folder);
  const image = await decodeImage(photo);
  const runtime = await nodeRuntime({ threads: 1 });
  const same = rasterize(drawReconstruction(await reconstruct({ ...loaded, image, runtime, seed: 0 })));
  expect(Buffer.compare(data, same.data)).toBe(0);
  const other = await explain("--seed", "5", "--method", "reconstruction", "--out", join(folder, "b.html"), "--json");
  expect((JSON.parse(other.stdout) as typeof found).hidden).not.toEqual(found.hidden);
  const attention = await explain("--method", "attention", "--out", join(folder, "c.json"));
  expect(attention.stdout).toMatch(/attention weight of the class token/);
  expect(attention.stdout).not.toMatch(/^class/);
  const stray = await explain("--head", "1");
  expect([stray.code, stray.stderr]).toEqual([2, expect.stringMatching(/no choice of head; --seed chooses/)]);
  const nowhere = await vitrine(["explain", photo, "--method", "reconstruction"]);
  expect([nowhere.code, nowhere.stderr]).toEqual([2, expect.stringMatching(/is for masked autoencoders/)]);
});

test("pretrain refuses an encoder that is no plain Vision Transformer", async () => {
  const { code, stderr } = await vitrine(["pretrain", "shapes", "--limit", "40", "--model", "vit_tiny_r_s16_p8_224"]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/must be a plain Vision Transformer/);
});
