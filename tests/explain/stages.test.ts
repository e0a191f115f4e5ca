import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { image } from "../../src/data/image.ts";
import { preprocess } from "../../src/data/preprocess.ts";
import { drawExplanation } from "../../src/explain/draw.ts";
import { type ExplainRequest, explainImage } from "../../src/explain/explain-image.ts";
import { explanationJson, type ImageExplanation } from "../../src/explain/explanation.ts";
import { gradCamMap, gradCamQuestion } from "../../src/explain/grad-cam.ts";
import { look } from "../../src/explain/look.ts";
import { rasterize } from "../../src/explain/picture.ts";
import { stageMaps, stagesQuestion } from "../../src/explain/stages.ts";
import { subjectOf } from "../../src/explain/subject.ts";
import { windowMaps, windowQuestion } from "../../src/explain/window-attention.ts";
import { ResNet } from "../../src/models/resnet/resnet.ts";
import type { SwinOptions } from "../../src/models/swin/config.ts";
import { Swin } from "../../src/models/swin/swin.ts";
import { SwinV2 } from "../../src/models/swin/swin-v2.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { expectClose } from "../golden.ts";
import { drawn } from "../models/drawn.ts";
import { plain } from "./golden.ts";

interface Case {
  readonly class: number;
  readonly logits: readonly number[];
  readonly gradCam: readonly number[];
  /** Of each stage: the mean of its channels at each place, and the channels that vary most. */
  readonly stages: readonly { readonly mean: readonly number[]; readonly most: readonly number[] }[];
  readonly windows?: { readonly patch: readonly [number, number]; readonly maps: readonly (readonly number[])[] };
}

/** Numbers that timm and torch gave. Made by tools/stage-explain-golden.py. */
const { stages: cases }: { readonly stages: Readonly<Record<string, Case>> } = JSON.parse(
  readFileSync(new URL("golden/stages.json", import.meta.url), "utf8"),
);

const runtime = await nodeRuntime({ threads: 1 });
const small: SwinOptions = {
  imageSize: 32,
  patchSize: 2,
  width: 12,
  depths: [2, 2],
  heads: [2, 3],
  windows: 4,
  labels: 5,
};

/** The model of a case. */
function modelOf(name: string): Swin | SwinV2 | ResNet {
  const model =
    name === "resnet"
      ? new ResNet({ imageSize: 64, blocks: "basic", depths: [1, 1, 1, 1], widths: [8, 12, 16, 24], labels: 5 })
      : new (name === "swin" ? Swin : SwinV2)(small);
  for (const [key, variable] of model.variables())
    if (variable.dtype === "float32") variable.data = drawn(key, variable.shape);
  return model;
}

function requestOf(name: string): ExplainRequest {
  const model = modelOf(name);
  const [height, width] = model.config.imageSize;
  const bytes = Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * 37 + (i >> 5) * 11) % 256);
  return {
    pretrained: { name, model, preprocessing: { ...plain, inputSize: [3, height, width] }, labels: [] },
    ...{ runtime, image: image(width, height, 3, bytes) },
  };
}

const explained = async (name: string, choices: Partial<ExplainRequest> = {}): Promise<ImageExplanation> =>
  (await explainImage({ ...requestOf(name), ...choices })) as ImageExplanation;

const close = (got: ArrayLike<number>, want: readonly number[], what: string): void =>
  expectClose(
    { dtype: "float64", shape: [got.length], data: Float64Array.from(got) },
    { dtype: "float64", shape: [want.length], data: Float64Array.from(want) },
    { rtol: 1e-4, atol: 1e-5 * Math.max(...want.map(Math.abs)) },
    what,
  );

test.each(Object.entries(cases))(
  "%s: Grad-CAM of the last stage equals its rule in torch on timm's model",
  async (name, want) => {
    const model = modelOf(name);
    const subject = subjectOf({ name, model });
    const images = drawn("image", [1, 3, ...model.config.imageSize]);
    const seen = await look(subject, images, gradCamQuestion(subject), { runtime });
    close(seen.logits, want.logits, "logits");
    expect(seen.classIndex).toBe(want.class);
    close(gradCamMap(seen).values, want.gradCam, "grad-cam");
  },
);

test.each(Object.entries(cases))("%s: the maps of its stages equal those of timm's model", async (name, want) => {
  const model = modelOf(name);
  const subject = subjectOf({ name, model });
  const images = drawn("image", [1, 3, ...model.config.imageSize]);
  const { maps } = stageMaps(await look(subject, images, stagesQuestion(subject), { runtime }), subject);
  for (const [i, { mean, most }] of want.stages.entries()) {
    const [first, ...channels] = [0, 1, 2, 3].map((row) => maps[row * want.stages.length + i]!);
    close(first!.values, mean, first!.name);
    expect(channels.map((map) => Number(/channel (\d+)$/.exec(map.name)![1]))).toEqual(most);
  }
});

