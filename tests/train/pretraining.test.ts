import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { shapesDataset } from "../../src/data/datasets/shapes.ts";
import { maeAround, maeEncoder } from "../../src/models/mae/encoder.ts";
import { MAE } from "../../src/models/mae/mae.ts";
import { vitConfig } from "../../src/models/vit/config.ts";
import { ViT } from "../../src/models/vit/vit.ts";
import { loadPretrained } from "../../src/pretrained/load-node.ts";
import { loadMae, saveMae } from "../../src/pretrained/mae-node.ts";
import { newPretrained } from "../../src/pretrained/new.ts";
import { savePretrained } from "../../src/pretrained/save-node.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import type { TrainEvent } from "../../src/train/events.ts";
import { MaskedPainter, maskedPretraining, painting } from "../../src/train/pretraining.ts";
import { type RunOptions, trainInFolder } from "../../src/train/run-node.ts";

const runtime = await nodeRuntime({ threads: 1 });
const train = shapesDataset({ split: "train", length: 50 });
const sizes = { imageSize: 32, patchSize: 4, width: 16, depth: 2, heads: 2 } as const;
const decoder = { decoderWidth: 8, decoderDepth: 1, decoderHeads: 1 } as const;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pretraining-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A run as `vitrine pretrain` makes it. */
function runOf(name: string, epochs: number): RunOptions {
  const fresh = newPretrained("vit_tiny_patch16_224", { labels: [], options: { ...sizes, pool: "avg" } });
  const mae = new MAE(maeAround(fresh.model.config, decoder)).initialize(5);
  const { preprocessing } = fresh;
  const pretrained = { ...fresh, model: maeEncoder(mae), labels: train.classes };
  const out = join(folder, name);
  const save = async (): Promise<void> => {
    await saveMae(out, { model: mae, preprocessing });
    await savePretrained(
      join(out, "encoder"),
      { ...pretrained, model: maeEncoder(mae), labels: [] },
      { replace: true },
    );
  };
  const recipe = { ...maskedPretraining, epochs, batchSize: 10, learningRate: 3e-3, warmupEpochs: 0.2 };
  return {
    ...{ pretrained, train, recipe, seed: 3, folder: out, runtime, workers: 0 },
    ...{ trainee: { model: new MaskedPainter(mae), save }, objective: painting(mae) },
  };
}

async function all(run: AsyncIterable<TrainEvent>): Promise<readonly TrainEvent[]> {
  const events: TrainEvent[] = [];
  for await (const event of run) events.push(event);
  return events;
}

test("what is painted comes closer to the images", async () => {
  const events = await all(trainInFolder(runOf("whole", 4)));
  const losses = events.flatMap((event) => (event.type === "epoch.end" ? [event.train.loss] : []));
  expect(losses).toHaveLength(4);
  expect(losses.at(-1)!).toBeLessThan(0.9 * losses[0]!);
});

test("a stopped pre-training goes on bit for bit", async () => {
  await all(trainInFolder(runOf("whole", 2)));
  const stop = new AbortController();
  const events = trainInFolder({ ...runOf("parts", 2), signal: stop.signal });
  await expect(
    (async () => {
      for await (const event of events) if (event.type === "step" && event.step === 7) stop.abort();
    })(),
  ).rejects.toMatchObject({ code: "INTERRUPTED" });
  await all(trainInFolder({ ...runOf("parts", 2), resume: true }));
  const weights = (name: string): Promise<Buffer> => readFile(join(folder, name, "model.safetensors"));
  expect((await weights("parts")).equals(await weights("whole"))).toBe(true);
});

test("a run ends with the encoder, which gets a head, and with the whole autoencoder", async () => {
  await all(trainInFolder(runOf("whole", 1)));
  const tuned = await loadPretrained(join(folder, "whole/encoder"), { newHead: { labels: ["a", "b"], seed: 1 } });
  const { model: mae, preprocessing } = await loadMae(join(folder, "whole"));
  expect(tuned.model).toBeInstanceOf(ViT);
  expect(tuned.preprocessing).toEqual(preprocessing);
  const learnt = mae.variables();
  const [own, fresh]: [string[], string[]] = [[], []];
  for (const [name, { data }] of tuned.model.variables()) {
    (learnt.has(name) ? own : fresh).push(name);
    if (learnt.has(name)) expect(data).toEqual(learnt.get(name)!.data);
  }
  expect(own).toContain("pos_embed");
  expect(own).toContain("blocks.1.mlp.fc2.bias");
  expect(fresh.sort()).toEqual(["fc_norm.bias", "fc_norm.weight", "head.bias", "head.weight"]);
});

test("only a plain Vision Transformer has an autoencoder", () => {
  expect(maeAround(vitConfig({ ...sizes, dropPath: 0.1, labels: 7 })).width).toBe(16);
  expect(() => maeAround(vitConfig({ ...sizes, registers: 2 }))).toThrow(/it has registers 2/);
  expect(() => maeAround(vitConfig({ ...sizes, classToken: false, pool: "avg" }))).toThrow(/class token/);
});
