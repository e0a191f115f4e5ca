/**
 * Adam and AdamW, in the form with the fewest passes over memory.
 *
 * Instead of the running means m and v the state holds the running sums M = m / (1 − β₁) and V = v / (1 − β₂):
 *
 *     M ← β₁ M + g        V ← β₂ V + g²        p ← p − c · M / (√V + ε′)
 *
 * with c = η (1 − β₁) / ((1 − β₁ᵗ) s), ε′ = ε / s and s = √((1 − β₂) / (1 − β₂ᵗ)), which are scalars of the step.
 *
 * @source Kingma & Ba, arXiv:1412.6980, algorithm 1; Loshchilov & Hutter, arXiv:1711.05101, algorithm 2; torch/optim/adam.py
 */

import { recordUpdate, sqrt, Tensor, withPath } from "../tensor/index.ts";
import {
  byName,
  type Optimizer,
  perGroup,
  requireGradients,
  scalarArray,
  type Trainable,
  zeroState,
} from "./optimizer.ts";

/** Options of `adam` and `adamW`; PyTorch's defaults. */
export interface AdamOptions {
  /** Decay of the running means of gradients and of their squares; default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** Added to the root of the mean square; default 1e-8. */
  readonly epsilon?: number;
}

/** Adam; its weight decay is a part of the gradient: g + λ p. State: `PARAMETER/exp_sum` and `PARAMETER/exp_sum_sq`. */
export function adam(trainables: readonly Trainable[], options: AdamOptions = {}): Optimizer {
  return adamWith("coupled", trainables, options);
}

/** AdamW; its weight decay shrinks parameters directly: p (1 − η λ). State: `PARAMETER/exp_sum` and `PARAMETER/exp_sum_sq`. */
export function adamW(trainables: readonly Trainable[], options: AdamOptions = {}): Optimizer {
  return adamWith("decoupled", trainables, options);
}

function adamWith(decay: "coupled" | "decoupled", trainables: readonly Trainable[], options: AdamOptions): Optimizer {
  const moments = adamMoments(trainables, options);
  return {
    inputs: moments.inputs,
    state: moments.state,
    feeds: moments.feeds,

    update(gradients, inputs) {
      requireGradients(trainables, gradients);
      withPath("optimizer", () => {
        const rate = inputs.learning_rate!;
        const base = rate.mul(inputs.moment_scale!);
        const stepSize = perGroup(({ learningRateScale: scale }) => (scale === 1 ? base : base.mul(scale)));
        const keep = perGroup(({ learningRateScale, weightDecay }) =>
          rate.mul(-learningRateScale * weightDecay).add(1),
        );
        for (const [i, settings] of trainables.entries()) {
          const { variable, weightDecay } = settings;
          const p = new Tensor(variable.value);
          const decays = weightDecay !== 0;
          const g = decays && decay === "coupled" ? gradients[i]!.add(p.mul(weightDecay)) : gradients[i]!;
          const change = moments.direction(i, g, inputs).mul(stepSize(settings));
          const kept = decays && decay === "decoupled" ? p.mul(keep(settings)) : p;
          recordUpdate(variable, kept.sub(change).value);
        }
      });
    },
  };
}

/** The running sums M and V of some parameters: what Adam, AdamW and LAMB have in common. */
interface AdamMoments extends Pick<Optimizer, "inputs" | "state" | "feeds"> {
  /** Records the new sums of parameter i. @returns M / (√V + ε′); times `moment_scale` it is Adam's direction */
  direction(i: number, gradient: Tensor, inputs: Readonly<Record<string, Tensor>>): Tensor;
}

/** Moments with bias correction, in the form that the head of this file explains. */
export function adamMoments(
  trainables: readonly Trainable[],
  { betas: [beta1, beta2] = [0.9, 0.999], epsilon = 1e-8 }: AdamOptions,
): AdamMoments {
  const sums = trainables.map(({ variable }) => zeroState(variable, "exp_sum"));
  const squareSums = trainables.map(({ variable }) => zeroState(variable, "exp_sum_sq"));
  return {
    inputs: { learning_rate: [], moment_scale: [], epsilon: [] },
    state: byName([...sums, ...squareSums]),

    feeds(step, learningRate) {
      const t = step + 1;
      const s = Math.sqrt((1 - beta2) / (1 - beta2 ** t));
      return {
        learning_rate: scalarArray(learningRate),
        moment_scale: scalarArray((1 - beta1) / ((1 - beta1 ** t) * s)),
        epsilon: scalarArray(epsilon / s),
      };
    },

    direction(i, g, inputs) {
      const sum = new Tensor(sums[i]!.value).mul(beta1).add(g);
      const squareSum = new Tensor(squareSums[i]!.value).mul(beta2).add(g.mul(g));
      recordUpdate(sums[i]!, sum.value);
      recordUpdate(squareSums[i]!, squareSum.value);
      return sum.div(sqrt(squareSum).add(inputs.epsilon!));
    },
  };
}
