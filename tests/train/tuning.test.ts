import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { compile } from "../../src/compile/index.ts";
import { shapesDataset } from "../../src/data/datasets/shapes.ts";
import { ViT } from "../../src/models/vit/vit.ts";
import type { Module } from "../../src/nn/module.ts";
import { loadAdapter } from "../../src/pretrained/adapter-node.ts";
import { loadPretrained } from "../../src/pretrained/load-node.ts";
import { newPretrained } from "../../src/pretrained/new.ts";
import type { Pretrained } from "../../src/pretrained/pretrained.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import type { TrainEvent } from "../../src/train/events.ts";
import type { Classifier } from "../../src/train/objective.ts";
import { Probe } from "../../src/train/probe.ts";
import { fromScratch, type Recipe } from "../../src/train/recipe.ts";
import { type RunOptions, trainInFolder } from "../../src/train/run-node.ts";
import { adapterTargets } from "../../src/train/tuning.ts";
import { readSafetensors } from "../../src/weights/safetensors.ts";
import { expectClose } from "../golden.ts";
import { drawn } from "../models/drawn.ts";
import { readEventFile } from "./tensorboard-reader.ts";

const runtime = await nodeRuntime({ threads: 1 });
const train = shapesDataset({ split: "train", length: 30 });
const validation = shapesDataset({ split: "validation", length: 10 });
const recipe: Recipe = { ...fromScratch, epochs: 2, batchSize: 10, learningRate: 3e-3, loraRank: 2, loraDropout: 0.1 };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tuning-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function fresh(changes: object = {}): Promise<Pretrained> {
  const options = { imageSize: 32, patchSize: 8, width: 16, depth: 2, heads: 2, ...changes };
  const pretrained = await newPretrained("vit_tiny_patch16_224", { labels: train.classes, options });
  pretrained.model.initialize(5);
  return pretrained;
}

async function run(changes: Partial<RunOptions> & { readonly recipe: Recipe }): Promise<readonly TrainEvent[]> {
  const events: TrainEvent[] = [];
  const options = { train, validation, seed: 3, folder: join(folder, "out"), runtime, workers: 0, ...changes };
  for await (const event of trainInFolder({ pretrained: await fresh(), ...options })) events.push(event);
  return events;
}

/** Stops after a step, as Ctrl-C does. */
async function stopped(steps: number, options: Partial<RunOptions> & { readonly recipe: Recipe }): Promise<void> {
  const stop = new AbortController();
  const whole = { train, validation, seed: 3, folder, runtime, workers: 0, ...options, signal: stop.signal };
  await expect(
    (async () => {
      for await (const event of trainInFolder({ pretrained: await fresh(), ...whole }))
        if (event.type === "step" && event.step === steps) stop.abort();
    })(),
  ).rejects.toMatchObject({ code: "INTERRUPTED" });
}

const bytesOf = (model: Module): ReadonlyMap<string, ArrayLike<unknown>> =>
  new Map([...model.parameters()].map(([name, { variable }]) => [name, variable.data.data.slice()]));

async function logits(model: Classifier) {
  await using step = await compile(
    ({ images }) => ({ logits: model.forward(images) }),
    { images: ["b", 3, 32, 32] },
    { runtime },
  );
  return (await step.run({ images: drawn("image", [2, 3, 32, 32]) })).logits!;
}

const checkpoint = async (name: string, part: string) =>
  readFile(join(folder, name, "checkpoints", "step-00000006", `${part}.safetensors`));

test.each([
  ["lora", /^head\.|\.lora\.[ab]$/],
  ["probe", /^head\./],
] as const)("%s changes what it trains, and not one bit of the rest", async (tune, trains) => {
  const pretrained = await fresh();
  const before = bytesOf(pretrained.model);
  await run({ pretrained, recipe: { ...recipe, tune } });
  const after = bytesOf(pretrained.model);
  expect([...after.keys()].filter((name) => trains.test(name)).length).toBeGreaterThan(1);
  for (const [name, values] of before)
    if (trains.test(name)) expect(after.get(name), name).not.toEqual(values);
    else expect(after.get(name), name).toEqual(values);
  const { tensors } = readSafetensors(await checkpoint("out", "model"));
  expect([...tensors.keys()].every((name) => trains.test(name))).toBe(true);
  expect(readSafetensors(await checkpoint("out", "optimizer")).tensors.size).toBe(2 * tensors.size);
});

test.each([
  ["vit_tiny_patch16_224", {}, fromScratch.loraTargets],
  ["swin_tiny_patch4_window7_224", {}, fromScratch.loraTargets],
  ["tnt_s_patch16_224", {}, expect.arrayContaining(["attn_in.qk", "attn_out.v", "mlp.fc1"])],
  ["resnet18", {}, []],
])("adapters stand beside the maps that a %s has, and never beside its head", async (name, options, expected) => {
  const pretrained = await newPretrained(name, { labels: train.classes, options });
  const targets = await adapterTargets(pretrained);
  expect(targets).toEqual(expected);
  expect(targets).not.toContain("head");
});

