/** Which images of a data set a model is judged by, and whether it learnt from them. */

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Dataset } from "../data/datasets/dataset.ts";
import { splitFolders } from "../data/datasets/folder-node.ts";
import { splits } from "../data/datasets/split-names.ts";
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
  const all = { dataset: train, judged: "all" } as const;
  const run = await runOn(model, data, dataDir);
  switch (run?.of) {
    case "held back":
      return {
        dataset: run.dataset,
        judged: "held back",
        learntFrom: "no",
        remark: `judged are the ${counted(run.dataset.length, "image")} that the run held back from training, and chose its best epoch by`,
      };
    case "validation":
    case "test":
      return { dataset: train, judged: run.of, learntFrom: "no" };
    case "train":
      return {
        ...all,
        learntFrom: "yes",
        remark: "the model learnt from these images: it will do worse on others",
      };
    case undefined:
      return {
        ...all,
        learntFrom: "unknown",
        remark:
          "the data has no test or validation images of its own: if the model was trained on it, these images may include those it learnt from, and it will do worse on others",
      };
  }
}

/** What data is to a run: what it learnt from, a split of its own, or data of which it held some images back. */
type Relation =
  | { readonly of: "train" | "validation" | "test" }
  | { readonly of: "held back"; readonly dataset: Dataset };

/** What data is to the run in a folder; undefined where it is other data, or where it has changed since, or where there is no run. */
async function runOn(model: string, data: string, dataDir: string | undefined): Promise<Relation | undefined> {
  if (!existsSync(join(model, "recipe.json"))) return undefined;
  const { settings: kept, seed } = await readRunFile(model);
  if (typeof kept.data !== "string" || kept.texts === true) return undefined;
  const place = await absoluteData(data);
  if (kept.data !== place || kept.dataDir !== (dataDir && resolve(dataDir))) {
    const folders = await splitFolders(kept.data).catch(() => undefined);
    const of = splits.find((split) => folders?.[split] === place);
    return of && { of };
  }
  const settings = settingsFrom(kept, {});
  const { train, validation } = await openTrainingData(settings, seed);
  if (settings.images !== undefined && settings.images !== train.length) return undefined;
  return validation ? { of: "held back", dataset: validation } : { of: "train" };
}
