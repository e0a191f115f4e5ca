/**
 * Saves small and published models in both layouts, each with a picture's logits beside it, for `tools/check-exports.py`:
 *
 *     node tools/run.mjs tools/write-exports.ts OUT && python tools/check-exports.py OUT/*\/
 */

import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { compile } from "../src/compile/index.ts";
import { type NdArray, ndarray, sizeOf } from "../src/graph/dtype.ts";
import { fillUniform, keyOf } from "../src/graph/random.ts";
import type { ViTOptions } from "../src/models/vit-config.ts";
import { loadPretrained } from "../src/pretrained/load-node.ts";
import { newPretrained } from "../src/pretrained/new.ts";
import type { Pretrained } from "../src/pretrained/pretrained.ts";
import { type Layout, savePretrained } from "../src/pretrained/save-node.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import { saveSafetensors } from "../src/weights/safetensors-node.ts";

const out = process.argv[2] ?? "exports";
mkdirSync(out, { recursive: true });
const runtime = await nodeRuntime({ threads: 2 });

function drawn(seed: number, shape: readonly number[], width: number): NdArray {
  const data = fillUniform(keyOf(seed), new Float32Array(sizeOf(shape)));
  return ndarray(
    "float32",
    shape,
    data.map((u) => width * (u - 0.5)),
  );
}

/** A new model whose every number differs from what it is by default, so that none can be lost unseen. */
function disturbed(architecture: string, options: Omit<ViTOptions, "labels">, labels: readonly string[]): Pretrained {
  const pretrained = newPretrained(architecture, { labels, options });
  for (const [i, variable] of [...pretrained.model.initialize(1).variables().values()].entries()) {
    const { data, shape, dtype } = variable.data;
    if (dtype !== "float32") continue;
    const noise = drawn(i, shape, 0.2).data as Float32Array;
    variable.data = ndarray(
      "float32",
      shape,
      (data as Float32Array).map((x, j) => Math.abs(x + noise[j]!) * (x < 0 ? -1 : 1)),
    );
  }
  return pretrained;
}

async function save(name: string, pretrained: Pretrained, layout: Layout): Promise<void> {
  const folder = join(out, name);
  await savePretrained(folder, pretrained, { layout, replace: true });
  const reloaded = await loadPretrained(folder);
  const { config } = reloaded.model;
  const images = drawn(7, [2, config.channels, ...config.imageSize], 4);
  const run = await compile(
    ({ images }) => ({ logits: reloaded.model.forward(images) }),
    { images: images.shape },
    { runtime },
  );
  const { logits } = await run.run({ images });
  await run.dispose();
  await saveSafetensors(
    `${folder}.logits.safetensors`,
    [
      ["images", images],
      ["logits", logits!],
    ],
    [["labels", JSON.stringify(pretrained.labels)]],
  );
  console.log(folder);
}

const small = { imageSize: 32, patchSize: 4, width: 96, depth: 4, heads: 3, mlpWidth: 192 } as const;
const abc = ["ant", "bee", "cat"];
for (const layout of ["timm", "huggingface"] as const) {
  await save(`small-${layout}`, disturbed("vit_tiny_patch16_224", small, abc), layout);
  await save(
    `grey-${layout}`,
    disturbed("vit_tiny_patch16_224", { ...small, channels: 1, imageSize: layout === "timm" ? [28, 32] : 32 }, abc),
    layout,
  );
  await save(`distilled-${layout}`, disturbed("deit_tiny_distilled_patch16_224", small, abc), layout);
}
await save("registers-timm", disturbed("vit_little_patch16_reg4_gap_256", small, abc), "timm");
await save("map-timm", disturbed("vit_base_patch16_siglip_224", { ...small, registers: 1, qkNorm: true }, abc), "timm");
await save("clip-timm", disturbed("vit_base_patch32_clip_224", { ...small, activation: "relu" }, abc), "timm");
await save("hybrid-timm", disturbed("vit_tiny_r_s16_p8_224", { imageSize: 64, width: 96, depth: 2 }, abc), "timm");
await save(
  "dynamic-timm",
  disturbed("vit_tiny_patch16_224", { ...small, resizePositions: "timm", pool: "avg", finalNorm: "pooled" }, abc),
  "timm",
);
await save("parallel-timm", disturbed("vit_small_patch16_18x2_224", { ...small, layerScale: 0.1 }, abc), "timm");
const published = "../shared/data/vit-tiny-imagenet/model.safetensors";
if (existsSync(published)) {
  const pretrained = await loadPretrained(published, { arch: "vit_tiny_patch16_224" });
  for (const layout of ["timm", "huggingface"] as const) await save(`imagenet-${layout}`, pretrained, layout);
}
