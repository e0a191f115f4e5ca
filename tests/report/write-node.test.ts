import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { shapesDataset } from "../../src/data/datasets/shapes.ts";
import { loadPretrained } from "../../src/pretrained/load-node.ts";
import { newPretrained } from "../../src/pretrained/new.ts";
import { writeReport } from "../../src/report/write-node.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { evaluateDataset } from "../../src/tasks/evaluate-node.ts";
import { fromScratch } from "../../src/train/recipe.ts";
import { trainInFolder } from "../../src/train/run-node.ts";
import { readEventFile } from "../train/tensorboard-reader.ts";

const scratch = mkdtempSync(join(tmpdir(), "report-"));
afterAll(() => rmSync(scratch, { recursive: true }));

test("a run becomes a report, a card and an image of its mistakes, with the figures that an evaluation measures", async () => {
  const runtime = await nodeRuntime({ threads: 1 });
  const train = shapesDataset({ split: "train", length: 40 });
  const validation = shapesDataset({ split: "validation", length: 30 });
  const options = { imageSize: 32, patchSize: 8, width: 16, depth: 1, heads: 2 };
  const begun = newPretrained("vit_tiny_patch16_224", { labels: train.classes, options });
  begun.model.initialize(1);
  const folder = join(scratch, "run");
  const recipe = { ...fromScratch, epochs: 2, batchSize: 20 };
  const run = { pretrained: begun, train, validation, recipe, seed: 0, folder, runtime, workers: 0 };
  for await (const event of trainInFolder(run)) if (event.type === "run.end") break;

  const pretrained = await loadPretrained(folder);
  const judge = { judge: validation, judged: "validation images", chosenBy: true };
  const { path, content } = await writeReport(folder, {
    ...{ pretrained, train, ...judge, runtime, title: "shapes", shown: 3, workers: 0 },
  });
  const { badFiles, ...evaluation } = await evaluateDataset(pretrained, validation, runtime, { workers: 0 });
  expect(content.evaluation).toEqual(evaluation);
  expect(content.calibration.nll).toBeCloseTo(evaluation.loss, 6);
  expect(content.mistakes).toHaveLength(evaluation.count - evaluation.correct);
  expect(content.shown).toHaveLength(3);
  expect(content.shown.every(({ photo, why }) => photo.startsWith("data:image/jpeg") && why)).toBe(true);
  expect(content.history.steps).toHaveLength(4);
  expect(content.data.trainCounts).toEqual(train.classes.map(() => 4));

  const page = readFileSync(path, "utf8");
  expect(page).toContain(`${(100 * evaluation.accuracy).toFixed(1)} %`);
  expect(page).not.toMatch(/NaN|undefined|Infinity/);
  const card = readFileSync(join(folder, "README.md"), "utf8");
  expect(card).toContain(`value: ${evaluation.accuracy}}`);
  expect(card).toContain('"epochs": 2');

  await writeReport(folder, { ...{ pretrained, train, ...judge, runtime, title: "shapes", shown: 0, workers: 0 } });
  const [name] = readdirSync(join(folder, "tensorboard"));
  const images = readEventFile(readFileSync(join(folder, "tensorboard", name!)))
    .filter(({ value }) => typeof value === "object" && "png" in value)
    .map(({ step, tag }) => [step, tag]);
  expect(images).toEqual([
    [1, "training images"],
    [5, "mistakes"],
  ]);
});
