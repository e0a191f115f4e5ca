import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder, vitrine } from "./process.ts";

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
});

test("pretrain refuses an encoder that is no plain Vision Transformer", async () => {
  const { code, stderr } = await vitrine(["pretrain", "shapes", "--limit", "40", "--model", "vit_tiny_r_s16_p8_224"]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/must be a plain Vision Transformer/);
});
