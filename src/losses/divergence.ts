/** Kullback–Leibler divergence of predicted from wanted distributions. */

import {
  equal,
  gatherElements,
  greater,
  log,
  logSoftmax,
  slice,
  squeeze,
  sum,
  type Tensor,
  unsqueeze,
  where,
} from "../tensor/index.ts";
import { classesOf, requireRows } from "./cross-entropy.ts";
import { reduceLoss } from "./reduction.ts";

/**
 * Σ p (ln p − log q) over the last axis; 0 ln 0 = 0.
 * @param logQ logarithms of the predicted probabilities [.., k]
 * @param p wanted probabilities [.., k]
 * @param options.reduction over the rows: PyTorch calls this mean `batchmean`
 * @source torch.nn.functional.kl_div
 */
export function klDivergence(
  logQ: Tensor,
  p: Tensor,
  { reduction = "mean" }: { readonly reduction?: "mean" | "sum" | "none" } = {},
): Tensor {
  requireRows("klDivergence", logQ, p, logQ.rank);
  // ln 1 stands in where p = 0, so that neither value nor gradient is NaN.
  const logP = log(where(greater(p, 0), p, 1));
  return reduceLoss(sum(p.mul(logP.sub(logQ)), { axes: [-1] }), reduction);
}

/** Options of `labelSmoothingKl`. */
export interface LabelSmoothingKlOptions {
  /** Share of the probability that the other classes get, in equal parts. */
  readonly smoothing: number;
  /** The class that is never predicted; rows with this label count nothing. */
  readonly paddingIndex: number;
}

/**
 * Sum over rows of the divergence of softmax(logits) from the smoothed labels: 1 − s at the label, s / (k − 2) elsewhere, 0 at padding.
 * Divide by the number of words for the loss per word.
 * @param logits [.., k]
 * @param labels int64 [..]
 * @returns []
 * @throws {VitrineError} SHAPE_MISMATCH when the labels are not one for each row of logits.
 * @source Vaswani et al., arXiv:1706.03762, section 5.4; LabelSmoothing of the Annotated Transformer
 */
export function labelSmoothingKl(
  logits: Tensor,
  labels: Tensor,
  { smoothing, paddingIndex }: LabelSmoothingKlOptions,
): Tensor {
  const classes = classesOf(logits);
  requireRows("labelSmoothingKl", logits, labels, logits.rank - 1);
  const [high, low] = [1 - smoothing, smoothing / (classes - 2)];
  const informationOf = (p: number): number => (p === 0 ? 0 : p * Math.log(p));
  const negativeEntropy = informationOf(high) + (classes - 2) * informationOf(low);

  const logP = logSoftmax(logits);
  const wanted = squeeze(gatherElements(logP, unsqueeze(labels, -1), -1), -1);
  const padding = squeeze(slice(logP, -1, paddingIndex, paddingIndex + 1), -1);
  const others = sum(logP, { axes: [-1] })
    .sub(wanted)
    .sub(padding);
  const divergence = wanted.mul(-high).sub(others.mul(low)).add(negativeEntropy);
  return sum(where(equal(labels, paddingIndex), 0, divergence));
}
