/** The report of a run, from what its folder says. */

import { basename } from "node:path";
import { openDataset } from "../data/open-node.ts";
import { type WrittenReport, writeReport } from "../report/write-node.ts";
import { readRun } from "../train/run-node.ts";
import type { Context } from "./context.ts";
import { loadModel } from "./model.ts";
import { openTrainingData } from "./train-data.ts";
import { settingsFrom } from "./train-settings.ts";

/**
 * Judges the model in a run's folder and writes `report.html` there: on the test images, else on those that the best epoch was chosen by, else on all.
 * @param folder that `vitrine train` made
 * @throws {VitrineError} NOT_FOUND where it holds no run or no model; whatever opening the data and writing throws
 */
export async function reportRun(context: Context, folder: string, workers: number): Promise<WrittenReport> {
  const { settings: kept, seed } = await readRun(folder);
  const settings = settingsFrom(kept, {});
  const { train, validation } = await openTrainingData(settings, seed);
  const { test } = await openDataset(settings.data, { dataDir: settings.dataDir, seed });
  const judge = test ?? validation ?? train;
  const judged = test ? "test images" : validation ? "validation images" : "training images";
  return writeReport(folder, {
    pretrained: await loadModel(context, folder),
    train,
    judge,
    judged,
    chosenBy: judge === validation,
    validationImages: validation?.length,
    runtime: await context.runtime(),
    title: basename(settings.data),
    from: settings.from,
    choices: settings.choices,
    findings: settings.findings?.map(({ text, level, examples }) => ({
      text,
      serious: level === "warning",
      files: examples,
    })),
    workers,
    signal: context.signal,
  });
}
