/** Step one: a GPT imitates answers that it is shown. */

import { crossEntropy } from "../../losses/index.ts";
import type { Gpt2 } from "../../models/gpt2/gpt2.ts";
import { batchesOf, compileLossStep, type PreferenceTraining } from "./loss-step.ts";
import { type AnsweredText, textArrays, textSpecs } from "./texts.ts";

/**
 * Supervised fine-tuning: cross-entropy of the answers' words alone. Yields the loss of each step; the weights of `model` move.
 * @throws {VitrineError} INVALID_ARGUMENT for a text that is longer than `length`.
 * @source Ouyang et al., arXiv:2203.02155, section 3.5
 */
export async function* fineTune(
  model: Gpt2,
  texts: readonly AnsweredText[],
  training: PreferenceTraining,
): AsyncGenerator<{ readonly loss: number }> {
  const { batchSize, length } = training;
  const { ids, labels } = textSpecs(batchSize, length);
  await using step = await compileLossStep(
    [model],
    { ids, labels },
    (inputs) => ({ loss: crossEntropy(model.forward(inputs.ids, { train: true }), inputs.labels) }),
    training,
  );
  for (const { batch, rate } of batchesOf(texts, training)) {
    const { ids, labels } = textArrays(batch, length);
    const { loss } = await step.take({ ids, labels }, rate);
    yield { loss: loss! };
  }
}
