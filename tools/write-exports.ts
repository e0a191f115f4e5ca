/**
 * Exports small and published models of all families in every form (timm's folder, Hugging Face's, weights alone, ONNX), each with eight pictures' logits beside it, and with what
 * each photo that is named becomes before the model sees it, for `tools/check-exports.py`:
 *
 *     node tools/run.mjs tools/write-exports.ts OUT [PHOTO…] && python tools/check-exports.py OUT
 *
 * `OUT --large` writes one model instead whose weights exceed what one protobuf file can hold: 13 GB in all its forms.
 */

import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { exportVerb } from "../src/cli/commands/export.ts";
import { makeContext } from "../src/cli/context.ts";
import { compile } from "../src/compile/index.ts";
import { decodeImage } from "../src/data/decode-node.ts";
import { type Preprocessing, preprocess } from "../src/data/preprocess.ts";
import { VitrineError } from "../src/errors.ts";
import { type NdArray, ndarray, sizeOf } from "../src/graph/dtype.ts";
import { fillUniform, keyOf } from "../src/graph/random.ts";
import { maeAround } from "../src/models/mae/encoder.ts";
import { MAE } from "../src/models/mae/mae.ts";
import type { OptionsNamed } from "../src/models/registry.ts";
import type { ViTConfig } from "../src/models/vit/config.ts";
import { loadPretrained } from "../src/pretrained/load-node.ts";
import { saveMae } from "../src/pretrained/mae-node.ts";
import { newPretrained } from "../src/pretrained/new.ts";
import type { Pretrained } from "../src/pretrained/pretrained.ts";
import { savePretrained } from "../src/pretrained/save-node.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import { saveSafetensors } from "../src/weights/safetensors-node.ts";

const [out = "exports", ...rest] = process.argv.slice(2);
const photos = rest.filter((one) => one !== "--large");
mkdirSync(out, { recursive: true });
const runtime = await nodeRuntime({ threads: 2 });
const context = makeContext(
  { device: "cpu", threads: 2, seed: 0, spin: false, json: false, quiet: true, debug: false },
  false,
);

function drawn(seed: number, shape: readonly number[], width: number): NdArray {
  const data = fillUniform(keyOf(seed), new Float32Array(sizeOf(shape)));
  return ndarray(
    "float32",
    shape,
    data.map((u) => width * (u - 0.5)),
  );
}

