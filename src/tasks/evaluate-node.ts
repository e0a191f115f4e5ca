/** Evaluation of a model on a data set, pictures prepared on worker threads ahead of the model. Node only. */

import type { Dataset } from "../data/datasets/dataset.ts";
import type { BadFile } from "../data/loader-batch.ts";
import { openLoader } from "../data/loader-node.ts";
import { VitrineError } from "../errors.ts";
import type { Pretrained } from "../pretrained/pretrained.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { augmentedClassifier, type Views, viewPreprocessing } from "./augmented.ts";
import { classifier } from "./classify.ts";
import { type Evaluation, evaluate, type LabelledBatch, matchLabels } from "./evaluate.ts";

/** How a data set is read while it is evaluated. */
export interface EvaluateOptions {
  /** Stops at the first file that cannot be read, instead of naming it and going on. */
  readonly strict?: boolean | undefined;
  /** Threads that decode pictures; default 1, since the model uses the other cores. */
  readonly workers?: number | undefined;
  /** Called after each batch with the number of pictures done. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Views of each picture whose answers are averaged; the picture alone without it. */
  readonly views?: Views | undefined;
}

/** An evaluation, and the files that it could not read. */
export interface DatasetEvaluation extends Evaluation {
  readonly badFiles: readonly BadFile[];
}

/**
 * Judges a model on all pictures of a data set.
 * @throws {VitrineError} DATA_PROBLEM for classes that the model does not know, unreadable files where `strict` is set, or no readable one; INTERRUPTED.
 */
export async function evaluateDataset(
  pretrained: Pretrained,
  dataset: Dataset,
  runtime: Runtime,
  { strict = false, workers = 1, onProgress, signal, views }: EvaluateOptions = {},
): Promise<DatasetEvaluation> {
  const toLabel = matchLabels(dataset, pretrained);
  const { labels } = pretrained;
  const preprocessing = views ? viewPreprocessing(pretrained.preprocessing, views) : pretrained.preprocessing;
  const plan = { preprocessing, batchSize: 16, shuffle: false, dropLast: false, seed: 0 };
  const loader = openLoader(dataset, plan, { workers, strict });
  const model = await (views ? augmentedClassifier(pretrained, runtime, views) : classifier(pretrained, runtime));
  async function* batches(): AsyncGenerator<LabelledBatch> {
    let done = 0;
    for await (const batch of loader.epoch(0)) {
      if (signal?.aborted)
        throw new VitrineError("INTERRUPTED", { rule: `stopped after ${done} of ${dataset.length} pictures` });
      yield batch;
      done += batch.labels.length + batch.bad.length;
      onProgress?.(done, dataset.length);
    }
  }
  try {
    const evaluation = await evaluate(batches(), model.logitsOfInputs, labels, toLabel);
    return { ...evaluation, badFiles: loader.badFiles };
  } finally {
    await Promise.all([model.dispose(), loader.close()]);
  }
}
