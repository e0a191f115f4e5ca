/** Step two: a model learns from comparisons which answers people like. */

import { compile } from "../../compile/index.ts";
import type { NdArray } from "../../graph/dtype.ts";
import { comparisonLoss } from "../../losses/index.ts";
import type { Gpt2Scorer } from "../../models/gpt2/scorer.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { cast, gatherElements, greater, mean, squeeze, type Tensor } from "../../tensor/index.ts";
import { batchesOf, compileLossStep, type PreferenceTraining } from "./loss-step.ts";
import { type AnsweredText, textArrays, textSpecs } from "./texts.ts";

/** Two answers to one prompt, each with its end; the first was preferred. */
export interface Comparison {
  readonly prompt: readonly number[];
  readonly chosen: readonly number[];
  readonly rejected: readonly number[];
}

/** The two texts of a comparison. */
export function textsOf({ prompt, chosen, rejected }: Comparison): {
  readonly chosen: AnsweredText;
  readonly rejected: AnsweredText;
} {
  return { chosen: { prompt, answer: chosen }, rejected: { prompt, answer: rejected } };
}

/**
 * Trains a reward model. Yields the loss of each step and the share of its comparisons that the model orders as people did.
 * @throws {VitrineError} INVALID_ARGUMENT for a text that is longer than `length`.
 * @source Ouyang et al., arXiv:2203.02155, equation 1
 */
export async function* trainRewardModel(
  model: Gpt2Scorer,
  comparisons: readonly Comparison[],
  training: PreferenceTraining,
): AsyncGenerator<{ readonly loss: number; readonly agreement: number }> {
  const { batchSize, length } = training;
  const { ids, last } = textSpecs(batchSize, length);
  await using step = await compileLossStep(
    [model],
    { ids, last, otherIds: ids, otherLast: last },
    (inputs) => {
      const chosen = rewardAt(model.forward(inputs.ids, { train: true }), inputs.last);
      const rejected = rewardAt(model.forward(inputs.otherIds, { train: true }), inputs.otherLast);
      return {
        loss: comparisonLoss(chosen, rejected),
        agreement: mean(cast(greater(chosen, rejected), "float32")),
      };
    },
    training,
  );
  for (const { batch, rate } of batchesOf(comparisons.map(textsOf), training)) {
    const { ids, last } = textArrays(
      batch.map(({ chosen }) => chosen),
      length,
    );
    const { ids: otherIds, last: otherLast } = textArrays(
      batch.map(({ rejected }) => rejected),
      length,
    );
    const { loss, agreement } = await step.take({ ids, last, otherIds, otherLast }, rate);
    yield { loss: loss!, agreement: agreement! };
  }
}

/** Scores [b, n] → those at the last words [b]. */
function rewardAt(scores: Tensor, last: Tensor): Tensor {
  return squeeze(gatherElements(scores, last, 1), 1);
}

/** What gives each text a number. */
export type RewardFunction = (texts: readonly AnsweredText[]) => Promise<Float32Array>;

/** A reward model that is ready to judge. */
export interface Rewarder extends AsyncDisposable {
  readonly rewardsOf: RewardFunction;
}

/**
 * Compiles a trained reward model.
 * @param shownTexts their mean reward is taken off, so that 0 is the reward of what people show: "labeler demonstrations achieve a mean score of 0"
 * @source Ouyang et al., arXiv:2203.02155, section 3.5
 */
export async function openRewarder(
  model: Gpt2Scorer,
  shownTexts: readonly AnsweredText[],
  { runtime, length }: { readonly runtime: Runtime; readonly length: number },
): Promise<Rewarder> {
  const { ids, last } = textSpecs("b", length);
  const executable = await compile(
    (inputs) => ({ rewards: rewardAt(model.forward(inputs.ids), inputs.last) }),
    { ids, last },
    { runtime },
  );
  const scoresOf: RewardFunction = async (texts) => {
    const { ids, last } = textArrays(texts, length);
    const { rewards } = (await executable.run({ ids, last })) as { readonly rewards: NdArray };
    return rewards.data as Float32Array;
  };
  const shown = await scoresOf(shownTexts);
  const centre = shown.reduce((a, b) => a + b, 0) / shown.length;
  return {
    rewardsOf: async (texts) => (await scoresOf(texts)).map((score) => score - centre),
    [Symbol.asyncDispose]: () => executable.dispose(),
  };
}
