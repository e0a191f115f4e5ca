/** Pictures → what a model's head reads: one vector for each, computed once. */

import { VitrineError } from "../errors.ts";
import type { Pretrained } from "../pretrained/pretrained.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { Probe } from "../train/probe.ts";
import { probing } from "../train/recipe.ts";
import { startTuning } from "../train/tuning.ts";
import type { LabelledFeatures, LinearHead } from "./discriminant.ts";

/** Model inputs with their places and labels, as loaders make them. */
export interface IndexedBatch {
  /** float32 [b, c, H, W], normalised. */
  readonly images: Float32Array;
  readonly shape: readonly number[];
  /** [b]. */
  readonly labels: ArrayLike<number>;
  /** [b]: positions in the data set. */
  readonly indices: ArrayLike<number>;
}

/** Vectors of pictures with their labels, one row each. */
export interface Features extends LabelledFeatures {
  /** [n]: position in the data set of each row; pictures that cannot be read have none. */
  readonly indices: Uint32Array;
}

/** How features are computed. */
export interface FeatureOptions {
  readonly runtime: Runtime;
  /** Called after each batch with the number of pictures done. */
  readonly onProgress?: ((done: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Features of all pictures that batches bring: what comes before the model's head, with the weights that the model has now.
 * @param classes of the data set
 * @throws {VitrineError} INTERRUPTED after the signal; DATA_PROBLEM without pictures; INVALID_ARGUMENT for a model whose head reads no row of numbers.
 */
export async function featuresOf(
  pretrained: Pretrained,
  batches: AsyncIterable<IndexedBatch>,
  classes: number,
  { runtime, onProgress, signal }: FeatureOptions,
): Promise<Features> {
  const { trained } = await startTuning(pretrained, probing, 0);
  const probe = new Probe(pretrained.model, trained!, pretrained.preprocessing.inputSize);
  const run = await probe.compileFeatures(runtime);
  const rows: Float32Array[] = [];
  const labels: number[] = [];
  const indices: number[] = [];
  try {
    for await (const batch of batches) {
      if (signal?.aborted) throw new VitrineError("INTERRUPTED", { rule: `stopped after ${labels.length} pictures` });
      const { features } = await run.run({ images: { dtype: "float32", shape: batch.shape, data: batch.images } });
      rows.push(Float32Array.from(features!.data as Float32Array));
      labels.push(...Array.from(batch.labels));
      indices.push(...Array.from(batch.indices));
      onProgress?.(labels.length);
    }
  } finally {
    await run.dispose();
  }
  if (labels.length === 0) throw new VitrineError("DATA_PROBLEM", { rule: "a data set must have readable images" });
  const values = new Float32Array(rows.reduce((sum, row) => sum + row.length, 0));
  let at = 0;
  for (const row of rows) {
    values.set(row, at);
    at += row.length;
  }
  const width = values.length / labels.length;
  return { values, width, labels: Int32Array.from(labels), classes, indices: Uint32Array.from(indices) };
}

/**
 * Gives a model's head the weights of a linear head, so that training begins where a probe ends (Kumar et al., "Fine-Tuning can Distort Pretrained Features and
 * Underperform Out-of-Distribution", arXiv:2202.10054).
 * @returns whether it could: not where a model has several heads, or one that is no linear map of the features
 */
export async function startHead(pretrained: Pretrained, { weight, bias }: LinearHead): Promise<boolean> {
  const { heads } = await startTuning(pretrained, probing, 0);
  const parameters = pretrained.model.parameters();
  const [w, b] = [parameters.get(`${heads[0]}.weight`), parameters.get(`${heads[0]}.bias`)];
  if (heads.length !== 1 || !w || !b) return false;
  if (w.variable.data.data.length !== weight.length || b.variable.data.data.length !== bias.length) return false;
  // A class without pictures has no bias; one that is merely low can still be learnt.
  const finite = bias.map((value) => (Number.isFinite(value) ? value : -10));
  w.variable.data = { ...w.variable.data, data: weight.slice() };
  b.variable.data = { ...b.variable.data, data: finite };
  return true;
}
