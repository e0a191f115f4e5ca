import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { TrainEvent } from "../../src/train/events.ts";
import { gridOf } from "../../src/train/log-grid.ts";
import { appendEvent, readLog, rewindLog } from "../../src/train/log-node.ts";
import { appendImage } from "../../src/train/log-tensorboard-node.ts";
import { readEventFile } from "./tensorboard-reader.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "log-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const step = (number: number, loss: number): TrainEvent => ({
  ...{ type: "step", step: number, epoch: Math.ceil(number / 2) - 1, loss, accuracy: 0.5, learningRate: 0.25 },
  ...{ gradientNorm: 2, examplesPerSecond: 8, secondsLeft: 1 },
});
const epochEnd = (epoch: number, loss: number, balancedAccuracy?: number): TrainEvent => ({
  ...{
    type: "epoch.end",
    epoch,
    train: { loss, accuracy: 0.5 },
    validation: { loss: 1, accuracy: 0.75, balancedAccuracy },
  },
  ...{ best: epoch === 0, seconds: 3 },
});
const spread = { min: 0, max: 1, sum: 1, sumSquares: 1, counts: [1, 1] };

async function tell(...events: readonly (readonly [TrainEvent, step: number])[]): Promise<void> {
  for (const [event, at] of events) await appendEvent(folder, event, at);
}

const tensorBoard = (): ReturnType<typeof readEventFile> => {
  const [name, ...more] = readdirSync(join(folder, "tensorboard"));
  expect(more).toEqual([]);
  return readEventFile(readFileSync(join(folder, "tensorboard", name!)));
};

const whole = async (): Promise<void> => {
  await tell([step(1, 4), 1], [step(2, 3), 2], [epochEnd(0, 3.5, 0.625), 2]);
  await tell([{ type: "weights", step: 2, epoch: 0, weights: { "a.b": spread }, gradients: { "a.b": spread } }, 2]);
  await tell([step(3, 2), 3], [step(4, 1), 4], [epochEnd(1, 1.5), 4]);
};

test("an epoch is a row of the table", async () => {
  await whole();
  expect(readFileSync(join(folder, "log.csv"), "utf8")).toBe(
    [
      "epoch,step,train_loss,train_accuracy,validation_loss,validation_accuracy,learning_rate,gradient_norm,seconds,best,validation_balanced_accuracy",
      "1,2,3.5,0.5,1,0.75,0.25,2,3,1,0.625",
      "2,4,1.5,0.5,1,0.75,0.25,2,3,0,",
      "",
    ].join("\n"),
  );
});

test("TensorBoard's file has each step's and each epoch's figures and the spread of weights", async () => {
  await whole();
  const found = tensorBoard();
  expect(found.filter(({ tag }) => tag === "step/loss").map(({ step: at, value }) => [at, value])).toEqual([
    [1, 4],
    [2, 3],
    [3, 2],
    [4, 1],
  ]);
  expect(found.filter(({ tag }) => tag === "epoch/validation_accuracy").map(({ step: at }) => at)).toEqual([2, 4]);
  expect(found.filter(({ tag }) => /^(?:weights|gradients)\/a\.b$/.test(tag))).toHaveLength(2);
  expect(readLog(folder).map(({ type }) => type)).not.toContain("weights");
});

test("a run that goes on after a kill leaves each step once in every log", async () => {
  await whole();
  const [name] = readdirSync(join(folder, "tensorboard"));
  appendFileSync(join(folder, "tensorboard", name!), "unfinished");
  appendFileSync(join(folder, "log.jsonl"), '{"type":"st');
  await rewindLog(folder, 3);
  await tell([step(4, 0.5), 4], [epochEnd(1, 1.25), 4]);
  expect(readLog(folder).flatMap((event) => (event.type === "step" ? [[event.step, event.loss]] : []))).toEqual([
    [1, 4],
    [2, 3],
    [3, 2],
    [4, 0.5],
  ]);
  expect(
    readFileSync(join(folder, "log.csv"), "utf8")
      .trim()
      .split("\n")
      .map((row) => row.split(",")[2]),
  ).toEqual(["train_loss", "3.5", "1.25"]);
  const losses = tensorBoard().filter(({ tag }) => tag === "step/loss");
  expect(losses.map(({ step: at, value }) => [at, value])).toEqual([
    [1, 4],
    [2, 3],
    [3, 2],
    [4, 0.5],
  ]);
});

test("a batch becomes one image again, and TensorBoard shows it", async () => {
  const preprocessing = {
    ...{ inputSize: [1, 1, 2] as const, resize: null, filter: "bilinear" as const, crop: null },
    ...{ scale: 1 / 255, mean: [0.5], std: [0.25] },
  };
  const bytes = [0, 255, 51, 102, 7, 8];
  const images = Float32Array.from(bytes, (byte) => (byte / 255 - 0.5) / 0.25);
  const grid = gridOf({ images, shape: [3, 1, 1, 2] }, preprocessing);
  expect({ ...grid, data: [...grid.data] }).toEqual({
    ...{ width: 5, height: 3, channels: 1 },
    data: [0, 255, 255, 51, 102, 255, 255, 255, 255, 255, 7, 8, 255, 255, 255],
  });
  await appendImage(folder, 1, "training images", grid);
  expect(tensorBoard()).toMatchObject([
    { step: 1, tag: "training images", value: { width: 5, height: 3, channels: 1 } },
  ]);
});
