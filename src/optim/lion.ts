/** Lion: steps of equal length along the sign of a running mean; half of AdamW's state. */

import { recordUpdate, sign, Tensor, withPath } from "../tensor/index.ts";
import {
  byName,
  type Optimizer,
  perGroup,
  requireGradients,
  scalarArray,
  type Trainable,
  zeroState,
} from "./optimizer.ts";

/** Options of `lion`. */
export interface LionOptions {
  /** How much of the mean counts in the step, and how much of it is kept; default [0.9, 0.99]. */
  readonly betas?: readonly [number, number];
}

/**
 * p ← p (1 − η λ) − η sign(β₁ m + (1 − β₁) g), then m ← β₂ m + (1 − β₂) g. State: `PARAMETER/exp_avg`.
 * Learning rates are three to ten times smaller than AdamW's, weight decays as much larger.
 * @source Chen et al., arXiv:2302.06675, algorithm 2; timm/optim/lion.py
 */
export function lion(
  trainables: readonly Trainable[],
  { betas: [beta1, beta2] = [0.9, 0.99] }: LionOptions = {},
): Optimizer {
  const means = trainables.map(({ variable }) => zeroState(variable, "exp_avg"));
  return {
    inputs: { learning_rate: [] },
    state: byName(means),

    feeds: (_, learningRate) => ({ learning_rate: scalarArray(learningRate) }),

    update(gradients, inputs) {
      requireGradients(trainables, gradients);
      withPath("optimizer", () => {
        const rate = inputs.learning_rate!;
        const stepSize = perGroup(({ learningRateScale: scale }) => (scale === 1 ? rate : rate.mul(scale)));
        const keep = perGroup(({ learningRateScale, weightDecay }) =>
          rate.mul(-learningRateScale * weightDecay).add(1),
        );
        for (const [i, settings] of trainables.entries()) {
          const { variable, weightDecay } = settings;
          const [p, g, mean] = [new Tensor(variable.value), gradients[i]!, new Tensor(means[i]!.value)];
          const direction = sign(mean.mul(beta1).add(g.mul(1 - beta1)));
          const kept = weightDecay === 0 ? p : p.mul(keep(settings));
          recordUpdate(means[i]!, mean.mul(beta2).add(g.mul(1 - beta2)).value);
          recordUpdate(variable, kept.sub(direction.mul(stepSize(settings))).value);
        }
      });
    },
  };
}