test("a run with adapters ends with merged weights, and with the adapter beside them", async () => {
  const pretrained = await fresh();
  await run({ pretrained, recipe: { ...recipe, tune: "lora" }, validation: undefined });
  expect(await readdir(join(folder, "out"))).toEqual(expect.arrayContaining(["adapter", "model.safetensors"]));
  expect((await readdir(join(folder, "out", "adapter"))).sort()).toEqual([
    ...["adapter_config.json", "adapter_model.safetensors"],
  ]);
  const adapted = await logits(pretrained.model);
  const merged = await loadPretrained(join(folder, "out"));
  expect([...merged.model.parameters().keys()]).toEqual([...(await fresh()).model.parameters().keys()]);
  expectClose(await logits(merged.model), adapted, { rtol: 1e-5, atol: 1e-6 });
  const again = await fresh();
  await loadAdapter(join(folder, "out", "adapter"), again.model);
  expect(await logits(again.model)).toEqual(adapted);
});

test.each(["lora", "probe"] as const)("%s stopped anywhere and continued ends with the same bits", async (tune) => {
  await run({ recipe: { ...recipe, tune } });
  for (const steps of [2, 4]) {
    const name = `stopped-${steps}`;
    await stopped(steps, { recipe: { ...recipe, tune }, folder: join(folder, name) });
    await run({ recipe: { ...recipe, tune }, folder: join(folder, name), resume: true });
    for (const part of ["model", "optimizer"])
      expect((await checkpoint(name, part)).equals(await checkpoint("out", part)), `${part} after ${steps}`).toBe(true);
  }
});

test("a run is not continued on another base", async () => {
  const lora: Recipe = { ...recipe, tune: "lora" };
  await stopped(2, { recipe: lora, folder: join(folder, "out") });
  const other = await fresh();
  other.model.initialize(6);
  await expect(run({ pretrained: other, recipe: lora, resume: true })).rejects.toMatchObject({
    code: "OUTPUT_CONFLICT",
  });
});

test("a probe on stored features shows TensorBoard once what it sees: images from all over the data, as they are changed", async () => {
  const place = join(folder, "out");
  await stopped(4, { recipe: { ...recipe, tune: "probe" }, folder: place });
  await run({ recipe: { ...recipe, tune: "probe" }, resume: true });
  const [name] = await readdir(join(place, "tensorboard"));
  const shown = readEventFile(await readFile(join(place, "tensorboard", name!))).filter(
    ({ value }) => typeof value === "object" && "png" in value,
  );
  expect(shown).toMatchObject([{ step: 1, tag: "training images", value: { width: 131, height: 131 } }]);
});

test("a probe on stored features learns as one that sees the images", async () => {
  const probe: Recipe = { ...recipe, tune: "probe", crop: "none", flip: 0 };
  const losses = async (changes: Partial<Recipe>): Promise<readonly number[]> => {
    const events = await run({
      recipe: { ...probe, ...changes },
      // In a probe nothing is dropped.
      pretrained: await fresh({ dropPath: 0.3, dropout: 0.2, headDropout: 0.2 }),
      folder: join(folder, JSON.stringify(changes)),
    });
    return events.flatMap((event) =>
      event.type === "step" ? [event.loss] : event.type === "epoch.end" ? [event.validation!.loss] : [],
    );
  };
  const [stored, seen] = [await losses({ probeViews: 1 }), await losses({ probeViews: 0 })];
  expect(stored).toHaveLength(8);
  for (const [i, loss] of seen.entries()) expect(stored[i]).toBeCloseTo(loss, 5);
  // With random changes the versions are taken in turn: enough of them are the same as seeing the images.
  const padded = { crop: "padded", pad: 4, flip: 0.5 } as const;
  const [turns, fresher] = [await losses({ ...padded, probeViews: 2 }), await losses({ ...padded, probeViews: 0 })];
  for (const [i, loss] of fresher.entries()) expect(turns[i]).toBeCloseTo(loss, 5);
  expect(turns[0]).not.toBeCloseTo(stored[0]!, 5);
});

test.each([
  ["a class token", {}],
  ["the mean of the patches", { pool: "avg", classToken: false, finalNorm: "pooled" }],
  ["two heads", { distilled: true }],
  ["a hidden layer", { representation: 8 }],
  ["attention", { pool: "map", classToken: false }],
] as const)("the end of a model that pools by %s makes the same logits of its features", async (_, options) => {
  const model = new ViT({ imageSize: 32, patchSize: 8, width: 16, depth: 1, heads: 2, labels: 3, ...options });
  for (const [name, variable] of model.variables()) variable.data = drawn(name, variable.shape);
  const probe = new Probe(model, (name) => name.startsWith("head"), [3, 32, 32]);
  await using frozen = await probe.compileFeatures(runtime);
  const features = (await frozen.run({ images: drawn("image", [2, 3, 32, 32]) })).features!;
  expect(features.shape).toEqual([2, probe.imageShape[0]]);
  await using end = await compile(
    ({ features }) => ({ logits: probe.forward(features) }),
    { features: ["b", ...probe.imageShape] },
    { runtime },
  );
  const got = await end.run({ features: { ...features, shape: [2, ...probe.imageShape] } });
  expectClose(got.logits!, await logits(model), { rtol: 1e-5, atol: 1e-6 });
  expect([...probe.parameters().keys()]).toEqual([...model.parameters().keys()].filter((name) => /^head/.test(name)));
});
