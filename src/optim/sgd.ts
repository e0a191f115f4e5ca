/** Stochastic gradient descent. */

import { recordUpdate, Tensor, withPath } from "../tensor/index.ts";
import {
  byName,
  type Optimizer,
  perGroup,
  requireGradients,
  scalarArray,
  type Trainable,
  zeroState,
} from "./optimizer.ts";

/** Options of `sgd`. */
export interface SgdOptions {
  /** μ: how much of the last direction is kept; default 0, which needs no state. */
  readonly momentum?: number;
  /** Step along g + μ b instead of b. @source Sutskever et al. 2013 */
  readonly nesterov?: boolean;
}

/**
 * b ← μ b + g, p ← p − η b, where g includes the weight decay λ p. State: `PARAMETER/momentum_buffer`.
 * @source torch/optim/sgd.py, without dampening
 */
export function sgd(trainables: readonly Trainable[], { momentum = 0, nesterov = false }: SgdOptions = {}): Optimizer {
  const buffers = momentum === 0 ? [] : trainables.map(({ variable }) => zeroState(variable, "momentum_buffer"));

  return {
    inputs: { learning_rate: [] },
    state: byName(buffers),

    feeds: (_, learningRate) => ({ learning_rate: scalarArray(learningRate) }),

    update(gradients, inputs) {
      requireGradients(trainables, gradients);
      withPath("optimizer", () => {
        const rate = inputs.learning_rate!;
        const stepSize = perGroup(({ learningRateScale: scale }) => (scale === 1 ? rate : rate.mul(scale)));
        for (const [i, settings] of trainables.entries()) {
          const { variable, weightDecay } = settings;
          const p = new Tensor(variable.value);
          const g = weightDecay === 0 ? gradients[i]! : gradients[i]!.add(p.mul(weightDecay));
          const buffer = buffers[i];
          const direction = buffer && new Tensor(buffer.value).mul(momentum).add(g);
          const along = !direction ? g : nesterov ? g.add(direction.mul(momentum)) : direction;
          if (buffer && direction) recordUpdate(buffer, direction.value);
          recordUpdate(variable, p.sub(along.mul(stepSize(settings))).value);
        }
      });
    },
  };
}
