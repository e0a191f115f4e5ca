/** A running average of a model's variables, which often predicts better than their newest values. */

import type { NdArray } from "../graph/dtype.ts";
import { makeVariable } from "../graph/graph.ts";
import type { Variable } from "../graph/value.ts";
import { currentValue, recordUpdate, Tensor, withPath } from "../tensor/index.ts";
import { byName, scalarArray } from "./optimizer.ts";

/** Options of `modelAverage`; timm's defaults. */
export interface AverageOptions {
  /** How much of the average is kept at each step; default 0.9999. */
  readonly decay?: number;
  /** Begin with smaller decays: 1 − (1 + t / γ)^−power, with these two. */
  readonly warmup?: { readonly gamma: number; readonly power: number };
}

/** An average as part of the graph of a training step. */
export interface ModelAverage {
  /** Names of the float32 scalars that each step is fed, with their (empty) shapes. */
  readonly inputs: Readonly<Record<string, readonly []>>;
  /** The averages by `VARIABLE/average`, for checkpoints. */
  readonly state: ReadonlyMap<string, Variable>;
  /** The values of `inputs`. @param step how many updates came before this one */
  feeds(step: number): Record<string, NdArray>;
  /** Records the new averages; call it after the optimiser has recorded the new parameters. */
  update(inputs: Readonly<Record<string, Tensor>>): void;
}

/**
 * average ← average + (1 − decay) (variable − average). At step 0 the averages become the variables.
 * @param variables parameters and running statistics, all float32
 * @source timm/utils/model_ema.py ModelEmaV3
 */
export function modelAverage(
  variables: Iterable<Variable>,
  { decay = 0.9999, warmup }: AverageOptions = {},
): ModelAverage {
  const pairs = [...variables].map((variable) => ({
    variable,
    average: makeVariable(`${variable.name}/average`, variable.dtype, variable.shape, () => ({
      ...variable.data,
      data: variable.data.data.slice(),
    })),
  }));

  return {
    inputs: { average_share: [] },
    state: byName(pairs.map(({ average }) => average)),

    feeds: (step) => ({ average_share: scalarArray(1 - decayAt(step, decay, warmup)) }),

    update(inputs) {
      const share = inputs.average_share!;
      withPath("average", () => {
        for (const { variable, average } of pairs) {
          const old = new Tensor(average.value);
          const next = old.add(new Tensor(currentValue(variable)).sub(old).mul(share));
          recordUpdate(average, next.value);
        }
      });
    },
  };
}

/** 0 at first, so that the average starts at the first trained values. */
function decayAt(step: number, decay: number, warmup: AverageOptions["warmup"]): number {
  if (step <= 0) return 0;
  return warmup ? Math.min(decay, 1 - (1 + step / warmup.gamma) ** -warmup.power) : decay;
}
