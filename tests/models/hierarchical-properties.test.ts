import { expect, test } from "vitest";
import { compile, traceGraph, withTaps } from "../../src/compile/index.ts";
import type { NdArray } from "../../src/graph/dtype.ts";
import type { ImageClassifier } from "../../src/models/classifier.ts";
import type { ResNetOptions } from "../../src/models/resnet/config.ts";
import { ResNet } from "../../src/models/resnet/resnet.ts";
import type { SwinOptions } from "../../src/models/swin/config.ts";
import { Swin } from "../../src/models/swin/swin.ts";
import { SwinV2 } from "../../src/models/swin/swin-v2.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { expectClose } from "../golden.ts";
import { drawn } from "./drawn.ts";

const small: SwinOptions = { imageSize: 32, width: 8, depths: [2, 2], heads: [2, 2], windows: 4, labels: 5 };
const narrow: ResNetOptions = { imageSize: 32, depths: [1, 1, 1, 2], widths: [4, 4, 6, 8], labels: 5 };
const runtime = await nodeRuntime({ threads: 1 });

/** With weights that are all drawn from their names. */
function filled<Model extends ImageClassifier>(model: Model): Model {
  for (const [name, variable] of model.variables())
    if (variable.dtype === "float32") variable.data = drawn(name, variable.shape);
  return model;
}

async function logitsOf(model: ImageClassifier, images: NdArray, train = false): Promise<NdArray> {
  await using run = await compile(
    ({ images }) => ({ logits: model.forward(images, { train }) }),
    { images: ["b", ...images.shape.slice(1)] },
    { runtime },
  );
  return (await run.run({ images })).logits!;
}

function rows(array: NdArray, from: number, to: number): NdArray {
  const size = array.data.length / array.shape[0]!;
  const data = array.data.slice(from * size, to * size);
  return { ...array, shape: [to - from, ...array.shape.slice(1)], data } as NdArray;
}

const models: Readonly<Record<string, () => ImageClassifier>> = {
  Swin: () => new Swin(small),
  SwinV2: () => new SwinV2(small),
  ResNet: () => new ResNet(narrow),
};

test.each(Object.keys(models))("a batch of two gives what two single images give: %s", async (name) => {
  const model = filled(models[name]!());
  const both = drawn("image", [2, 3, 32, 32]);
  const together = await logitsOf(model, both);
  for (const i of [0, 1])
    expectClose(await logitsOf(model, rows(both, i, i + 1)), rows(together, i, i + 1), { rtol: 1e-4, atol: 1e-5 });
});

/** Shapes of taps for one image. */
function shapesOf(model: ImageClassifier, size: readonly number[], taps: readonly string[]): Record<string, string> {
  const traced = traceGraph(({ images }) => ({ logits: model.forward(images) }), { images: [1, 3, ...size] });
  const { outputs } = withTaps(traced.graph, traced.taps, taps);
  return Object.fromEntries(taps.map((tap) => [tap, outputs.get(tap)!.shape.join(" × ")]));
}

test("the stages' maps are a pyramid", () => {
  const stages = ["layers.0", "layers.1"];
  expect(shapesOf(new Swin(small), [32, 32], stages)).toEqual({
    "layers.0": "1 × 8 × 8 × 8",
    "layers.1": "1 × 4 × 4 × 16",
  });
  const layers = ["stem", "layer1", "layer2", "layer3", "layer4"];
  expect(Object.values(shapesOf(new ResNet(narrow), [33, 64], layers))).toEqual([
    "1 × 64 × 9 × 16",
    "1 × 16 × 9 × 16",
    "1 × 16 × 5 × 8",
    "1 × 24 × 3 × 4",
    "1 × 32 × 2 × 2",
  ]);
});

test("a dilated stage keeps the size of its map", () => {
  const dilated = new ResNet({ ...narrow, dilated: [false, false, false, true] });
  expect(shapesOf(dilated, [64, 64], ["layer3", "layer4"])).toEqual({
    layer3: "1 × 24 × 4 × 4",
    layer4: "1 × 32 × 4 × 4",
  });
});

