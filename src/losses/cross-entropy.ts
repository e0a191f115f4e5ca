/** Cross-entropy of logits with labels or with probabilities. Classes are the last axis. */

import { VitrineError } from "../errors.ts";
import { equalDims, shapeText } from "../graph/dim.ts";
import {
  cast,
  currentPath,
  equal,
  gather,
  gatherElements,
  logSoftmax,
  not,
  squeeze,
  sum,
  type Tensor,
  unsqueeze,
  where,
} from "../tensor/index.ts";
import { type LossOptions, reduceLoss } from "./reduction.ts";

/** Options of both cross-entropies. */
export interface CrossEntropyOptions extends LossOptions {
  /** ε: every target becomes (1 − ε) target + ε / k; default 0. @source Szegedy et al., arXiv:1512.00567, section 7 */
  readonly labelSmoothing?: number;
  /** Weight of each class [k]; the mean is then weighted by the classes of the labels. */
  readonly classWeights?: Tensor;
}

/** Options of `crossEntropy`. */
export interface LabelCrossEntropyOptions extends CrossEntropyOptions {
  /** Rows with this label count nothing, not even in the mean; default −100. */
  readonly ignoreIndex?: number;
}

/**
 * −log softmax(logits)[label].
 * @param logits [.., k]
 * @param labels int64 [..], in 0 … k − 1 or the ignored index
 * @returns [], or [..] for reduction `none`; the mean of no row at all is NaN
 * @throws {VitrineError} SHAPE_MISMATCH when the labels are not one for each row of logits.
 * @source torch.nn.functional.cross_entropy
 */
export function crossEntropy(
  logits: Tensor,
  labels: Tensor,
  { labelSmoothing = 0, classWeights, ignoreIndex = -100, reduction = "mean" }: LabelCrossEntropyOptions = {},
): Tensor {
  const classes = classesOf(logits);
  requireRows("crossEntropy", logits, labels, logits.rank - 1);
  const counted = not(equal(labels, ignoreIndex));
  const safe = where(counted, labels, 0);
  const logP = logSoftmax(logits);
  const picked = squeeze(gatherElements(logP, unsqueeze(safe, -1), -1), -1);
  const weight = classWeights ? gather(classWeights, safe, 0) : undefined;
  const nll = weight ? picked.mul(weight).neg() : picked.neg();
  const losses =
    labelSmoothing === 0
      ? nll
      : nll
          .mul(1 - labelSmoothing)
          .sub(sum(classWeights ? logP.mul(classWeights) : logP, { axes: [-1] }).mul(labelSmoothing / classes));
  const kept = where(counted, losses, 0);
  if (reduction !== "mean") return reduceLoss(kept, reduction);
  const total = weight ? where(counted, weight, 0) : cast(counted, logits.dtype);
  return sum(kept).div(sum(total));
}

/**
 * −Σ target · log softmax(logits) over the classes.
 * @param logits [.., k]
 * @param targets probabilities [.., k]
 * @returns [], or [..] for reduction `none`
 * @throws {VitrineError} SHAPE_MISMATCH when the two shapes differ.
 * @source torch.nn.functional.cross_entropy; timm SoftTargetCrossEntropy
 */
export function crossEntropySoft(
  logits: Tensor,
  targets: Tensor,
  { labelSmoothing = 0, classWeights, reduction = "mean" }: CrossEntropyOptions = {},
): Tensor {
  const classes = classesOf(logits);
  requireRows("crossEntropySoft", logits, targets, logits.rank);
  const smooth = labelSmoothing === 0 ? targets : targets.mul(1 - labelSmoothing).add(labelSmoothing / classes);
  const weighted = classWeights ? smooth.mul(classWeights) : smooth;
  return reduceLoss(sum(weighted.mul(logSoftmax(logits)), { axes: [-1] }).neg(), reduction);
}

/** Number of classes of logits [.., k]. */
export function classesOf(logits: Tensor): number {
  const classes = logits.shape.at(-1);
  if (typeof classes === "number") return classes;
  throw new VitrineError("SHAPE_MISMATCH", {
    rule: "loss: the number of classes must be known",
    evidence: `got logits ${shapeText(logits.shape)}`,
    place: currentPath(),
  });
}

/** Stops unless `target` has the first `rank` sizes of `logits` and no others. */
export function requireRows(loss: string, logits: Tensor, target: Tensor, rank: number): void {
  const wanted = logits.shape.slice(0, rank);
  if (target.rank === rank && wanted.every((dim, i) => equalDims(dim, target.shape[i]!))) return;
  throw new VitrineError("SHAPE_MISMATCH", {
    rule: `${loss}: targets must be ${shapeText(wanted)} for logits ${shapeText(logits.shape)}`,
    evidence: `got ${shapeText(target.shape)}`,
    place: currentPath(),
  });
}
