/** What learns: one optimiser step on one batch or on several, with the running average of the weights, as one object with state. */

import { compile, type Executable } from "../compile/index.ts";
import type { NdArray } from "../graph/dtype.ts";
import { foldIn, type Key } from "../graph/random.ts";
import type { Variable } from "../graph/value.ts";
import { clipByGlobalNorm, globalNorm } from "../optim/index.ts";
import { zeroState } from "../optim/optimizer.ts";
import { currentValue, recordUpdate, Tensor, withPath } from "../tensor/index.ts";
import type { Classifier, TrainingBatch } from "./objective.ts";
import { findOrigin, type Origin } from "./origin.ts";
import { batchGradients, batchSpecs, compileTrainingStep, type StepOptions, trainedParameters } from "./step.ts";

/** Options of `compileLearner`. */
export interface LearnerOptions extends StepOptions {
  /** Batches of one step; default 1. */
  readonly accumulate?: number;
}

/** What a step came to. */
export interface StepResult {
  /** Means over the images of the step. */
  readonly loss: number;
  readonly accuracy: number;
  /** Global L2 norm of the gradient before clipping. */
  readonly gradientNorm: number;
}

/** Which step it is, and its learning rate and random numbers. */
export interface StepSettings {
  /** How many steps came before. */
  readonly step: number;
  readonly learningRate: number;
  readonly key: Key;
}

/** A model that is being trained. */
export interface Learner {
  /** Batches of one step. */
  readonly accumulate: number;
  /** State of the optimiser and of the average, by name: with the model's variables, all that a checkpoint needs. */
  readonly state: ReadonlyMap<string, Variable>;
  /** One step. @param batches as many as `accumulate` says, of the same size */
  learn(batches: readonly TrainingBatch[], settings: StepSettings): Promise<StepResult>;
  /** The gradients of a batch by parameter, as the model is now; compiled when first asked for. */
  gradientsOf(batch: TrainingBatch, key: Key): Promise<ReadonlyMap<string, NdArray>>;
  /** Where in the last step, which was of these batches, numbers stopped being finite: it is computed again. */
  originOfNonFinite(batches: readonly TrainingBatch[], key: Key): Promise<Origin>;
  /** Does something with the averaged weights in the model's variables; with the trained ones where there is no average. */
  averaged<T>(use: () => Promise<T>): Promise<T>;
  /** Brings all state into `variable.data`. */
  sync(): Promise<void>;
  /** Goes on from `variable.data`, after something else wrote there. */
  reset(): void;
  dispose(): Promise<void>;
}

/** What computes the steps. */
interface Steps {
  readonly all: readonly Executable[];
  /** Values from before the last run, of what it moved; absent where they are gone. */
  before(): ReadonlyMap<Variable, NdArray> | undefined;
  run(batches: readonly TrainingBatch[], scalars: Readonly<Record<string, NdArray>>, key: Key): Promise<StepResult>;
}

/** Compiles what a training needs. */
export async function compileLearner(model: Classifier, options: LearnerOptions): Promise<Learner> {
  const { accumulate = 1, optimizer, average, objective } = options;
  const feed = async (batch: TrainingBatch): Promise<Record<string, NdArray>> => ({
    images: batch.images,
    targets: batch.targets,
    ...(await objective?.feeds?.(batch)),
  });
  const steps =
    accumulate === 1 ? await wholeStep(model, options, feed) : await gatheredStep(model, options, accumulate, feed);
  let gradients: Promise<Executable> | undefined;

  const sync = async (): Promise<void> => {
    for (const executable of steps.all) await executable.sync();
  };

  return {
    accumulate,
    sync,
    state: new Map([...optimizer.state, ...(average?.state ?? [])]),

    learn: (batches, { step, learningRate, key }) =>
      steps.run(batches, { ...optimizer.feeds(step, learningRate), ...average?.feeds(step) }, key),

    async gradientsOf(batch, key) {
      gradients ??= compileGradients(model, options);
      await sync();
      const arrays = await (await gradients).run(await feed(batch), { key });
      return new Map(Object.entries(arrays).map(([name, array]) => [name.replace(/\/gradient$/, ""), array]));
    },

    async originOfNonFinite(batches, key) {
      const before = steps.before();
      if (!before) return { place: "", kind: "lost" };
      await sync();
      const swapped = [...before].map(([variable, data]) => [variable, variable.data, data] as const);
      for (const [variable, , data] of swapped) variable.data = data;
      try {
        for (const [i, batch] of batches.entries()) {
          const origin = await findOrigin(model, options, await feed(batch), batchKey(key, i, accumulate));
          if (origin) return origin;
        }
        return { place: "", kind: "squares" };
      } finally {
        for (const [variable, data] of swapped) variable.data = data;
      }
    },

    async averaged(use) {
      await sync();
      if (!average) return use();
      swap(model, average.state);
      try {
        return await use();
      } finally {
        swap(model, average.state);
      }
    },

    reset() {
      for (const executable of steps.all) executable.reset();
    },

    async dispose() {
      for (const executable of steps.all) await executable.dispose();
      await (await gradients)?.dispose();
    },
  };
}

