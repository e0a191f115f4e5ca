/** The head that a training begins with, in closed form from what the weights see of the images. */

import type { Dataset } from "../data/datasets/dataset.ts";
import { openLoader } from "../data/loader-node.ts";
import {
  crossValidate,
  type Features,
  featuresOf,
  fitDiscriminant,
  judgeLabels,
  type LabelJudgement,
  startHead,
} from "../inspect/index.ts";
import type { Pretrained } from "../pretrained/pretrained.ts";
import type { Context } from "./context.ts";
import type { TrainingData } from "./train-data.ts";

/** How the head is found. */
export interface HeadOptions {
  readonly seed: number;
  readonly workers: number;
  /** Give the model the head that was found; default true. */
  readonly replace?: boolean;
  /** Look for wrong labels, too. */
  readonly judge?: boolean;
}

/** What was found. */
export interface FirstHead {
  /** Whether the model has it now. */
  readonly used: boolean;
  /** Cross-validated, averaged over the classes. */
  readonly accuracy: number;
  readonly suspects: LabelJudgement["suspects"];
}

/** Computes what the model's head reads of each training image, and the best linear head for it, which the model gets unless its own stays. */
export async function setHead(
  context: Context,
  pretrained: Pretrained,
  data: TrainingData,
  { seed, workers, judge = false, replace = true }: HeadOptions,
): Promise<FirstHead> {
  const features = await trainingFeatures(context, pretrained, data.train, workers);
  const groups = groupsOf(features, data);
  const { probe, suspects } = judge
    ? judgeLabels(features, { seed, groups })
    : { probe: crossValidate(features, { seed, groups }), suspects: [] };
  const used = replace && (await startHead(pretrained, fitDiscriminant(features, probe)));
  // Suspects are named by their place in what was inspected.
  const place = (row: number): number => inspectedPlace(features.indices[row]!, data);
  return {
    used,
    accuracy: probe.balancedAccuracy,
    suspects: suspects.map((one) => ({ ...one, index: place(one.index) })),
  };
}

/** What a model's head reads of each readable image, in order. */
export async function trainingFeatures(
  context: Context,
  pretrained: Pretrained,
  train: Dataset,
  workers: number,
): Promise<Features> {
  const { preprocessing } = pretrained;
  const plan = { preprocessing, batchSize: 8, shuffle: false, dropLast: false, seed: 0 };
  const loader = openLoader(train, plan, { workers, strict: false });
  const progress = await context.terminal.progress("what the weights see", train.length);
  try {
    return await featuresOf(pretrained, loader.epoch(0), train.classes.length, {
      runtime: await context.runtime(),
      signal: context.signal,
      onProgress: (done) => progress.update(done, ""),
    });
  } finally {
    progress.stop();
    await loader.close();
  }
}

function inspectedPlace(index: number, { inspected }: TrainingData): number {
  return inspected ? inspected[index]! : index;
}

/** For each row of features, the number of its group of copies. */
function groupsOf({ indices }: Features, data: TrainingData): Int32Array {
  const first = new Map(data.copies.flatMap((members) => members.map((index) => [index, members[0]!] as const)));
  return Int32Array.from(indices, (index) => {
    const place = inspectedPlace(index, data);
    return first.get(place) ?? place;
  });
}
