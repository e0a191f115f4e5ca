/** LAMB: Adam whose step at each parameter is as long as the parameter is, so that very large batches train. */

import { greater, norm, recordUpdate, scalar, Tensor, where, withPath } from "../tensor/index.ts";
import { type AdamOptions, adamMoments } from "./adam.ts";
import { type Optimizer, perGroup, requireGradients, type Trainable } from "./optimizer.ts";

/**
 * u ← Adam's direction + λ p, p ← p − η ‖p‖ / ‖u‖ u; parameters without weight decay take u as it is, without the ratio.
 * State: `PARAMETER/exp_sum` and `PARAMETER/exp_sum_sq`, as AdamW's.
 * @param options timm's defaults: betas [0.9, 0.999], epsilon 1e-6
 * @source You et al., arXiv:1904.00962, algorithm 2; timm/optim/lamb.py, without its own clipping (`clipByGlobalNorm` does that)
 */
export function lamb(trainables: readonly Trainable[], options: AdamOptions = {}): Optimizer {
  const moments = adamMoments(trainables, { epsilon: 1e-6, ...options });
  return {
    inputs: moments.inputs,
    state: moments.state,
    feeds: moments.feeds,

    update(gradients, inputs) {
      requireGradients(trainables, gradients);
      withPath("optimizer", () => {
        const rate = inputs.learning_rate!;
        const stepSize = perGroup(({ learningRateScale: scale }) => (scale === 1 ? rate : rate.mul(scale)));
        for (const [i, settings] of trainables.entries()) {
          const { variable, weightDecay } = settings;
          const p = new Tensor(variable.value);
          const adam = moments.direction(i, gradients[i]!, inputs).mul(inputs.moment_scale!);
          const step =
            weightDecay === 0
              ? adam.mul(stepSize(settings))
              : trusted(p, adam.add(p.mul(weightDecay)), stepSize(settings));
          recordUpdate(variable, p.sub(step).value);
        }
      });
    },
  };
}

/** η ‖p‖ / ‖u‖ u; the ratio is 1 where one of the two is zero. */
function trusted(p: Tensor, u: Tensor, rate: Tensor): Tensor {
  const [length, change] = [norm(p), norm(u)];
  const one = scalar(1);
  const ratio = where(greater(length, 0), where(greater(change, 0), length.div(change), one), one);
  return u.mul(ratio.mul(rate));
}
