/** How well words are foreseen, as sums: those of batches of any sizes add up. */

import {
  cast,
  equal,
  gatherElements,
  greaterOrEqual,
  max,
  not,
  squeeze,
  sum,
  type Tensor,
  unsqueeze,
  where,
} from "../tensor/index.ts";
import { crossEntropy } from "./cross-entropy.ts";

/** Float32 sums [] over the words that count. */
export interface WordSums {
  /** Of −log P of the labels. */
  readonly loss: Tensor;
  /** Words whose label no other word's logit exceeds. */
  readonly right: Tensor;
  readonly words: Tensor;
}

/**
 * The sums over all labels but the ignored ones.
 * @param logits [.., v]
 * @param labels int64 [..], in 0 … v − 1 or the ignored index
 * @param ignored label that counts nothing
 * @throws {VitrineError} SHAPE_MISMATCH when the labels are not one for each row of logits.
 */
export function wordSums(logits: Tensor, labels: Tensor, ignored = -100): WordSums {
  const counted = not(equal(labels, ignored));
  const safe = where(counted, labels, 0);
  const own = squeeze(gatherElements(logits, unsqueeze(safe, -1), -1), -1);
  const isRight = cast(greaterOrEqual(own, max(logits, { axes: [-1] })), "float32");
  const counts = cast(counted, "float32");
  return {
    loss: crossEntropy(logits, labels, { ignoreIndex: ignored, reduction: "sum" }),
    right: sum(isRight.mul(counts)),
    words: sum(counts),
  };
}
