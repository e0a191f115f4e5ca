/** How good a classifier is on labelled pictures. */

import type { Dataset } from "../data/datasets/dataset.ts";
import { VitrineError } from "../errors.ts";
import type { NdArray } from "../graph/dtype.ts";
import type { Pretrained } from "../pretrained/pretrained.ts";
import { type ClassMetrics, classMetrics } from "./metrics.ts";

/** A batch of model inputs with their labels, as loaders make it. */
export interface LabelledBatch {
  /** [b, c, H, W], normalised. */
  readonly images: Float32Array;
  readonly shape: readonly number[];
  /** [b]. */
  readonly labels: ArrayLike<number>;
}

/** One class in an evaluation. */
export interface ClassReport extends ClassMetrics {
  readonly label: string;
}

/** What a model got right on labelled images, in all and by class. */
export interface Evaluation {
  /** Pictures that were judged. */
  readonly count: number;
  /** Pictures whose best label is right. */
  readonly correct: number;
  readonly accuracy: number;
  /** Share of pictures whose right label is among the best five. */
  readonly top5: number;
  /** Mean cross-entropy. */
  readonly loss: number;
  readonly classes: readonly ClassReport[];
  /** Row: right label; column: label given; number of pictures. */
  readonly confusion: readonly (readonly number[])[];
}

/**
 * For each class of a data set, the label of the model that means it: by name, or in order where nobody named a model's labels.
 * @throws {VitrineError} DATA_PROBLEM listing the classes that the model does not know; INVALID_ARGUMENT where it knows none.
 */
export function matchLabels(
  { classes, name }: Pick<Dataset, "classes" | "name">,
  { labels, unnamedLabels }: Pick<Pretrained, "labels" | "unnamedLabels">,
): number[] {
  if (labels.length === 0)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "a model without a head gives features, and knows no classes",
      next: "`vitrine train DATA --from` it gives it a head",
    });
  if (unnamedLabels && classes.length === labels.length) return classes.map((_, i) => i);
  const unknown = classes.filter((label) => !labels.includes(label));
  if (unknown.length > 0)
    throw new VitrineError("DATA_PROBLEM", {
      rule: `the model must know the data set's classes; it has ${labels.length} labels`,
      evidence: `it does not have ${unknown.slice(0, 5).join(", ")}${unknown.length > 5 ? `, … (${unknown.length} of ${classes.length})` : ""}`,
      place: name,
      next: `name the class folders as the labels are (${labels.slice(0, 3).join(", ")}, …), or fine-tune the model on this data set`,
    });
  return classes.map((label) => labels.indexOf(label));
}

/**
 * Judges a model by labelled batches.
 * @param logitsOf the model: float32 [b, c, H, W] → [b, labels]
 * @param labels names of the logits
 * @param toLabel for each class of the data set, the index of the model's label (`matchLabels`); default: the same
 * @throws {VitrineError} DATA_PROBLEM when there is nothing to judge.
 */
export async function evaluate(
  batches: AsyncIterable<LabelledBatch>,
  logitsOf: (inputs: NdArray) => Promise<NdArray>,
  labels: readonly string[],
  toLabel: readonly number[] = labels.map((_, i) => i),
): Promise<Evaluation> {
  const k = labels.length;
  const confusion = labels.map(() => new Array<number>(k).fill(0));
  let [count, correct, among5, loss] = [0, 0, 0, 0];
  for await (const batch of batches) {
    const { data } = await logitsOf({ dtype: "float32", shape: batch.shape, data: batch.images });
    for (let i = 0; i < batch.labels.length; i++) {
      const target = toLabel[batch.labels[i]!]!;
      const row = (data as Float32Array).subarray(i * k, (i + 1) * k);
      const { given, rank, nll } = judge(row, target);
      confusion[target]![given]!++;
      count++;
      if (rank === 0) correct++;
      if (rank < 5) among5++;
      loss += nll;
    }
  }
  if (count === 0)
    throw new VitrineError("DATA_PROBLEM", { rule: "an evaluation needs at least one readable picture" });
  return {
    count,
    correct,
    accuracy: correct / count,
    top5: among5 / count,
    loss: loss / count,
    classes: classMetrics(confusion).map((metrics, i) => ({ label: labels[i]!, ...metrics })),
    confusion,
  };
}

/** The label given, how many labels come before the right one, and −log of the right one's probability. */
function judge(
  row: Float32Array,
  target: number,
): { readonly given: number; readonly rank: number; readonly nll: number } {
  let given = 0;
  let rank = 0;
  for (let j = 0; j < row.length; j++) {
    if (row[j]! > row[given]!) given = j;
    if (row[j]! > row[target]! || (row[j] === row[target] && j < target)) rank++;
  }
  const largest = row[given]!;
  const total = row.reduce((sum, logit) => sum + Math.exp(logit - largest), 0);
  return { given, rank, nll: Math.log(total) + largest - row[target]! };
}
