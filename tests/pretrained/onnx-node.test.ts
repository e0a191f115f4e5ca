import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { sgd, weightDecayGroups } from "../../src/optim/index.ts";
import { loadPretrained } from "../../src/pretrained/load-node.ts";
import type { OnnxClassifier } from "../../src/pretrained/onnx-classifier.ts";
import type { Pretrained } from "../../src/pretrained/pretrained.ts";
import { savePretrained } from "../../src/pretrained/save-node.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { compileTrainingStep, noWeightDecay } from "../../src/train/step.ts";

const models = fileURLToPath(new URL("onnx-models", import.meta.url));
const runtime = await nodeRuntime({ threads: 1 });
const scratch = await mkdtemp(join(tmpdir(), "vitrine-onnx-"));
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** Two images, [2, 3, 32, 32], as tools/onnx-classifiers.py makes them. */
function images(): Float32Array {
  const n = 3 * 32 * 32;
  const one = Float32Array.from({ length: n }, (_, i) => Math.sin(-1 + (2 * i) / (n - 1)));
  const mirrored = one.map((_, i) => one[32 * Math.floor(i / 32) + 31 - (i % 32)]!);
  return Float32Array.from([...one, ...mirrored]);
}

async function logitsOf({ model }: Pretrained): Promise<Float32Array> {
  const run = await compile((x) => ({ logits: model.forward(x.images) }), { images: ["b", 3, 32, 32] }, { runtime });
  const { logits } = await run.run({ images: { dtype: "float32", shape: [2, 3, 32, 32], data: images() } });
  await run.dispose();
  return logits!.data as Float32Array;
}

const load = (name: string, options = {}): Promise<Pretrained> =>
  loadPretrained(join(models, name, "model.onnx"), options);
const newHead = { labels: ["ant", "bee"], seed: 1 };

test.each(["cnn", "cnn-folded", "vit"])(
  "%s of torch's exporter gives the scores that onnxruntime gives in Python",
  async (name) => {
    const want = (JSON.parse(await readFile(join(models, name, "numbers.json"), "utf8")) as number[][]).flat();
    const pretrained = await load(name);
    expect(pretrained.labels).toEqual(["0", "1", "2", "3", "4", "5"]);
    expect([...pretrained.model.parameters().keys()].filter((key) => key.startsWith("head"))).toEqual([
      "head.weight",
      "head.bias",
    ]);
    for (const [i, x] of (await logitsOf(pretrained)).entries()) expect(x).toBeCloseTo(want[i]!, 5);
  },
);

test("a graph that ends with Softmax gives what comes before it, which Softmax makes the file's own scores", async () => {
  const pretrained = await load("all-convolutional");
  const want = (
    JSON.parse(await readFile(join(models, "all-convolutional", "numbers.json"), "utf8")) as number[][]
  )[0]!;
  const powers = [...(await logitsOf(pretrained))].slice(0, 6).map(Math.exp);
  const total = powers.reduce((a, b) => a + b);
  for (const [i, x] of powers.entries()) expect(x / total).toBeCloseTo(want[i]!, 5);
});

test.each([
  [
    "cnn",
    [
      ["head", /^in place of .*fc/],
      ["statistics", /13 BatchNormalization/],
    ],
  ],
  ["cnn-folded", [["head", /^in place of .*fc/]]],
  ["vit", [["head", /^in place of /]]],
  [
    "all-convolutional",
    [
      ["head", /^on top of the 6 scores/],
      ["output", /logits/],
    ],
  ],
] as const)("%s: a new head is said, with what else was decided", async (name, want) => {
  const { model, labels } = await load(name, { newHead });
  expect(labels).toEqual(["ant", "bee"]);
  const { remarks } = model as OnnxClassifier;
  expect(remarks.map(({ what }) => what)).toEqual(want.map(([what]) => what));
  for (const [i, [, reason]] of want.entries()) expect(remarks[i]!.reason).toMatch(reason);
});

