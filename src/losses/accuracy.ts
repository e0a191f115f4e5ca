/** How often a prediction is right. */

import { cast, equal, sum, type Tensor, topK, unsqueeze } from "../tensor/index.ts";
import { classesOf, requireRows } from "./cross-entropy.ts";

/**
 * How many rows have their label among their `k` largest logits, as a float32 count []: counts of batches of any sizes add up.
 * Labels that are no class (padding, −100) are never right.
 * @param logits [.., classes]
 * @param labels int64 [..]
 * @param k counts as all classes where there are fewer
 * @throws {VitrineError} SHAPE_MISMATCH when the labels are not one for each row of logits.
 */
export function topKCorrect(logits: Tensor, labels: Tensor, k: number): Tensor {
  requireRows("topKCorrect", logits, labels, logits.rank - 1);
  const { indices } = topK(logits, Math.min(k, classesOf(logits)));
  return sum(cast(equal(indices, unsqueeze(labels, -1)), "float32"));
}
