import { expect, test } from "vitest";
import { compile } from "../../../src/compile/index.ts";
import type { NdArray } from "../../../src/graph/dtype.ts";
import { keyOf } from "../../../src/graph/random.ts";
import { type MAEOptions, maeConfig } from "../../../src/models/mae/config.ts";
import { MAE } from "../../../src/models/mae/mae.ts";
import { nodeRuntime } from "../../../src/runtime/node.ts";
import { huggingFaceMaeRules, maeNamings } from "../../../src/weights/mae-rules.ts";
import { applyRules, detectNaming, invertRules } from "../../../src/weights/rules.ts";
import { memorySource, readAll, type WeightSource } from "../../../src/weights/source.ts";
import { vitNamings } from "../../../src/weights/vit-rules.ts";
import { drawn } from "../drawn.ts";

const small: MAEOptions = {
  imageSize: [8, 12],
  ...{ patchSize: 4, width: 8, depth: 2, heads: 2 },
  ...{ decoderWidth: 4, decoderDepth: 1, decoderHeads: 1, maskRatio: 0.5 },
};
const runtime = await nodeRuntime({ threads: 1 });

async function run(model: MAE, images: NdArray, noise?: NdArray, seed = 0): Promise<Readonly<Record<string, NdArray>>> {
  await using executable = await compile(
    (given: Readonly<Record<string, Parameters<MAE["forward"]>[0]>>) => ({
      ...model.forward(given.images!, given.noise),
    }),
    { images: ["b", ...images.shape.slice(1)], ...(noise ? { noise: ["b", noise.shape[1]!] } : {}) },
    { runtime },
  );
  return await executable.run({ images, ...(noise ? { noise } : {}) }, { key: keyOf(seed) });
}

const noise: NdArray = {
  ...{ dtype: "float32", shape: [1, 6] },
  data: Float32Array.of(0.5, 0.1, 0.9, 0.3, 0.2, 0.7),
};

test("the patches with the least noise are seen, and only the others count in the loss", async () => {
  const model = new MAE(small).initialize(1);
  const images = drawn("image", [1, 3, 8, 12]);
  const { loss, mask, ranks, painted, latent } = await run(model, images, noise);
  expect(Array.from(ranks!.data, Number)).toEqual([3, 0, 5, 2, 1, 4]);
  expect(Array.from(mask!.data, Number)).toEqual([1, 0, 1, 0, 0, 1]);
  expect([latent!.shape, painted!.shape]).toEqual([
    [1, 4, 8],
    [1, 6, 48],
  ]);
  const pixels = images.data as Float32Array;
  let total = 0;
  for (const [patch, hidden] of [...(mask!.data as Float32Array)].entries()) {
    if (!hidden) continue;
    const at = (c: number, y: number, x: number): number =>
      pixels[96 * c + 12 * (4 * Math.floor(patch / 3) + y) + 4 * (patch % 3) + x]!;
    const target = Array.from({ length: 48 }, (_, i) => at(i % 3, Math.floor(i / 12), Math.floor(i / 3) % 4));
    const mean = target.reduce((sum, t) => sum + t, 0) / 48;
    const deviation = Math.sqrt(target.reduce((sum, t) => sum + (t - mean) ** 2, 0) / 47 + 1e-6);
    for (const [i, t] of target.entries())
      total += ((painted!.data as Float32Array)[48 * patch + i]! - (t - mean) / deviation) ** 2 / 48;
  }
  expect(Number(loss!.data[0])).toBeCloseTo(total / 3, 5);
});

test("what is hidden cannot be seen in what is painted", async () => {
  const model = new MAE(small).initialize(1);
  const images = drawn("image", [1, 3, 8, 12]);
  const changed = { ...images, data: Float32Array.from(images.data as Float32Array) };
  // The first patch is hidden.
  for (let c = 0; c < 3; c++)
    for (let y = 0; y < 4; y++) for (let x = 0; x < 4; x++) changed.data[96 * c + 12 * y + x]! += 3 * x;
  const [before, after] = [await run(model, images, noise), await run(model, changed, noise)];
  expect(after.painted!.data).toEqual(before.painted!.data);
  expect(after.loss!.data).not.toEqual(before.loss!.data);
});

test("each key hides other patches, and the same key the same", async () => {
  const model = new MAE({ ...small, imageSize: 32 }).initialize(1);
  const images = drawn("image", [2, 3, 32, 32]);
  const [first, again, other] = [
    await run(model, images),
    await run(model, images),
    await run(model, images, undefined, 1),
  ];
  expect(again.mask!.data).toEqual(first.mask!.data);
  expect(other.mask!.data).not.toEqual(first.mask!.data);
  const rows = [0, 1].map((i) => [...(first.mask!.data as Float32Array).slice(64 * i, 64 * i + 64)]);
  expect(rows.map((row) => row.reduce((sum, x) => sum + x))).toEqual([32, 32]);
  expect(rows[0]).not.toEqual(rows[1]);
});

test("positions are zeros for the class token, then sines of the column before those of the row", () => {
  const table = new MAE(small).posEmbed.variable.data.data as Float32Array;
  expect([...table.subarray(0, 8)]).toEqual(Array(8).fill(0));
  // Row 1, column 2, width 8: frequencies 1 and 1/100.
  const token = table.subarray(8 * 6, 8 * 7);
  const expected = [2, 1].flatMap((place) => [Math.sin, Math.cos].flatMap((f) => [f(place), f(place / 100)]));
  for (const [i, value] of expected.entries()) expect(token[i]).toBeCloseTo(value, 6);
});

const stateOf = (model: MAE): WeightSource =>
  memorySource([...model.variables()].map(([name, { shape }]) => [name, drawn(name, shape)] as const));

test("Hugging Face's published names become the official ones, and back", async () => {
  const ours = stateOf(new MAE(small));
  const theirs = applyRules(ours, invertRules(huggingFaceMaeRules()));
  const names = [...theirs.names()];
  for (const name of [
    "vit.embeddings.patch_embeddings.projection.weight",
    "vit.encoder.layer.1.attention.attention.key.bias",
    "decoder.decoder_layers.0.attention.attention.query.weight",
    "decoder.decoder_layers.0.output.dense.bias",
    "decoder.decoder_pos_embed",
    "decoder.decoder_pred.weight",
  ])
    expect(names).toContain(name);
  const naming = detectNaming(theirs, maeNamings)!;
  expect(new Map(await readAll(applyRules(theirs, naming.rules)))).toEqual(new Map(await readAll(ours)));
});

test.each(["official", "Hugging Face"])(
  "the encoder of a whole file with %s names is a Vision Transformer",
  (naming) => {
    const ours = stateOf(new MAE(small));
    const file = naming === "official" ? ours : applyRules(ours, invertRules(huggingFaceMaeRules()));
    const encoder = applyRules(file, detectNaming(file, vitNamings)!.rules);
    const wanted = [...ours.names()].filter((name) => !/^(decoder|mask_token)/.test(name));
    expect([...encoder.names()].sort()).toEqual(wanted.sort());
  },
);

test("contradictions are refused", () => {
  expect(() => maeConfig({ imageSize: 30 })).toThrow(/patches must fit the image/);
  expect(() => maeConfig({ maskRatio: 0.999 })).toThrow(/some patches must be seen and some hidden/);
  expect(() => maeConfig({ width: 18, heads: 3 })).toThrow(/multiples of 4/);
});
