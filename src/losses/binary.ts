/** Losses of yes-or-no decisions: one logit for each, targets in [0, 1]. */

import { pow, sigmoid, softplus, type Tensor } from "../tensor/index.ts";
import { type LossOptions, reduceLoss } from "./reduction.ts";

/** Options of `binaryCrossEntropy`. */
export interface BinaryCrossEntropyOptions extends LossOptions {
  /** Weight of positive targets, broadcast over the logits: [k] for k labels. */
  readonly positiveWeight?: Tensor;
}

/**
 * −w t log σ(x) − (1 − t) log(1 − σ(x)), without overflow.
 * @param logits x, any shape
 * @param targets t, of the same shape
 * @source torch.nn.functional.binary_cross_entropy_with_logits
 */
export function binaryCrossEntropy(
  logits: Tensor,
  targets: Tensor,
  { positiveWeight, reduction }: BinaryCrossEntropyOptions = {},
): Tensor {
  return reduceLoss(elementwiseBinaryCrossEntropy(logits, targets, positiveWeight), reduction);
}

/** (1 − t) x + (1 + (w − 1) t) log(1 + e^−x). */
function elementwiseBinaryCrossEntropy(x: Tensor, t: Tensor, positiveWeight?: Tensor): Tensor {
  const miss = softplus(x.neg());
  const weighted = positiveWeight ? miss.mul(t.mul(positiveWeight.sub(1)).add(1)) : miss;
  return x.sub(x.mul(t)).add(weighted);
}

/** Options of `sigmoidFocalLoss`. */
export interface FocalLossOptions extends LossOptions {
  /** Weight of positive targets, 1 − α that of negative ones; default 0.25. */
  readonly alpha?: number;
  /** How strongly easy examples are played down; default 2. */
  readonly gamma?: number;
}

/**
 * Binary cross-entropy times (1 − p of the right answer)^γ and its α.
 * @param logits any shape
 * @param targets 0 or 1, of the same shape
 * @source Lin et al., arXiv:1708.02002; torchvision.ops.sigmoid_focal_loss
 */
export function sigmoidFocalLoss(
  logits: Tensor,
  targets: Tensor,
  { alpha = 0.25, gamma = 2, reduction }: FocalLossOptions = {},
): Tensor {
  const p = sigmoid(logits);
  const missed = p.add(targets).sub(p.mul(targets).mul(2));
  const balance = targets.mul(2 * alpha - 1).add(1 - alpha);
  const losses = elementwiseBinaryCrossEntropy(logits, targets).mul(pow(missed, gamma)).mul(balance);
  return reduceLoss(losses, reduction);
}
