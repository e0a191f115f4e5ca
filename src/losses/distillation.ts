/** What a student learns from a teacher's logits. */

import { argMax, logSoftmax, softmax, type Tensor } from "../tensor/index.ts";
import { classesOf, crossEntropy, requireRows } from "./cross-entropy.ts";
import { klDivergence } from "./divergence.ts";

/** How the teacher is believed: in the label it names, or in all its probabilities. */
export type Distillation =
  | { readonly kind: "hard" }
  /** τ: logits are divided by it, which makes probabilities softer. */
  | { readonly kind: "soft"; readonly temperature: number };

/**
 * Hard: the cross-entropy with the teacher's most probable label. Soft: τ² KL(teacher ‖ student) of the softened probabilities, over the number of classes, as
 * DeiT's code divides it.
 * @param logits [b, k]
 * @param teacher logits [b, k]; no gradient flows into them
 * @returns the mean over the batch []
 * @throws {VitrineError} SHAPE_MISMATCH when the two shapes differ.
 * @source Touvron et al., arXiv:2012.12877, equations (2) and (3); facebookresearch/deit, losses.py DistillationLoss
 */
export function distillationLoss(logits: Tensor, teacher: Tensor, how: Distillation): Tensor {
  requireRows("distillationLoss", logits, teacher, logits.rank);
  if (how.kind === "hard") return crossEntropy(logits, argMax(teacher, -1));
  const { temperature } = how;
  const divergence = klDivergence(logSoftmax(logits.div(temperature)), softmax(teacher.div(temperature)));
  return divergence.mul(temperature ** 2 / classesOf(logits));
}
