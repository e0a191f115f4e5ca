/** What a training step learns from and makes small: all that differs between models of images and models of words. */

import { compile, type Executable, type LossOutputs, type Specs } from "../compile/index.ts";
import type { NdArray } from "../graph/dtype.ts";
import type { Module, Parameter } from "../nn/module.ts";
import { clipByGlobalNorm, type ModelAverage, type Optimizer } from "../optim/index.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Tensor } from "../tensor/index.ts";

/** What every batch says of itself. */
export interface LearningBatch {
  /** Files that could not be read; others took their places. */
  readonly skipped: readonly { readonly file: string; readonly reason: string }[];
}

/** A model, and how a batch makes it better. */
export interface Lesson<B extends LearningBatch> {
  readonly model: Module;
  /** The parameters that are trained, in the optimiser's order. */
  readonly parameters: ReadonlyMap<string, Parameter>;
  /** Names of the executables that a run may need: one serves all batches whose sizes it leaves free. The first is compiled before the first step. */
  readonly kinds: readonly [string, ...string[]];
  /** The executable for a batch. */
  kindOf(batch: B): string;
  /** Names, element types and sizes of what a batch feeds. */
  specs(kind: string): Specs;
  /** The values of `specs`; a pure function of the batch, or a continued run differs. */
  feeds(batch: B): Promise<Readonly<Record<string, NdArray>>>;
  /** How many examples (images, words) `means` are over: a batch's weight among those of one step, and in a run's speed. */
  examples(batch: B): number;
  /** Into how many parts a batch is cut; their first axis is the batch. */
  readonly parts: number;
  /** Traces `loss` and `accuracy`, means over a part. */
  means(part: Readonly<Record<string, Tensor>>): LossOutputs;
  /** Traces the means over a batch, and the gradients of the trained parameters. */
  gradients(batch: Readonly<Record<string, Tensor>>): {
    readonly outputs: LossOutputs;
    readonly gradients: readonly Tensor[];
  };
}

/** How the parameters move. */
export interface MoveOptions {
  readonly runtime: Runtime;
  /** Of the parameters that are trained, in their order. */
  readonly optimizer: Optimizer;
  /** Running average of the weights, of the model's variables. */
  readonly average?: ModelAverage | undefined;
  /** Largest global norm of the gradient; none without it. */
  readonly clipNorm?: number | undefined;
}

/** Compiles a whole step. Inputs: the lesson's, the optimiser's and the average's. Outputs: `loss`, `accuracy`, `gradientNorm`. */
export function compileLessonStep<B extends LearningBatch>(
  lesson: Lesson<B>,
  kind: string,
  { runtime, optimizer, average, clipNorm }: MoveOptions,
): Promise<Executable> {
  return compile(
    (inputs: Readonly<Record<string, Tensor>>) => {
      const { outputs, gradients } = lesson.gradients(inputs);
      const { gradients: clipped, norm } = clipByGlobalNorm(gradients, clipNorm);
      optimizer.update(clipped, inputs);
      average?.update(inputs);
      return { loss: outputs.loss, accuracy: outputs.accuracy!, gradientNorm: norm };
    },
    { ...lesson.specs(kind), ...optimizer.inputs, ...average?.inputs },
    { runtime },
  );
}
