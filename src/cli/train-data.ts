/** The data of a training run: opened, looked at, and parted into what is learnt from and what the best epoch is chosen by. */

import type { Dataset, Skipped } from "../data/datasets/dataset.ts";
import { sampled, subset } from "../data/datasets/subset.ts";
import { type DatasetSplits, datasetNames, openDataset } from "../data/open-node.ts";
import { VitrineError } from "../errors.ts";
import { type Inspection, inspectDataset, splitWithCopies } from "../inspect/index.ts";
import type { Context } from "./context.ts";
import { duration, percent } from "./numbers.ts";
import type { TrainSettings } from "./train-settings.ts";

/** Data to learn from and to choose the best epoch by. */
export interface TrainingData {
  readonly train: Dataset;
  readonly validation: Dataset | undefined;
  /** Where the validation images come from, in words. */
  readonly validationFrom: string;
  /** Files of the folder that are no images. */
  readonly skipped: readonly Skipped[];
  /** Positions of images that show the same, in the training images before anything was held back. */
  readonly copies: readonly (readonly number[])[];
  /** What a look at all images found; absent where nobody looked. */
  readonly inspection?: Inspection | undefined;
  /** Position in the inspected training images of each image of `train`. */
  readonly inspected?: Uint32Array | undefined;
}

/** Share of each class that is held back where nothing else is asked for. */
const usualShare = 0.1;

/**
 * Opens the data of a run.
 * @param inspect looks at all images; without it, copies are those that the settings name
 * @throws {VitrineError} INVALID_ARGUMENT where a share is to be held back of data with validation images of its own
 */
export async function openTrainingData(
  settings: TrainSettings,
  seed: number,
  inspect?: (parts: DatasetSplits) => Promise<Inspection>,
): Promise<TrainingData> {
  const { data, dataDir, limit, holdBack } = settings;
  // Test images are for the last word (`eval`): whoever chose the best epoch by them would report too much.
  const { train: all, validation: own, test } = await openDataset(data, { dataDir, seed });
  const some = (dataset: Dataset): Dataset => (limit === undefined ? dataset : sampled(dataset, limit, seed));
  const skipped = [all, own, test].flatMap((part) => part?.skipped ?? []);
  const train = some(all);
  const validation = own && some(own);
  if (validation && holdBack !== undefined)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "images are held back only where the data has no validation images of its own",
      evidence: `it has ${validation.length}`,
      place: data,
      next: "leave out --hold-back",
    });
  const inspection = await inspect?.({ train, ...(validation ? { validation } : {}), ...(test ? { test } : {}) });
  const copies = inspection ? copiesWithin(inspection) : (settings.copies ?? []);
  const rest = { skipped, copies, inspection };
  if (validation) return { ...rest, train, validation, validationFrom: "its validation images" };
  if (holdBack === 0) return { ...rest, train, validation: undefined, validationFrom: "none, as asked" };
  const [first, second] = splitWithCopies(train, holdBack ?? usualShare, seed, copies);
  if (second.length === 0) return { ...rest, train, validation: undefined, validationFrom: "none: too few images" };
  return {
    ...rest,
    train: subset(train, first, `${train.name}/train`),
    validation: subset(train, second, `${train.name}/held back`),
    validationFrom: `${second.length} of its images, held back (${holdBack === undefined ? "one in ten" : percent(holdBack, 1)} of each class, chosen by --seed${copies.length > 0 ? "; copies stay together" : ""})`,
    inspected: first,
  };
}

function copiesWithin({ copies }: Inspection): readonly (readonly number[])[] {
  return copies
    .map(({ members }) => members.flatMap(({ split, index }) => (split === "train" ? [index] : [])))
    .filter((members) => members.length > 1);
}

/** Whether a look at all images is worth it: not at those that come with a name, which others have looked at. */
export function isOwnData({ data }: Pick<TrainSettings, "data">): boolean {
  return !datasetNames.includes(data);
}

/** Looks at all images, telling how far it is. */
export async function lookAt(context: Context, parts: DatasetSplits): Promise<Inspection> {
  const { terminal, signal } = context;
  const total = parts.train.length + (parts.validation?.length ?? 0) + (parts.test?.length ?? 0);
  const progress = await terminal.progress("looking at the images", total);
  const started = performance.now();
  try {
    return await inspectDataset(parts, {
      signal,
      onProgress: (done) => {
        const seconds = (performance.now() - started) / 1000;
        progress.update(done, `${duration((seconds * (total - done)) / done)} left`);
      },
    });
  } finally {
    progress.stop();
  }
}
