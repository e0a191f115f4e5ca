import { expect, test } from "vitest";
import { image } from "../../src/data/image.ts";
import { type ExplainRequest, explainImage } from "../../src/explain/explain-image.ts";
import type { Explanation, ImageExplanation } from "../../src/explain/explanation.ts";
import { type MethodName, methodNames } from "../../src/explain/methods.ts";
import { fillUniform, keyOf } from "../../src/graph/random.ts";
import type { ViTOptions } from "../../src/models/vit/config.ts";
import { ViT } from "../../src/models/vit/vit.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { drawn } from "../models/drawn.ts";
import { plain, pretrainedOf } from "./golden.ts";

const runtime = await nodeRuntime({ threads: 1 });
const noise = fillUniform(keyOf(3), new Float32Array(24 * 24 * 3)).map((x) => 256 * x);
const picture = (width: number, height: number) =>
  image(width, height, 3, Uint8Array.from(noise.subarray(0, width * height * 3)));

const explain = (name: string, choices: Partial<ExplainRequest> = {}): Promise<Explanation> => {
  const pretrained = pretrainedOf(name);
  const [, height, width] = pretrained.preprocessing.inputSize;
  return explainImage({ pretrained, runtime, image: picture(width, height), ...choices });
};
const map = async (name: string, choices: Partial<ExplainRequest> = {}): Promise<ImageExplanation> =>
  (await explain(name, choices)) as ImageExplanation;

/** A model of the given kind for tests of what is refused. */
function small(options: ViTOptions): ExplainRequest["pretrained"] {
  const model = new ViT({ imageSize: 16, patchSize: 4, width: 24, depth: 2, heads: 3, labels: 5, ...options });
  for (const [key, { variable }] of model.parameters()) variable.data = drawn(key, variable.shape);
  return { name: "small", model, preprocessing: { ...plain, inputSize: [3, 16, 16] }, labels: [] };
}

test.each(methodNames.filter((name) => !/^(?:(?:inner|window)-attention|stages)$/.test(name)))(
  "%s explains an image",
  async (method) => {
    const explanation = await explain("class-token", { method });
    expect(explanation.method).toBe(method);
    if (explanation.kind !== "image") return;
    for (const { values, rows, cols } of explanation.maps) {
      expect([rows, cols]).toEqual([4, 4]);
      expect(values).toHaveLength(16);
      expect(values.every(Number.isFinite)).toBe(true);
      expect(new Set(values).size).toBeGreaterThan(1);
    }
  },
);

test("a model without a head is asked what it looks at, and no class is made up for it", async () => {
  const pretrained = small({ labels: 0 });
  const found = (await explainImage({ pretrained, runtime, image: picture(16, 16) })) as ImageExplanation;
  expect([found.method, found.label]).toEqual(["attention", ""]);
  await expect(explainImage({ pretrained, runtime, image: picture(16, 16), method: "grad-cam" })).rejects.toThrow(
    /must have a head, whose classes it explains, small has none; choose attention/,
  );
});

test("the predicted class is explained by default, another one on request", async () => {
  const own = await map("class-token");
  expect([own.method, own.query]).toEqual(["relevance", "class token"]);
  const same = await map("class-token", { class: own.classIndex });
  expect(same.maps[0]!.values).toEqual(own.maps[0]!.values);
  const other = await map("class-token", { class: (own.classIndex + 1) % 5 });
  expect(other.label).not.toBe(own.label);
  expect(other.score).toBeLessThan(own.score);
  expect(other.maps[0]!.values).not.toEqual(own.maps[0]!.values);
});

test.each(["relevance", "grad-cam"] as const)("%s of one class ignores the bias of another", async (method) => {
  const pretrained = pretrainedOf("class-token");
  const request = { pretrained, runtime, image: picture(16, 16), method, class: 2 };
  const before = (await explainImage(request)) as ImageExplanation;
  const bias = pretrained.model.variables().get("head.bias")!;
  const shifted = Float32Array.from(bias.data.data as Float32Array, (x, i) => (i === 4 ? x + 3 : x));
  bias.data = { ...bias.data, data: shifted };
  const after = (await explainImage(request)) as ImageExplanation;
  expect(after.score).toBeLessThan(before.score);
  expect(after.maps[0]!.values).toEqual(before.maps[0]!.values);
});