test("frozen normalisation has no parameters, and training changes nothing in it", async () => {
  const model = filled(new ResNet({ ...narrow, norm: "frozen" }));
  expect([...model.parameters().keys()].filter((name) => /bn|downsample\.1/.test(name))).toEqual([]);
  expect([...model.buffers().keys()].filter((name) => name.startsWith("bn1."))).toEqual([
    "bn1.weight",
    "bn1.bias",
    "bn1.running_mean",
    "bn1.running_var",
  ]);
  const images = drawn("image", [2, 3, 32, 32]);
  expectClose(await logitsOf(model, images, true), await logitsOf(model, images), { rtol: 1e-5, atol: 1e-6 });
});

test("an image of another size is refused, unless the model takes any", async () => {
  const image = drawn("image", [1, 3, 44, 36]);
  await expect(logitsOf(new Swin(small), image)).rejects.toThrow(/patches: images must be 32 × 32 pixels/);
  const { shape } = await logitsOf(filled(new Swin({ ...small, otherSizes: "fit" })), image);
  expect(shape).toEqual([1, 5]);
  const theirs = new Swin({ ...small, otherSizes: "pad", shrink: "map", padFirst: true });
  await expect(logitsOf(theirs, drawn("image", [1, 3, 8, 36]))).rejects.toThrow(
    /Swin: a map must hold a window, got a map of 2 × 9 tokens and windows of 4 × 4 in layers\.0\.blocks\.0\.attn/,
  );
});

test("a shift sees what windows alone do not", async () => {
  // Two images that differ in one corner: without a shift, one block leaves the other windows as they are.
  const images = drawn("image", [1, 3, 32, 32]);
  const other = { ...images, data: Float32Array.from(images.data as Float32Array) };
  for (let i = 0; i < 4; i++) other.data[i] = 9;
  const changed = async (depth: number): Promise<number> => {
    const model = filled(new Swin({ ...small, depths: [depth], heads: [2], windows: [4], mlpRatios: 2 }));
    await using run = await compile(
      ({ images }) => ({ logits: model.forward(images) }),
      { images: [1, 3, 32, 32] },
      {
        runtime,
        taps: ["layers.0"],
      },
    );
    const [a, b] = [await run.run({ images }), await run.run({ images: other })].map((r) => r["layers.0"]!.data);
    return Array.from(a!, Number).filter((x, i) => x !== Number(b![i])).length / 8;
  };
  expect(await changed(1)).toBe(16);
  expect(await changed(2)).toBeGreaterThan(16);
});

test("a block of version 2 begins as the identity", async () => {
  const model = new SwinV2(small).initialize(1);
  await using run = await compile(
    ({ images }) => ({ logits: model.forward(images) }),
    { images: [1, 3, 32, 32] },
    {
      runtime,
      taps: ["patch_embed", "layers.0.blocks.1"],
    },
  );
  const results = await run.run({ images: drawn("image", [1, 3, 32, 32]) });
  expectClose(results["layers.0.blocks.1"]!, results.patch_embed!, { rtol: 0, atol: 0 });
});

test.each([
  [{ heads: [3, 2] }, /heads must divide the width, got 8, 3/],
  [{ windows: [4] }, /windows must have one entry for each stage, got 1/],
  [{ imageSize: 4 }, /the last stage must have a token/],
  [{ dropPath: 1 }, /dropPath must be in \[0, 1\)/],
] as const)("choices that contradict each other are refused: %o", (options, message) => {
  expect(() => new Swin({ ...small, ...options })).toThrow(message);
});

test.each([
  [{ blocks: "basic", groups: 2 }, /basic blocks have no groups/],
  [{ widths: [4, 4] }, /widths must have one entry for each stage, got 2/],
  [{ depths: [1, 0, 1, 1] }, /depths must be positive integers/],
] as const)("a ResNet that cannot be is refused: %o", (options, message) => {
  expect(() => new ResNet({ ...narrow, ...options })).toThrow(message);
});
