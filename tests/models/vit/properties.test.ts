import { expect, test } from "vitest";
import { compile } from "../../../src/compile/index.ts";
import type { NdArray } from "../../../src/graph/dtype.ts";
import { keyOf } from "../../../src/graph/random.ts";
import type { ViTOptions } from "../../../src/models/vit/config.ts";
import { ViT } from "../../../src/models/vit/vit.ts";
import { nodeRuntime } from "../../../src/runtime/node.ts";
import { input, trace } from "../../../src/tensor/index.ts";
import { expectClose } from "../../golden.ts";
import { drawn } from "../drawn.ts";

const tiny = { imageSize: 16, patchSize: 8, width: 24, depth: 2, heads: 3, mlpWidth: 48, labels: 5 } as const;
const exact = { rtol: 1e-5, atol: 1e-6 };

/** Logits of a model whose weights are all drawn from their names. */
async function logitsOf(options: ViTOptions, images: NdArray, train = false, seed = 1): Promise<NdArray> {
  const model = new ViT({ ...tiny, ...options });
  for (const [name, variable] of model.variables()) variable.data = drawn(name, variable.shape);
  await using run = await compile(
    ({ images }) => ({ logits: model.forward(images, { train }) }),
    { images: ["b", ...images.shape.slice(1)] },
    { runtime: await nodeRuntime() },
  );
  return (await run.run({ images }, { key: keyOf(seed) })).logits!;
}

function rows(array: NdArray, from: number, to: number): NdArray {
  const size = array.data.length / array.shape[0]!;
  return {
    ...array,
    shape: [to - from, ...array.shape.slice(1)],
    data: array.data.slice(from * size, to * size),
  } as NdArray;
}

test("a batch of two gives what two single images give", async () => {
  const both = drawn("image", [2, 3, 16, 16]);
  const together = await logitsOf({}, both);
  for (const i of [0, 1]) expectClose(await logitsOf({}, rows(both, i, i + 1)), rows(together, i, i + 1), exact);
});

test("an image of another size is refused, and taken where positions are resized", async () => {
  const image = drawn("image", [1, 3, 24, 32]);
  await expect(logitsOf({}, image)).rejects.toThrow(
    /patches: images must be 16 × 16 pixels, got \[b, 3, 24, 32\] in patch_embed; resize them, or let the model resize its positions/,
  );
  const rules = ["timm", "huggingface", "torchvision", "jax"] as const;
  const seen = await Promise.all(rules.map((rule) => logitsOf({ resizePositions: rule }, image)));
  const apart = new Set(seen.map(({ data }) => Number(data[0]).toFixed(6)));
  expect(apart.size).toBe(rules.length);
});

test("an image that patches do not fit is refused, unless it may be padded", async () => {
  const image = drawn("image", [1, 3, 20, 16]);
  await expect(logitsOf({ resizePositions: "timm" }, image)).rejects.toThrow(
    /patches of 8 × 8 pixels must fit the image/,
  );
  await logitsOf({ resizePositions: "timm", padImages: true }, image);
});

test("images with another number of channels are refused by the patch map", async () => {
  await expect(logitsOf({}, drawn("image", [1, 4, 16, 16]))).rejects.toThrow(/patch_embed\.proj/);
});

test("no two tensors of a new model start equal, and a seed always gives the same", () => {
  const [one, again, other] = [1, 1, 2].map((seed) => new ViT(tiny).initialize(seed));
  const start = (model: ViT, name: string): string => String(model.variables().get(name)!.data.data.slice(0, 8));
  const weights = [...one!.variables()].filter(([name, { shape }]) => shape.length > 1 && name.endsWith("weight"));
  const starts = weights.map(([name]) => start(one!, name));
  expect(new Set(starts).size).toBe(starts.length);
  for (const [name] of weights) {
    expect(start(again!, name)).toBe(start(one!, name));
    expect(start(other!, name)).not.toBe(start(one!, name));
  }
});

test("in training without any rate nothing is random", async () => {
  const image = drawn("image", [2, 3, 16, 16]);
  expectClose(await logitsOf({}, image, true), await logitsOf({}, image), { rtol: 0, atol: 0 });
  const { result } = trace(() => new ViT(tiny).forward(input("images", [2, 3, 16, 16]), { train: true }));
  expect(result.shape).toEqual([2, 5]);
});

test.each(["headDropout", "posDropout", "dropout", "attnDropout", "dropPath"] as const)(
  "%s changes training by its key and leaves evaluation alone",
  async (rate) => {
    const image = drawn("image", [4, 3, 16, 16]);
    const plain = await logitsOf({}, image);
    expectClose(await logitsOf({ [rate]: 0.5 }, image), plain, { rtol: 0, atol: 0 });
    const [one, again, other] = [
      await logitsOf({ [rate]: 0.5 }, image, true, 1),
      await logitsOf({ [rate]: 0.5 }, image, true, 1),
      await logitsOf({ [rate]: 0.5 }, image, true, 2),
    ];
    expectClose(again, one, { rtol: 0, atol: 0 });
    expect([...other.data]).not.toEqual([...one.data]);
    expect([...one.data]).not.toEqual([...plain.data]);
  },
);