test("a patch may be asked by row and column, or as a token behind those of no patch", async () => {
  const byPlace = await map("not-square", { method: "rollout", patch: [1, 2] });
  const byNumber = await map("not-square", { method: "rollout", token: 1 + 6 + 2 });
  expect(byPlace.queryPatch).toEqual([1, 2]);
  expect(byPlace.grid).toEqual({ rows: 4, cols: 6 });
  expect(byNumber).toEqual(byPlace);
  const registers = await map("registers-rollout-max-discard", { method: "attention", token: 2, block: 0, head: 1 });
  expect(registers.query).toBe("register 2");
  expect(registers.maps.map(({ name }) => name)).toEqual(["block 0, head 1"]);
});

test("attention comes as a table of heads and blocks, each row of weights whole", async () => {
  const { maps, table } = await map("class-token", { method: "attention" });
  expect(table).toEqual({
    rowTitles: ["head 0", "head 1", "head 2"],
    colTitles: ["block 0", "block 1", "block 2"],
  });
  expect(maps[1]!.name).toBe("block 1, head 0");
  for (const { values, outside } of maps) expect(values.reduce((sum, x) => sum + x, outside)).toBeCloseTo(1, 5);
});

test("integrated gradients add up to what the image changes", async () => {
  const { facts } = await map("class-token", { method: "integrated-gradients" });
  expect(Number(facts.sum)).toBeCloseTo(Number(facts.difference), 2);
});

test.each(["average", "attention-pool", "distilled"])("%s: a model without one class token", async (name) => {
  for (const method of ["relevance", "rollout", "attention", "grad-cam"] as const)
    expect((await map(name, { method })).maps[0]!.values.every(Number.isFinite)).toBe(true);
});

test.each<[string, MethodName, Partial<ExplainRequest>, RegExp]>([
  ["a class out of range", "relevance", { class: 5 }, /a class is a number from 0 to 4, got 5/],
  ["a class that is no whole number", "grad-cam", { class: 1.5 }, /a class is a number from 0 to 4, got 1.5/],
  ["a token out of range", "rollout", { token: 17 }, /a token is a number from 0 to 16, got 17/],
  ["a patch out of range", "attention", { patch: [4, 0] }, /a row from 0 to 3 and a column from 0 to 3, got 4, 0/],
  ["a token and a patch", "attention", { patch: [0, 0], token: 1 }, /a token or a patch, got both/],
  ["a block out of range", "attention", { block: 3 }, /a block is a number from 0 to 2, got 3/],
  ["a head out of range", "attention", { head: -1 }, /a head is a number from 0 to 2, got -1/],
  ["a class where it changes nothing", "rollout", { class: 1 }, /rollout has no choice of class.*relevance, grad-cam/],
  ["a share without rollout", "relevance", { discard: 0.5 }, /no choice of discard/],
])("%s is refused", async (_, method, choices, message) => {
  await expect(explain("class-token", { method, ...choices })).rejects.toThrow(message);
});

test("an unknown method is refused with the names of all", async () => {
  await expect(explain("class-token", { method: "magic" as MethodName })).rejects.toThrow(
    /one of relevance, grad-cam, .*got "magic"/,
  );
});

test("a model without one row for its logits is refused where that matters, and explained where not", async () => {
  const request = { pretrained: small({ pool: "max", classToken: false }), runtime, image: picture(16, 16) };
  for (const method of ["relevance", "rollout", "attention"] as const)
    await expect(explainImage({ ...request, method })).rejects.toThrow(/max pooling.*grad-cam, integrated-gradients/);
  for (const method of ["grad-cam", "attention-distance"] as const)
    expect((await explainImage({ ...request, method })).method).toBe(method);
  expect((await explainImage({ ...request, method: "rollout", patch: [0, 0] })).kind).toBe("image");
});

test("models without positions or pixel filters are refused by these methods", async () => {
  const request = { runtime, image: picture(16, 16) };
  const bare = small({ positions: "none" });
  await expect(explainImage({ ...request, pretrained: bare, method: "positions" })).rejects.toThrow(/small has none/);
  const stem = { kind: "conv", widths: [24], kernels: [4], strides: [4], padding: 0, activation: "relu" } as const;
  const behind = small({ patchSize: 1, stem: { ...stem, proj: true } });
  await expect(explainImage({ ...request, pretrained: behind, method: "filters" })).rejects.toThrow(/small has none/);
});

test("blocks with two attentions side by side show the heads of both", async () => {
  const pretrained = small({ block: "parallel_things" });
  const request = { pretrained, runtime, image: picture(16, 16) };
  const { maps } = (await explainImage({ ...request, method: "attention", block: 1 })) as ImageExplanation;
  expect(maps).toHaveLength(6);
  expect((await explainImage(request)).method).toBe("relevance");
});