/** A new model whose every number differs from what it is by default, so that none can be lost unseen. */
function disturbed<Name extends string>(
  architecture: Name,
  options: Omit<OptionsNamed<Name>, "labels">,
  labels: readonly string[],
): Pretrained {
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

/** The same but for the pixel where half a one is left over. */
function cutAsTransformers(preprocessing: Preprocessing): Preprocessing {
  const { crop } = preprocessing;
  return { ...preprocessing, crop: crop && { ...crop, rounding: "floor" } };
}

/** Runs `vitrine export` for each form; a layout that cannot express the model is named. */
async function save(name: string, pretrained: Pretrained): Promise<void> {
  const source = join(out, `${name}-source`);
  await savePretrained(source, pretrained, { replace: true });
  await exportFrom(source, name, pretrained.labels);
}

async function exportFrom(source: string, name: string, labels: readonly string[]): Promise<void> {
  const reloaded = await loadPretrained(source);
  const { config } = reloaded.model;
  const images = drawn(7, [8, config.channels, ...config.imageSize], 4);
  const run = await compile(
    ({ images }) => ({ logits: reloaded.model.forward(images) }),
    { images: images.shape },
    { runtime },
  );
  const { logits } = await run.run({ images });
  await run.dispose();
  await saveSafetensors(
    join(out, `${name}.logits.safetensors`),
    [
      ["images", images],
      ["logits", logits!],
    ],
    [["labels", JSON.stringify(labels)]],
  );
  if (photos.length > 0)
    await saveSafetensors(
      join(out, `${name}.pixels.safetensors`),
      await Promise.all(
        photos.flatMap((photo) =>
          [reloaded.preprocessing, cutAsTransformers(reloaded.preprocessing)].map(
            async (preprocessing, i) =>
              [`${i === 0 ? "own" : "cut"} ${photo}`, preprocess(await decodeImage(photo), preprocessing)] as const,
          ),
        ),
      ),
    );
  await exportVerb(context, [source, join(out, `${name}.onnx`)], { force: true, half: false });
  await exportVerb(context, [source, join(out, `${name}.safetensors`)], { force: true, half: false });
  for (const layout of ["timm", "huggingface"] as const) {
    const folder = join(out, `${name}-${layout}`);
    try {
      await exportVerb(context, [source, folder], { layout, force: true, half: false });
    } catch (error) {
      if (!(error instanceof VitrineError) || error.code !== "INVALID_ARGUMENT") throw error;
      rmSync(folder, { recursive: true, force: true });
      console.log(`${name}: not as ${layout}: ${error.message}`);
    }
  }
}

const abc = ["ant", "bee", "cat"];
if (rest.includes("--large")) {
  await save("vit-huge", disturbed("vit_huge_patch14_224", {}, abc));
  process.exit();
}
const small = { imageSize: 32, patchSize: 4, width: 96, depth: 4, heads: 3, mlpWidth: 192 } as const;
await save("vit-small", disturbed("vit_tiny_patch16_224", small, abc));
await save("vit-grey", disturbed("vit_tiny_patch16_224", { ...small, channels: 1 }, abc));
await save("vit-oblong", disturbed("vit_tiny_patch16_224", { ...small, imageSize: [28, 32] }, abc));
await save("deit-distilled", disturbed("deit_tiny_distilled_patch16_224", small, abc));
await save("vit-registers", disturbed("vit_little_patch16_reg4_gap_256", small, abc));
await save("vit-map", disturbed("vit_base_patch16_siglip_224", { ...small, registers: 1, qkNorm: true }, abc));
await save("vit-clip", disturbed("vit_base_patch32_clip_224", { ...small, activation: "relu" }, abc));
await save("vit-hybrid", disturbed("vit_tiny_r_s16_p8_224", { imageSize: 64, width: 96, depth: 2 }, abc));
await save(
  "vit-dynamic",
  disturbed("vit_tiny_patch16_224", { ...small, resizePositions: "timm", pool: "avg", finalNorm: "pooled" }, abc),
);
await save("vit-parallel", disturbed("vit_small_patch16_18x2_224", { ...small, layerScale: 0.1 }, abc));
const autoencoder = join(out, "mae-encoder-source");
mkdirSync(autoencoder, { recursive: true });
const encoder = disturbed("vit_tiny_patch16_224", small, []);
const mae = new MAE(
  maeAround(encoder.model.config as ViTConfig, { decoderWidth: 24, decoderDepth: 1, decoderHeads: 2 }),
);
await saveMae(autoencoder, { model: mae.initialize(2), preprocessing: encoder.preprocessing });
await exportFrom(autoencoder, "mae-encoder", []);
const stages = { imageSize: 64, patchSize: 4, width: 24, depths: [2, 2], heads: [2, 4], windows: 4 } as const;
await save("swin", disturbed("swin_tiny_patch4_window7_224", stages, abc));
await save("swinv2", disturbed("swinv2_tiny_window8_256", stages, abc));
const words = { imageSize: 32, width: 48, innerWidth: 12, depth: 2, heads: 4 } as const;
await save("tnt", disturbed("tnt_s_patch16_224", words, abc));
await save("tnt-legacy", disturbed("tnt_s_legacy_patch16_224", { ...words, pool: "avg", qkvBias: true }, abc));
const narrow = { imageSize: 64, widths: [16, 32, 48, 64] } as const;
await save("resnet-basic", disturbed("resnet18", narrow, abc));
await save("resnet-bottleneck", disturbed("resnet50", { ...narrow, depths: [1, 2, 1, 1] }, abc));
await save("resnet-frozen", disturbed("resnet50", { ...narrow, depths: [1, 2, 1, 1], norm: "frozen" }, abc));
const published = `${process.env.VITRINE_SHARED ?? "../shared"}/data/vit-tiny-imagenet/model.safetensors`;
if (existsSync(published))
  await save("vit-imagenet", await loadPretrained(published, { arch: "vit_tiny_patch16_224" }));
process.exit();