test.each(Object.entries(cases).filter(([, { windows }]) => windows))(
  "%s: a patch's attention lies where timm's windows and shifts put it",
  async (name, { windows }) => {
    const model = modelOf(name);
    const subject = subjectOf({ name, model });
    const images = drawn("image", [1, 3, ...model.config.imageSize]);
    const seen = await look(subject, images, windowQuestion(0), { runtime });
    const { maps, grid } = windowMaps(seen, { patch: windows!.patch });
    expect(grid).toEqual({ rows: 16, cols: 16 });
    expect(maps).toHaveLength(2);
    for (const [i, { values }] of maps.entries()) close(values, windows!.maps[i]!, `block ${i}`);
  },
);

test("the shifted windows join what the windows before cut apart", async () => {
  const { maps, queryPatch } = await explained("swin", { method: "window-attention", block: 0 });
  const [before, after] = maps as [ImageExplanation["maps"][number], ImageExplanation["maps"][number]];
  expect([before.name, after.name]).toEqual(["block 0, mean of heads", "block 1, mean of heads"]);
  expect(queryPatch).toEqual([8, 8]);
  const [own, left] = [8 * 16 + 8, 8 * 16 + 7];
  expect(before.windows![own]).not.toBe(before.windows![left]);
  expect(after.windows![own]).toBe(after.windows![left]);
  expect([before.values[left], after.values[left]! > 0]).toEqual([0, true]);
  for (const { values } of maps) expect(values.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
});

test("patches of two sides that a shift put into one window do not look at each other", async () => {
  const { maps } = await explained("swin", { method: "window-attention", block: 0, patch: [0, 15] });
  const { values, windows } = maps[1]!;
  expect(windows![15]).toBe(windows![15 * 16]);
  for (const [i, weight] of values.entries())
    expect(weight > 1e-6, `place ${i}`).toBe(windows![i] === windows![15] && i % 16 >= 14 && i < 32);
});

test("a block in the middle of a pair gives the pair, one head its own weights, and what fills windows is counted", async () => {
  const pair = await explained("swin", { method: "window-attention", block: 1 });
  expect(pair.maps.map(({ name }) => name)).toEqual(["block 0, mean of heads", "block 1, mean of heads"]);
  const heads = await Promise.all(
    [0, 1].map((head) => explained("swin", { method: "window-attention", block: 1, head })),
  );
  const means = heads[0]!.maps[0]!.values.map((x, i) => (x + heads[1]!.maps[0]!.values[i]!) / 2);
  close(pair.maps[0]!.values, [...means], "mean of heads");
  const request = requestOf("swin");
  const model = new Swin({ ...small, imageSize: 28 });
  const odd = { ...request.pretrained, model, preprocessing: { ...plain, inputSize: [3, 28, 28] as const } };
  const picture = image(28, 28, 3, request.image.data.slice(0, 3 * 28 * 28));
  const { maps } = await explained("swin", {
    pretrained: odd,
    image: picture,
    method: "window-attention",
    block: 0,
    patch: [13, 13],
  });
  expect(maps[0]!.outside).toBeGreaterThan(0.5);
  expect(maps[0]!.outside + maps[0]!.values.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
});

test.each(["swin", "swin-v2", "resnet"])(
  "%s: without a choice the method is Grad-CAM; what makes no sense is refused",
  async (name) => {
    const own = await explained(name);
    expect(own.method).toBe("grad-cam");
    expect(own.facts).toEqual({ "features of": name === "resnet" ? "layer4" : "layers.1" });
    for (const method of [
      "relevance",
      "attention",
      "rollout",
      "attention-distance",
      "inner-attention",
      "positions",
    ] as const)
      await expect(explained(name, { method })).rejects.toThrow(
        name === "resnet"
          ? /resnet has none; choose grad-cam, integrated-gradients, stages, filters$/
          : /has none; choose grad-cam, integrated-gradients, window-attention, stages, filters$/,
      );
  },
);

test.each([
  ["swin", ["16 × 16 × 12", "8 × 8 × 24"]],
  ["swin-v2", ["16 × 16 × 12", "8 × 8 × 24"]],
  ["resnet", ["16 × 16 × 8", "8 × 8 × 12", "4 × 4 × 16", "2 × 2 × 24"]],
])(
  "%s: the maps of the stages are its taps: their mean over channels, and the channels that vary most",
  async (name, sizes) => {
    const request = requestOf(name);
    const { model, preprocessing } = request.pretrained;
    const { maps, table, facts } = await explained(name, { method: "stages" });
    expect(Object.entries(facts)).toEqual(model.stages.map(({ tap }, i) => [tap, sizes[i]]));
    expect(maps).toHaveLength(4 * sizes.length);
    expect(table.rowTitles).toHaveLength(4);
    const { data, shape } = preprocess(request.image, preprocessing);
    await using run = await compile(
      ({ images }) => ({ logits: model.forward(images) }),
      { images: [1, ...shape] },
      {
        runtime,
        taps: model.stages.map(({ tap }) => tap),
      },
    );
    const taps = await run.run({ images: { dtype: "float32", shape: [1, ...shape], data } });
    for (const [i, { tap, order }] of model.stages.entries()) {
      const [, first, second, third] = taps[tap]!.shape as [number, number, number, number];
      const [width, places] = order === "channels first" ? [first, second * third] : [third, first * second];
      const numbers = taps[tap]!.data as Float32Array;
      const channel = (k: number): number[] =>
        Array.from(
          { length: places },
          (_, place) => numbers[order === "channels first" ? k * places + place : place * width + k]!,
        );
      const channels = Array.from({ length: width }, (_, k) => channel(k));
      const own = [0, 1, 2, 3].map((row) => maps[row * sizes.length + i]!);
      expect(own[0]!.name).toBe(`${tap}, mean of ${width} channels`);
      close(
        own[0]!.values,
        channels[0]!.map((_, place) => channels.reduce((sum, c) => sum + c[place]! / width, 0)),
        "mean",
      );
      const spread = (c: readonly number[]): number => {
        const centre = c.reduce((sum, x) => sum + x / places, 0);
        return c.reduce((sum, x) => sum + (x - centre) ** 2, 0);
      };
      const most = channels.map((c, k) => [spread(c), k] as const).sort((a, b) => b[0] - a[0]);
      for (const [rank, map] of own.slice(1).entries()) {
        expect(map.name).toBe(`${tap}, channel ${most[rank]![1]}`);
        close(map.values, channels[most[rank]![1]]!, map.name);
      }
    }
  },
);

test("the picture of the stages has a column for each, with its size, and a bar of colours for every map", async () => {
  const { image } = requestOf("resnet");
  const explanation = await explained("resnet", { method: "stages" });
  const picture = drawExplanation(explanation, image);
  const pixels = picture.elements.flatMap((e) => (e.kind === "pixels" ? [e] : []));
  expect(pixels.filter((e) => e.name === "colour bar")).toHaveLength(16);
  expect(pixels.filter((e) => /^layer/.test(e.name)).map((e) => e.image.width)).toEqual(Array(16).fill(160));
  const words = picture.elements.flatMap((e) => (e.kind === "text" ? [e.text] : []));
  expect(words).toContain("layer3, 4 × 4 × 16");
  for (const { x, image } of pixels) expect(x + image.width).toBeLessThan(picture.width);
  expect(rasterize(picture)).toMatchObject({ width: picture.width, height: picture.height });
});

test.each(["swin", "resnet"])("%s: integrated gradients of cells add up to what the logit gained", async (name) => {
  const { facts, maps } = await explained(name, { method: "integrated-gradients" });
  expect(maps[0]!.rows).toBe(name === "resnet" ? 22 : 16);
  const [sum, difference] = [Number(facts.sum), Number(facts.difference)];
  expect(Math.abs(sum - difference)).toBeLessThan(0.1 * Math.abs(difference) + 0.05);
});

test.each([
  ["a patch outside the map", { block: 0, patch: [16, 0] }, /row from 0 to 15/],
  ["a block that is not there", { block: 4 }, /block is a number from 0 to 3/],
  ["a head that is not there", { block: 0, head: 2 }, /head is a number from 0 to 1/],
  ["a token", { token: 3 }, /window-attention has no choice of token/],
] as const)("%s is refused", async (_, choices, message) => {
  await expect(explained("swin", { method: "window-attention", ...choices })).rejects.toThrow(message);
});

test("the picture has lines where windows end, and none inside", async () => {
  const request = requestOf("swin");
  const explanation = await explained("swin", { method: "window-attention", block: 0 });
  const { elements, width, height } = drawExplanation(explanation, request.image);
  const lines = elements.filter((e) => e.kind === "box" && (e.width === 2 || e.height === 2));
  // Per block: 3 lines down and 3 across in cells of 16; shifted ones have a line more each way, but the outermost lie in one window with the other side.
  expect(lines).toHaveLength(2 * 3 * 16 + 2 * 4 * 16);
  expect(rasterize({ ...drawExplanation(explanation, request.image) })).toMatchObject({ width, height, channels: 3 });
  expect(JSON.parse(explanationJson(explanation)).maps[0].windows).toHaveLength(256);
});
