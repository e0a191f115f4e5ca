/** Losses: functions of tensors, differentiated like everything else. */

export { topKCorrect } from "./accuracy.ts";
export { type Assignment, assign } from "./assignment.ts";
export {
  type BinaryCrossEntropyOptions,
  binaryCrossEntropy,
  type FocalLossOptions,
  sigmoidFocalLoss,
} from "./binary.ts";
export { boxArea, boxIou, centresOfCorners, cocoOfCorners, cornersOfCentres, generalizedBoxIou } from "./boxes.ts";
export {
  type CrossEntropyOptions,
  crossEntropy,
  crossEntropySoft,
  type LabelCrossEntropyOptions,
} from "./cross-entropy.ts";
export { type Distillation, distillationLoss } from "./distillation.ts";
export { klDivergence, type LabelSmoothingKlOptions, labelSmoothingKl } from "./divergence.ts";
export {
  type AnswerPairs,
  clippedPolicyLoss,
  clippedValueLoss,
  comparisonLoss,
  type DpoOptions,
  dpoLoss,
  type PolicyTargets,
  type ValueTargets,
  wordLogProbabilities,
} from "./preference.ts";
export type { LossOptions, Reduction } from "./reduction.ts";
export { huberLoss, l1Loss, mseLoss, smoothL1Loss } from "./regression.ts";
export { type WordSums, wordSums } from "./word-sums.ts";
