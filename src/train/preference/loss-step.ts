/** One optimiser step of any loss of any modules, compiled; and the loop around it. */

import { compile, type Specs } from "../../compile/index.ts";
import { grad } from "../../gradient/index.ts";
import type { NdArray } from "../../graph/dtype.ts";
import { foldIn, keyOf, permutation } from "../../graph/random.ts";
import type { Module } from "../../nn/module.ts";
import { adam, clipByGlobalNorm, cosineSchedule } from "../../optim/index.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Tensor } from "../../tensor/index.ts";

/** What one training needs beside its data. */
export interface PreferenceTraining {
  readonly runtime: Runtime;
  readonly seed: number;
  /** Texts, or pairs of them, of one step. */
  readonly batchSize: number;
  /** Updates of the weights. */
  readonly steps: number;
  /** The highest; it rises over the first twentieth of the steps and falls to 0 as a cosine. */
  readonly learningRate: number;
  /** n: words of the longest text that there can be. */
  readonly length: number;
}

/** A compiled step of Adam on the sum of what `loss` gives. */
export interface LossStep extends AsyncDisposable {
  /** One update. @returns the scalars that the loss function gave, by name */
  take(inputs: Readonly<Record<string, NdArray>>, learningRate: number): Promise<Readonly<Record<string, number>>>;
}

/** Largest norm of a gradient. */
const clipNorm = 1;

/**
 * Compiles a step: gradients of `loss` for all parameters of the modules, clipped to norm 1, and Adam's update.
 * @param trace inputs → `loss` [] and further scalars
 * @param training.seed what dropout draws from
 */
export async function compileLossStep<S extends Specs>(
  modules: readonly Module[],
  specs: S,
  trace: (inputs: { readonly [K in keyof S]: Tensor }) => { readonly loss: Tensor } & Readonly<Record<string, Tensor>>,
  { runtime, seed }: Pick<PreferenceTraining, "runtime" | "seed">,
): Promise<LossStep> {
  const parameters = modules.flatMap((module) => [...module.parameters().values()]);
  const trainables = parameters.map(({ variable }) => ({ variable, learningRateScale: 1, weightDecay: 0 }));
  const optimizer = adam(trainables);
  const executable = await compile(
    (inputs: Readonly<Record<string, Tensor>>) => {
      const outputs = trace(inputs as { readonly [K in keyof S]: Tensor });
      optimizer.update(clipByGlobalNorm(grad(outputs.loss, parameters), clipNorm).gradients, inputs);
      return outputs;
    },
    { ...specs, ...optimizer.inputs },
    { runtime },
  );
  let taken = 0;
  return {
    async take(inputs, learningRate) {
      const key = foldIn(keyOf(seed), "step", taken);
      const outputs = await executable.run({ ...inputs, ...optimizer.feeds(taken++, learningRate) }, { key });
      return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, Number(data[0])]));
    },
    [Symbol.asyncDispose]: () => executable.dispose(),
  };
}

/** The batches of a training with their learning rates: each pass over the examples has an order of its own. */
export function* batchesOf<T>(
  examples: readonly T[],
  { seed, batchSize, steps, learningRate }: PreferenceTraining,
): Generator<{ readonly batch: readonly T[]; readonly rate: number }> {
  const rateAt = cosineSchedule({ learningRate, steps, warmup: Math.ceil(steps / 20) });
  const orderOf = (pass: number): Uint32Array => permutation(foldIn(keyOf(seed), "order", pass), examples.length);
  let [pass, place, order] = [0, 0, orderOf(0)];
  for (let step = 0; step < steps; step++) {
    const batch: T[] = [];
    while (batch.length < batchSize) {
      if (place === order.length) [pass, place, order] = [pass + 1, 0, orderOf(pass + 1)];
      batch.push(examples[order[place++]!]!);
    }
    yield { batch, rate: rateAt(step + 1) };
  }
}
