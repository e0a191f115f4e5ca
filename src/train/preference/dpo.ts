/** Direct preference optimisation: the GPT learns from the comparisons themselves, without a reward model and without writing. */

import { ndarray } from "../../graph/dtype.ts";
import { type DpoOptions, dpoLoss, wordLogProbabilities } from "../../losses/index.ts";
import type { Gpt2 } from "../../models/gpt2/gpt2.ts";
import { cast, greater, mean, sum, type Tensor } from "../../tensor/index.ts";
import { openLogProbabilities } from "./log-probabilities.ts";
import { batchesOf, compileLossStep, type PreferenceTraining } from "./loss-step.ts";
import { type Comparison, textsOf } from "./reward-model.ts";
import { type AnsweredText, textArrays, textSpecs } from "./texts.ts";

interface Pair {
  readonly chosen: AnsweredText;
  readonly rejected: AnsweredText;
  readonly referenceChosen: number;
  readonly referenceRejected: number;
}

/**
 * Trains `model`, which is its own reference as it is now; without dropout, so that the two begin equal. Yields the loss of each step and the share of its comparisons in which the chosen answer has become
 * more probable, beside the reference, than the rejected one.
 * @throws {VitrineError} INVALID_ARGUMENT for a text that is longer than `length`, or β or ε out of range.
 * @source Rafailov et al., arXiv:2305.18290
 */
export async function* optimizeDirectly(
  model: Gpt2,
  comparisons: readonly Comparison[],
  { beta, labelSmoothing, ...training }: PreferenceTraining & DpoOptions,
): AsyncGenerator<{ readonly loss: number; readonly agreement: number }> {
  const { batchSize, length } = training;
  const { ids, labels } = textSpecs(batchSize, length);
  const logP = (ids: Tensor, labels: Tensor): Tensor =>
    sum(wordLogProbabilities(model.forward(ids), labels), { axes: [1] });
  await using step = await compileLossStep(
    [model],
    {
      ...{ ids, labels, otherIds: ids, otherLabels: labels },
      ...{ referenceChosen: [batchSize], referenceRejected: [batchSize] },
    },
    ({ ids, labels, otherIds, otherLabels, ...reference }) => {
      const pairs = { chosen: logP(ids, labels), rejected: logP(otherIds, otherLabels), ...reference };
      const { loss, chosenReward, rejectedReward } = dpoLoss(pairs, { beta, labelSmoothing: labelSmoothing ?? 0 });
      return { loss, agreement: mean(cast(greater(chosenReward, rejectedReward), "float32")) };
    },
    training,
  );
  for (const { batch, rate } of batchesOf(await withReference(model, comparisons, training), training)) {
    const { ids, labels } = textArrays(
      batch.map(({ chosen }) => chosen),
      length,
    );
    const { ids: otherIds, labels: otherLabels } = textArrays(
      batch.map(({ rejected }) => rejected),
      length,
    );
    const numbers = (of: (pair: Pair) => number) => ndarray("float32", [batch.length], batch.map(of));
    const referenceChosen = numbers((pair) => pair.referenceChosen);
    const referenceRejected = numbers((pair) => pair.referenceRejected);
    const feeds = { ids, labels, otherIds, otherLabels, referenceChosen, referenceRejected };
    const { loss, agreement } = await step.take(feeds, rate);
    yield { loss: loss!, agreement: agreement! };
  }
}

/** What the model gives each answer before it is trained. */
async function withReference(
  model: Gpt2,
  comparisons: readonly Comparison[],
  training: PreferenceTraining,
): Promise<readonly Pair[]> {
  await using reference = await openLogProbabilities(model, training);
  const pairs: Pair[] = [];
  for (let i = 0; i < comparisons.length; i += training.batchSize) {
    const texts = comparisons.slice(i, i + training.batchSize).map(textsOf);
    const chosen = await reference.ofAnswers(texts.map((pair) => pair.chosen));
    const rejected = await reference.ofAnswers(texts.map((pair) => pair.rejected));
    for (const [row, pair] of texts.entries())
      pairs.push({ ...pair, referenceChosen: chosen[row]!, referenceRejected: rejected[row]! });
  }
  return pairs;
}
