/** Which images of a data set a model is judged by, and whether it learnt from them. */

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Dataset } from "../data/datasets/dataset.ts";
import { openDataset } from "../data/open-node.ts";
import { readRunFile } from "../train/run-folder-node.ts";
import { counted } from "./numbers.ts";
import { openTrainingData } from "./train-data.ts";
import { absoluteData, settingsFrom } from "./train-settings.ts";

/** Images to judge a model by. */
export interface JudgedData {
  readonly dataset: Dataset;
  /** Which of the data's images these are; `held back`: those that the model's own training run set aside. */
  readonly judged: "test" | "validation" | "held back" | "all";
  /** Whether the model learnt from some of them, as far as it is known. */
  readonly learntFrom: "no" | "yes" | "unknown";
  /** The same for people, where there is something to say. */
  readonly remark?: string | undefined;
}

/**
 * The test images, else the validation images, else those that the run in the model's folder held back, else all.
 * @param model what was typed: a run's folder, or anything else
 * @param seed of data that is made at random
 * @throws {VitrineError} whatever `openDataset` throws
 */
export async function judgedData(
  model: string,
  data: string,
  { dataDir, seed }: { readonly dataDir?: string | undefined; readonly seed: number },
): Promise<JudgedData> {
  const { train, validation, test } = await openDataset(data, { dataDir, seed });
  if (test) return { dataset: test, judged: "test", learntFrom: "no" };
  if (validation) return { dataset: validation, judged: "validation", learntFrom: "no" };
  const run = await runOn(model, data, dataDir);
  if (run?.validation)
    return {
      dataset: run.validation,
      judged: "held back",
      learntFrom: "no",
      remark: `judged are the ${counted(run.validation.length, "image")} that the run held back from training, and chose its best epoch by`,
    };
  if (run)
    return {
      dataset: train,
      judged: "all",
      learntFrom: "yes",
      remark: "the model learnt from these images: it will do worse on others",
    };
  return {
    dataset: train,
    judged: "all",
    learntFrom: "unknown",
    remark:
      "the data has no test or validation images of its own: if the model was trained on it, these images may include those it learnt from, and it will do worse on others",
  };
}

/** The parts of the data as the run in a folder had them; undefined where it had other data, or where these have changed since. */
async function runOn(
  model: string,
  data: string,
  dataDir: string | undefined,
): Promise<{ readonly validation: Dataset | undefined } | undefined> {
  if (!existsSync(join(model, "recipe.json"))) return undefined;
  const { settings: kept, seed } = await readRunFile(model);
  const sameData = kept.data === (await absoluteData(data)) && kept.dataDir === (dataDir && resolve(dataDir));
  if (!sameData || kept.texts === true) return undefined;
  const settings = settingsFrom(kept, {});
  const { train, validation } = await openTrainingData(settings, seed);
  return settings.images === undefined || settings.images === train.length ? { validation } : undefined;
}
