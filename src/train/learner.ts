/** What learns: one optimiser step on one batch or on several, with the running average of the weights, as one object with state. */

import { compile, type Executable } from "../compile/index.ts";
import type { NdArray } from "../graph/dtype.ts";
import { foldIn, type Key } from "../graph/random.ts";
import type { Variable } from "../graph/value.ts";
import type { Module } from "../nn/module.ts";
import { clipByGlobalNorm, globalNorm } from "../optim/index.ts";
import { zeroState } from "../optim/optimizer.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { currentValue, recordUpdate, Tensor, withPath } from "../tensor/index.ts";
import { compileLessonStep, type LearningBatch, type Lesson, type MoveOptions } from "./lesson.ts";
import type { Classifier, TrainingBatch } from "./objective.ts";
import { findOrigin, type Origin } from "./origin.ts";
import { imageLesson, type StepOptions } from "./step.ts";

/** Options of `compileLesson`. */
export interface LessonOptions extends MoveOptions {
  /** Batches of one step; default 1. */
  readonly accumulate?: number;
}

/** Options of `compileLearner`. */
export interface LearnerOptions extends StepOptions, LessonOptions {}

/** What a step came to. */
export interface StepResult {
  /** Means over the images or words of the step. */
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
export interface Learner<B extends LearningBatch = TrainingBatch> {
  /** Batches of one step. */
  readonly accumulate: number;
  /** State of the optimiser and of the average, by name: with the model's variables, all that a checkpoint needs. */
  readonly state: ReadonlyMap<string, Variable>;
  /** One step: each batch has the weight of its examples. @param batches as many as `accumulate` says */
  learn(batches: readonly B[], settings: StepSettings): Promise<StepResult>;
  /** How many examples (images, words) a batch counts as. */
  examples(batch: B): number;
  /** The gradients of a batch by parameter, as the model is now; compiled when first asked for. */
  gradientsOf(batch: B, key: Key): Promise<ReadonlyMap<string, NdArray>>;
  /** Where in the last step, which was of these batches, numbers stopped being finite: it is computed again. */
  originOfNonFinite(batches: readonly B[], key: Key): Promise<Origin>;
  /** Does something with the averaged weights in the model's variables; with the trained ones where there is no average. */
  averaged<T>(use: () => Promise<T>): Promise<T>;
  /** Brings all state into `variable.data`. */
  sync(): Promise<void>;
  /** Goes on from `variable.data`, after something else wrote there. */
  reset(): void;
  dispose(): Promise<void>;
}

/** What computes the steps. */
interface Steps<B> {
  all(): readonly Executable[];
  /** Values from before the last run, of what it moved; absent where they are gone. */
  before(): ReadonlyMap<Variable, NdArray> | undefined;
  run(batches: readonly B[], scalars: Readonly<Record<string, NdArray>>, key: Key): Promise<StepResult>;
}

/** Compiles what a training on images needs. */
export function compileLearner(model: Classifier, options: LearnerOptions): Promise<Learner> {
  return compileLesson(imageLesson(model, options), options);
}

/** Compiles what a training needs. */
export async function compileLesson<B extends LearningBatch>(
  lesson: Lesson<B>,
  options: LessonOptions,
): Promise<Learner<B>> {
  const { accumulate = 1, optimizer, average } = options;
  const { model } = lesson;
  const steps = accumulate === 1 ? wholeStep(lesson, options) : await gatheredStep(lesson, options, accumulate);
  const gradients = new Executables((kind) => compileGradients(lesson, kind, options.runtime));
  await steps.warm();

  const sync = async (): Promise<void> => {
    for (const executable of steps.all()) await executable.sync();
  };

  return {
    accumulate,
    sync,
    state: new Map([...optimizer.state, ...(average?.state ?? [])]),
    examples: (batch) => lesson.examples(batch),

    learn: (batches, { step, learningRate, key }) =>
      steps.run(batches, { ...optimizer.feeds(step, learningRate), ...average?.feeds(step) }, key),

    async gradientsOf(batch, key) {
      const executable = await gradients.of(lesson.kindOf(batch));
      await sync();
      const arrays = await executable.run(await lesson.feeds(batch), { key });
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
          const origin = await findOrigin(
            lesson,
            options.runtime,
            await lesson.feeds(batch),
            batchKey(key, i, accumulate),
          );
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
      for (const executable of steps.all()) executable.reset();
    },

    async dispose() {
      for (const executable of [...steps.all(), ...gradients.made()]) await executable.dispose();
    },
  };
}

/** The executables of the kinds that came up so far. State that lives on a device moves on with the one that runs. */
class Executables {
  readonly #make: (kind: string) => Promise<Executable>;
  readonly #made = new Map<string, Executable>();
  #last: Executable | undefined;

  constructor(make: (kind: string) => Promise<Executable>) {
    this.#make = make;
  }

