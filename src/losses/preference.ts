/**
 * Losses of learning from comparisons: of reward models, of direct preference optimisation, and of proximal policy optimisation.
 *
 * Axes: b texts · n words of a text, those that count nothing (the prompt, padding) included · v vocabulary
 */

import { VitrineError } from "../errors.ts";
import { clip, exp, maximum, minimum, softplus, square, sum, type Tensor } from "../tensor/index.ts";
import { crossEntropy } from "./cross-entropy.ts";
import { reduceLoss } from "./reduction.ts";

/**
 * log p of each word under logits of what comes next, 0 where the word counts nothing.
 * @param logits [b, n, v]
 * @param labels int64 [b, n]: the word after each, −100 where none counts
 * @returns [b, n]
 * @throws {VitrineError} SHAPE_MISMATCH when the labels are not one for each row of logits.
 */
export function wordLogProbabilities(logits: Tensor, labels: Tensor): Tensor {
  return crossEntropy(logits, labels, { reduction: "none" }).neg();
}

/**
 * −log σ(r(chosen) − r(rejected)), the mean over the pairs: Bradley and Terry's model of who wins.
 * @param chosen rewards of the preferred answers [b]
 * @param rejected rewards of the others [b]
 * @returns []
 * @source Ouyang et al., arXiv:2203.02155, equation 1, for one pair a prompt
 */
export function comparisonLoss(chosen: Tensor, rejected: Tensor): Tensor {
  return reduceLoss(softplus(rejected.sub(chosen)));
}

/** log p of whole answers [b] in pairs, under the model that is trained and under the one that it began as. */
export interface AnswerPairs {
  readonly chosen: Tensor;
  readonly rejected: Tensor;
  readonly referenceChosen: Tensor;
  readonly referenceRejected: Tensor;
}

/** Options of `dpoLoss`. */
export interface DpoOptions {
  /** β, how much it costs to leave the reference; above 0. */
  readonly beta: number;
  /** ε in [0, ½): the share of the comparisons that are thought to be the wrong way round; default 0. */
  readonly labelSmoothing?: number;
}

/**
 * −(1 − ε) log σ(h) − ε log σ(−h) with h = β (log π/π₀ of the chosen − log π/π₀ of the rejected), the mean over the pairs.
 * @returns the loss [], and β log π/π₀ of each answer [b]: the reward that the model gives it without saying so
 * @throws {VitrineError} INVALID_ARGUMENT for β or ε out of range.
 * @source Rafailov et al., arXiv:2305.18290, equation 7; with ε, Mitchell, "A note on DPO with noisy preferences", 2023
 */
export function dpoLoss(
  { chosen, rejected, referenceChosen, referenceRejected }: AnswerPairs,
  { beta, labelSmoothing = 0 }: DpoOptions,
): { readonly loss: Tensor; readonly chosenReward: Tensor; readonly rejectedReward: Tensor } {
  if (!(beta > 0)) throw outOfRange("dpoLoss: β is above 0", beta);
  if (!(labelSmoothing >= 0 && labelSmoothing < 0.5))
    throw outOfRange("dpoLoss: label smoothing is at least 0 and below 0.5", labelSmoothing);
  const chosenReward = chosen.sub(referenceChosen).mul(beta);
  const rejectedReward = rejected.sub(referenceRejected).mul(beta);
  const h = chosenReward.sub(rejectedReward);
  const agreed = softplus(h.neg());
  const losses = labelSmoothing === 0 ? agreed : agreed.mul(1 - labelSmoothing).add(softplus(h).mul(labelSmoothing));
  return { loss: reduceLoss(losses), chosenReward, rejectedReward };
}

/** What the words that were drawn turned out to be worth: [b, n] each, and 1 for words that count, 0 for others. */
export interface PolicyTargets {
  /** log p when the words were drawn. */
  readonly oldLogP: Tensor;
  readonly advantages: Tensor;
  readonly counted: Tensor;
}

/**
 * −min(ρ A, clip(ρ, 1 − ε, 1 + ε) A) with ρ = π / π_old, the mean over the words that count.
 * @param logP of the drawn words now [b, n]
 * @param range ε
 * @returns []
 * @source Schulman et al., arXiv:1707.06347, equation 7
 */
export function clippedPolicyLoss(
  logP: Tensor,
  { oldLogP, advantages, counted }: PolicyTargets,
  range: number,
): Tensor {
  // Where nothing counts both are 0, and so is what they make.
  const ratio = exp(logP.sub(oldLogP));
  const limited = clip(ratio, 1 - range, 1 + range);
  return countedMean(minimum(ratio.mul(advantages), limited.mul(advantages)).neg(), counted);
}

/** What the values should have been: [b, n] each, and 1 for words that count, 0 for others. */
export interface ValueTargets {
  /** Values when the words were drawn. */
  readonly oldValues: Tensor;
  readonly returns: Tensor;
  readonly counted: Tensor;
}

/**
 * ½ max((V − R)², (V_old + clip(V − V_old, −ε, ε) − R)²), the mean over the words that count.
 * @param values [b, n]
 * @param range ε
 * @returns []
 * @source openai/baselines, ppo2/model.py; Ziegler et al., arXiv:1909.08593, its code
 */
export function clippedValueLoss(values: Tensor, { oldValues, returns, counted }: ValueTargets, range: number): Tensor {
  const limited = oldValues.add(clip(values.sub(oldValues), -range, range));
  const losses = maximum(square(values.sub(returns)), square(limited.sub(returns)));
  return countedMean(losses, counted).mul(0.5);
}

function countedMean(x: Tensor, counted: Tensor): Tensor {
  return sum(x.mul(counted)).div(sum(counted));
}

function outOfRange(rule: string, got: number): VitrineError {
  return new VitrineError("INVALID_ARGUMENT", { rule, evidence: `got ${got}` });
}
