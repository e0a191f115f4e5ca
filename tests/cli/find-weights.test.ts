import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findWeights } from "../../src/cli/find-weights.ts";
import { temporaryFolder } from "./process.ts";

const commit = "0123456789abcdef0123456789abcdef01234567";

/** A repository as the hub's cache has it. */
function addRepository(cache: string, name: string, config: unknown, bytes: number | undefined): void {
  const repository = join(cache, `models--timm--${name}`);
  const snapshot = join(repository, "snapshots", commit);
  mkdirSync(snapshot, { recursive: true });
  mkdirSync(join(repository, "refs"));
  writeFileSync(join(repository, "refs/main"), commit);
  writeFileSync(join(snapshot, "config.json"), JSON.stringify(config));
  if (bytes !== undefined) writeFileSync(join(snapshot, "model.safetensors"), Buffer.alloc(bytes));
}

const timm = (architecture: string, side: number, channels = 3) => ({
  architecture,
  model_args: { img_size: side, in_chans: channels },
  pretrained_cfg: { input_size: [channels, side, side] },
});

test("the largest known weights for photographs are found, others are passed over", async () => {
  const cache = temporaryFolder();
  addRepository(cache, "tiny", timm("vit_tiny_patch16_224", 224), 20);
  addRepository(cache, "small", timm("vit_small_patch16_224", 224), 40);
  addRepository(cache, "not-fetched", timm("vit_base_patch16_224", 224), undefined);
  addRepository(cache, "digits", timm("vit_tiny_patch16_224", 32), 90);
  addRepository(cache, "unknown", { architecture: "no_such_model" }, 90);
  mkdirSync(join(cache, "models--half"));
  mkdirSync(join(cache, "datasets--org--name"));
  expect(await findWeights(cache)).toEqual({
    repo: "timm/small",
    folder: join(cache, "models--timm--small/snapshots", commit),
    bytes: 40,
  });
});

test("without a cache there is nothing to find", async () => {
  expect(await findWeights(join(temporaryFolder(), "nothing"))).toBeUndefined();
});