test("a head for the labels that a graph has already leaves its own, unless the graph has none that could learn", async () => {
  for (const [name, fresh] of [
    ["cnn", false],
    ["all-convolutional", true],
  ] as const) {
    const folder = join(scratch, `same-${name}`);
    const before = await load(name, { labels: ["ant", "bee", "cat", "dog", "elk", "fox"] });
    await savePretrained(folder, before);
    const same = { labels: before.labels, seed: 1, unlessSame: true };
    const kept = await loadPretrained(folder, { newHead: same });
    expect(kept.freshHead).toBe(fresh);
    expect((kept.model as OnnxClassifier).head).toBeDefined();
    if (!fresh) expect(await logitsOf(kept)).toEqual(await logitsOf(before));
    const turned = { ...same, labels: [...before.labels].reverse() };
    expect((await loadPretrained(folder, { newHead: turned })).freshHead).toBe(true);
  }
});

test("statistics of normalisations are no parameters", async () => {
  const { model } = await load("cnn");
  // A stem, and two normalisations and a shortcut's in each of four blocks.
  expect(model.buffers().size).toBe(2 * (1 + 4 * 2 + 4));
  expect([...model.buffers().keys()].every((name) => /running_(mean|var)$/.test(name))).toBe(true);
});

test.each(["cnn", "vit", "all-convolutional"])(
  "%s learns, and is written and read again with equal scores",
  async (name) => {
    const pretrained = await load(name, { newHead });
    const { model } = pretrained;
    const before = new Map(
      [...model.variables()].map(([key, { data }]) => [key, Float32Array.from(data.data as Float32Array)]),
    );
    const optimizer = sgd(weightDecayGroups(model.parameters(), 0, noWeightDecay));
    const step = await compileTrainingStep(model, {
      ...{ runtime, optimizer, batchSize: 2, imageShape: [3, 32, 32], labels: 2 },
    });
    const targets = { dtype: "float32" as const, shape: [2, 2], data: Float32Array.from([1, 0, 0, 1]) };
    const losses: number[] = [];
    for (let i = 0; i < 3; i++) {
      const pictures = { dtype: "float32" as const, shape: [2, 3, 32, 32], data: images() };
      const { loss } = await step.run({ images: pictures, targets, ...optimizer.feeds(i, 0.005) });
      losses.push(Number(loss!.data[0]));
    }
    await step.sync();
    await step.dispose();
    expect(losses[2]).toBeLessThan(losses[0]!);
    const moved = [...model.variables()].filter(([key, { data }]) =>
      (data.data as Float32Array).some((x, i) => x !== before.get(key)![i]),
    );
    expect(moved.map(([key]) => key)).toEqual(expect.arrayContaining(["head.weight", "head.bias"]));
    expect(moved.length).toBeGreaterThan(4);
    for (const key of model.buffers().keys()) expect(moved.map(([one]) => one)).not.toContain(key);

    const folder = join(scratch, name);
    await savePretrained(folder, pretrained);
    expect((await readdir(folder)).sort()).toEqual(["config.json", "model.onnx", "preprocessor_config.json"]);
    const again = await loadPretrained(folder);
    expect([again.labels, again.preprocessing]).toEqual([pretrained.labels, pretrained.preprocessing]);
    expect([...again.model.variables().keys()].sort()).toEqual([...model.variables().keys()].sort());
    expect([...(await logitsOf(again))]).toEqual([...(await logitsOf(pretrained))]);
    await expect(savePretrained(folder, pretrained)).rejects.toThrow(/not written over another/);
  },
);

test("what cannot be used is refused in one line that says why", async () => {
  const alone = join(scratch, "alone");
  await cp(join(models, "vit"), alone, { recursive: true });
  const file = join(alone, "model.onnx");
  await rm(join(alone, "preprocessor_config.json"));
  await expect(loadPretrained(file)).rejects.toThrow(/preprocessor_config.json must lie beside it.*write it, such as/);
  await writeFile(join(alone, "preprocessor_config.json"), '{"size": {"height": 48, "width": 48}}');
  await expect(loadPretrained(file)).rejects.toThrow(
    /takes images of 3 × 32 × 32, its preprocessing makes 3 × 48 × 48/,
  );
  await expect(load("vit", { arch: "vit_tiny_patch16_224" })).rejects.toThrow(/holds its own graph/);
  await expect(load("vit", { resize: { imageSize: 64, rule: "timm" } })).rejects.toThrow(
    /stays as it is.*another size/,
  );
  await expect(load("vit", { overrides: { dropPath: 0.2 } })).rejects.toThrow(/asked for dropPath/);
  const pretrained = await load("vit");
  await expect(savePretrained(join(scratch, "timm"), pretrained, { layout: "timm" })).rejects.toThrow(
    /no layout of timm/,
  );
});