type Feed = (batch: TrainingBatch) => Promise<Record<string, NdArray>>;

/** Everything in one executable. */
async function wholeStep(model: Classifier, options: StepOptions, feed: Feed): Promise<Steps> {
  const executable = await compileTrainingStep(model, options);
  return {
    all: [executable],
    before: () => (options.runtime.device === "webgpu" ? undefined : executable.previous()),
    async run([batch], scalars, key) {
      const { loss, accuracy, gradientNorm } = await executable.run({ ...(await feed(batch!)), ...scalars }, { key });
      return { loss: number(loss), accuracy: number(accuracy), gradientNorm: number(gradientNorm) };
    },
  };
}

/**
 * Two executables: one adds the gradients of a batch to their running mean, one moves the parameters. So memory stays that of one batch and
 * the graph does not grow with the number of batches.
 */
async function gatheredStep(model: Classifier, options: StepOptions, accumulate: number, feed: Feed): Promise<Steps> {
  const { runtime, optimizer, average, clipNorm } = options;
  const means = [...trainedParameters(model, options.trained).values()].map(({ variable }) =>
    zeroState(variable, "gradient"),
  );
  const gradientsOf = batchGradients(model, options);
  const gather = await compile(
    (inputs) => {
      const { outputs, gradients } = gradientsOf(inputs);
      withPath("accumulate", () => {
        for (const [i, gradient] of gradients.entries()) {
          const before = new Tensor(means[i]!.value).mul(inputs.keep!);
          recordUpdate(means[i]!, before.add(gradient.mul(1 / accumulate)).value);
        }
      });
      const next = means.map((mean) => new Tensor(currentValue(mean)));
      return { loss: outputs.loss, accuracy: outputs.accuracy!, gradientNorm: globalNorm(next) };
    },
    { ...batchSpecs(options), keep: [] },
    { runtime },
  );
  const move = await compile(
    (inputs) => {
      const { gradients } = clipByGlobalNorm(
        means.map(({ value }) => new Tensor(value)),
        clipNorm,
      );
      optimizer.update(gradients, inputs);
      average?.update(inputs);
      return {};
    },
    { ...optimizer.inputs, ...average?.inputs },
    { runtime },
  );
  const keep = (value: number): NdArray => ({ dtype: "float32", shape: [], data: Float32Array.of(value) });
  return {
    all: [gather, move],
    before: () => new Map(),
    async run(batches, scalars, key) {
      let [loss, accuracy, gradientNorm] = [0, 0, 0];
      for (const [i, batch] of batches.entries()) {
        const inputs = { ...(await feed(batch)), keep: keep(i === 0 ? 0 : 1) };
        const result = await gather.run(inputs, { key: batchKey(key, i, accumulate) });
        loss += number(result.loss) / accumulate;
        accuracy += number(result.accuracy) / accumulate;
        gradientNorm = number(result.gradientNorm);
      }
      // This executable writes over the parameters: where something is broken, they are needed to find it.
      if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) return { loss, accuracy, gradientNorm };
      // Where state lives on a device, each executable has its own: they meet on the host.
      await gather.sync();
      await move.run(scalars);
      await move.sync();
      return { loss, accuracy, gradientNorm };
    },
  };
}

function compileGradients(model: Classifier, options: StepOptions): Promise<Executable> {
  const names = [...trainedParameters(model, options.trained).keys()];
  const gradientsOf = batchGradients(model, options);
  return compile(
    (inputs) =>
      Object.fromEntries(gradientsOf(inputs).gradients.map((gradient, i) => [`${names[i]}/gradient`, gradient])),
    batchSpecs(options),
    { runtime: options.runtime, variables: "live" },
  );
}

/** Batches of one step draw different numbers. */
function batchKey(key: Key, i: number, accumulate: number): Key {
  return accumulate === 1 ? key : foldIn(key, "batch", i);
}

/** Exchanges the values of the variables and of their averages. */
function swap(model: Classifier, averages: ReadonlyMap<string, Variable>): void {
  for (const variable of model.variables().values()) {
    const average = averages.get(`${variable.name}/average`);
    if (average) [variable.data, average.data] = [average.data, variable.data];
  }
}

function number(array: NdArray | undefined): number {
  return array ? Number(array.data[0]) : Number.NaN;
}