  made(): readonly Executable[] {
    return [...this.#made.values()];
  }

  /** The one that ran last. */
  get last(): Executable | undefined {
    return this.#last;
  }

  async of(kind: string): Promise<Executable> {
    const found = this.#made.get(kind) ?? (await this.#make(kind));
    this.#made.set(kind, found);
    if (this.#last && this.#last !== found) {
      await this.#last.sync();
      found.reset();
    }
    this.#last = found;
    return found;
  }
}

/** Everything in one executable. */
function wholeStep<B extends LearningBatch>(lesson: Lesson<B>, options: MoveOptions): WarmSteps<B> {
  const executables = new Executables((kind) => compileLessonStep(lesson, kind, options));
  return {
    warm: async () => void (await executables.of(lesson.kinds[0])),
    all: () => executables.made(),
    before: () => (options.runtime.device === "webgpu" ? undefined : executables.last?.previous()),
    async run([batch], scalars, key) {
      const executable = await executables.of(lesson.kindOf(batch!));
      const { loss, accuracy, gradientNorm } = await executable.run(
        { ...(await lesson.feeds(batch!)), ...scalars },
        { key },
      );
      return { loss: number(loss), accuracy: number(accuracy), gradientNorm: number(gradientNorm) };
    },
  };
}

/** Steps whose first executable may be compiled ahead. */
type WarmSteps<B> = Steps<B> & { warm(): Promise<void> };

/**
 * Two executables: one adds the gradients of a batch, weighted by its share of the step's examples, one moves the parameters. So memory stays that of one
 * batch and the graph does not grow with the number of batches.
 */
async function gatheredStep<B extends LearningBatch>(
  lesson: Lesson<B>,
  { runtime, optimizer, average, clipNorm }: MoveOptions,
  accumulate: number,
): Promise<WarmSteps<B>> {
  const means = [...lesson.parameters.values()].map(({ variable }) => zeroState(variable, "gradient"));
  const gathers = new Executables((kind) =>
    compile(
      (inputs: Readonly<Record<string, Tensor>>) => {
        const { outputs, gradients } = lesson.gradients(inputs);
        withPath("accumulate", () => {
          for (const [i, gradient] of gradients.entries()) {
            const before = new Tensor(means[i]!.value).mul(inputs.keep!);
            recordUpdate(means[i]!, before.add(gradient.mul(inputs.share!)).value);
          }
        });
        const next = means.map((mean) => new Tensor(currentValue(mean)));
        return { loss: outputs.loss, accuracy: outputs.accuracy!, gradientNorm: globalNorm(next) };
      },
      { ...lesson.specs(kind), keep: [], share: [] },
      { runtime },
    ),
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
  const scalar = (value: number): NdArray => ({ dtype: "float32", shape: [], data: Float32Array.of(value) });
  return {
    warm: async () => void (await gathers.of(lesson.kinds[0])),
    all: () => [...gathers.made(), move],
    before: () => new Map(),
    async run(batches, scalars, key) {
      let [loss, accuracy, gradientNorm] = [0, 0, 0];
      const counts = batches.map((batch) => lesson.examples(batch));
      const all = counts.reduce((sum, count) => sum + count, 0);
      for (const [i, batch] of batches.entries()) {
        const gather = await gathers.of(lesson.kindOf(batch));
        const share = counts[i]! / all;
        const inputs = { ...(await lesson.feeds(batch)), keep: scalar(i === 0 ? 0 : 1), share: scalar(share) };
        const result = await gather.run(inputs, { key: batchKey(key, i, accumulate) });
        loss += number(result.loss) * share;
        accuracy += number(result.accuracy) * share;
        gradientNorm = number(result.gradientNorm);
      }
      // This executable writes over the parameters: where something is broken, they are needed to find it.
      if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) return { loss, accuracy, gradientNorm };
      // Where state lives on a device, each executable has its own: they meet on the host.
      await gathers.last?.sync();
      await move.run(scalars);
      await move.sync();
      return { loss, accuracy, gradientNorm };
    },
  };
}

function compileGradients<B extends LearningBatch>(
  lesson: Lesson<B>,
  kind: string,
  runtime: Runtime,
): Promise<Executable> {
  const names = [...lesson.parameters.keys()];
  return compile(
    (inputs: Readonly<Record<string, Tensor>>) =>
      Object.fromEntries(lesson.gradients(inputs).gradients.map((gradient, i) => [`${names[i]}/gradient`, gradient])),
    lesson.specs(kind),
    { runtime, variables: "live" },
  );
}

/** Batches of one step draw different numbers. */
function batchKey(key: Key, i: number, accumulate: number): Key {
  return accumulate === 1 ? key : foldIn(key, "batch", i);
}

/** Exchanges the values of the variables and of their averages. */
function swap(model: Module, averages: ReadonlyMap<string, Variable>): void {
  for (const variable of model.variables().values()) {
    const average = averages.get(`${variable.name}/average`);
    if (average) [variable.data, average.data] = [average.data, variable.data];
  }
}

function number(array: NdArray | undefined): number {
  return array ? Number(array.data[0]) : Number.NaN;
}
