/** The training loop: steps and evaluations as a stream of events. */

import type { Executable } from "../compile/index.ts";
import { VitrineError } from "../errors.ts";
import type { NdArray } from "../graph/dtype.ts";
import { foldIn, keyOf } from "../graph/random.ts";
import type { Variable } from "../graph/value.ts";
import type { Optimizer } from "../optim/index.ts";
import type { Checkpoint, RunState } from "./checkpoint-node.ts";
import type { Means, TrainEvent } from "./events.ts";
import type { Objective, TrainingBatch } from "./objective.ts";

/** A compiled step, the data it learns from, and where its state goes. */
export interface FitOptions {
  /** From `compileTrainingStep`. */
  readonly step: Executable;
  readonly optimizer: Optimizer;
  /** The one that the step was compiled with. */
  readonly objective?: Objective | undefined;
  /** The model's parameters and buffers. */
  readonly variables: ReadonlyMap<string, Variable>;
  readonly parameterCount: number;
  /** Batches of an epoch (from 0), from the given one on. The same epoch always gives the same batches. */
  readonly batches: (epoch: number, from: number) => AsyncIterable<TrainingBatch>;
  readonly stepsPerEpoch: number;
  readonly epochs: number;
  /** Learning rate of a step, counted from 0. */
  readonly learningRate: (step: number) => number;
  readonly seed: number;
  /** Measures the model as it is now; called after each epoch. */
  readonly evaluate?: (() => Promise<Means>) | undefined;
  /** Continue from here. */
  readonly resume?: Checkpoint | undefined;
  /** Identity of the run, kept in its checkpoints. */
  readonly runId: string;
  /** Writes a checkpoint and returns its folder; called after every epoch, every `checkpointEvery` steps, and when stopped. */
  readonly save?: ((checkpoint: Checkpoint) => Promise<string>) | undefined;
  readonly checkpointEvery?: number | undefined;
  /** Called when an epoch reaches the best validation accuracy so far, before its checkpoint. */
  readonly onBest?: (() => Promise<void>) | undefined;
  /** Stops after the running step, with a checkpoint. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Trains. The caller reads the events; reading no further stops the run.
 * @throws {VitrineError} INTERRUPTED after `signal`, once the checkpoint is written; RUNTIME_FAILURE when the loss is no longer a number.
 */
export async function* fit(options: FitOptions): AsyncGenerator<TrainEvent, void, undefined> {
  const { step: executable, optimizer, stepsPerEpoch, epochs, save, resume } = options;
  if (resume) restore(options, resume);
  let state: RunState = resume?.state ?? {
    step: 0,
    runId: options.runId,
    epochSums: { loss: 0, accuracy: 0, steps: 0 },
  };
  const steps = epochs * stepsPerEpoch;
  const clock = stepClock(steps);
  const started = performance.now();
  yield { type: "run.start", parameters: options.parameterCount, steps, stepsPerEpoch, resumedAt: state.step };

  const checkpoint = async (): Promise<TrainEvent[]> => {
    if (!save) return [];
    await executable.sync();
    const folder = await save({ state, model: dataOf(options.variables), optimizer: dataOf(optimizer.state) });
    return [{ type: "checkpoint", step: state.step, folder }];
  };

  const stopped = (): VitrineError =>
    new VitrineError("INTERRUPTED", {
      rule: `stopped after step ${state.step} of ${steps}`,
      next: save ? "continue with --resume" : undefined,
    });

  for (let epoch = Math.floor(state.step / stepsPerEpoch); epoch < epochs; epoch++) {
    const epochStarted = performance.now();
    for await (const batch of options.batches(epoch, state.step - epoch * stepsPerEpoch)) {
      for (const { file, reason } of batch.skipped) yield { type: "skipped", file, reason };
      const learningRate = options.learningRate(state.step);
      const { images, targets } = batch;
      const further = await options.objective?.feeds?.(batch);
      const inputs = { images, targets, ...further, ...optimizer.feeds(state.step, learningRate) };
      const result = await executable.run(inputs, { key: foldIn(keyOf(options.seed), "step", state.step) });
      const [loss, accuracy, gradientNorm] = [
        number(result.loss),
        number(result.accuracy),
        number(result.gradientNorm),
      ];
      if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm))
        throw new VitrineError("RUNTIME_FAILURE", {
          rule: "loss and gradient must stay finite",
          evidence: `got loss ${loss}, gradient norm ${gradientNorm} at step ${state.step + 1}`,
          next: "lower the learning rate, or clip the gradient; --resume goes back to the last checkpoint",
        });
      const { epochSums } = state;
      state = {
        ...state,
        step: state.step + 1,
        epochSums: { loss: epochSums.loss + loss, accuracy: epochSums.accuracy + accuracy, steps: epochSums.steps + 1 },
      };
      const { perSecond, secondsLeft } = clock(state.step);
      const imagesPerSecond = perSecond * batch.images.shape[0]!;
      yield {
        type: "step",
        step: state.step,
        epoch,
        loss,
        accuracy,
        learningRate,
        gradientNorm,
        imagesPerSecond,
        secondsLeft,
      };
      const epochDone = state.step === (epoch + 1) * stepsPerEpoch;
      // A run told to stop at the end of an epoch measures it first: a checkpoint there counts it as done.
      if (options.signal?.aborted && !epochDone) {
        yield* await checkpoint();
        throw stopped();
      }
      if (options.checkpointEvery && state.step % options.checkpointEvery === 0 && !epochDone)
        yield* await checkpoint();
    }

    const { loss, accuracy, steps: counted } = state.epochSums;
    const train = { loss: loss / counted, accuracy: accuracy / counted };
    await executable.sync();
    const validation = await options.evaluate?.();
    const better = validation !== undefined && validation.accuracy > (state.best?.accuracy ?? -1);
    state = {
      ...state,
      epochSums: { loss: 0, accuracy: 0, steps: 0 },
      best: better ? { epoch, accuracy: validation.accuracy } : state.best,
    };
    if (better || !validation) await options.onBest?.();
    yield {
      type: "epoch.end",
      epoch,
      train,
      validation,
      best: better,
      seconds: (performance.now() - epochStarted) / 1000,
    };
    yield* await checkpoint();
    if (options.signal?.aborted && state.step < steps) throw stopped();
  }
  yield { type: "run.end", best: state.best, seconds: (performance.now() - started) / 1000 };
}

function restore({ step, variables, optimizer }: FitOptions, { model, optimizer: moments }: Checkpoint): void {
  for (const [targets, arrays] of [
    [variables, model],
    [optimizer.state, moments],
  ] as const) {
    for (const [name, variable] of targets) {
      const array = arrays.get(name);
      if (!array)
        throw new VitrineError("WEIGHTS_MISMATCH", {
          rule: "a checkpoint must hold every variable of the run",
          evidence: `no "${name}"`,
        });
      // Steps write into these arrays: they must not be views of the file.
      variable.data = { ...array, data: array.data.slice() };
    }
  }
  step.reset();
}

function dataOf(variables: ReadonlyMap<string, Variable>): ReadonlyMap<string, NdArray> {
  return new Map([...variables].map(([name, variable]) => [name, variable.data]));
}

function number(array: NdArray | undefined): number {
  return array ? Number(array.data[0]) : Number.NaN;
}

/** Steps per second over the last twenty steps, and the seconds that the rest will take. */
function stepClock(steps: number): (done: number) => { readonly perSecond: number; readonly secondsLeft: number } {
  const times = [performance.now()];
  return (done) => {
    times.push(performance.now());
    if (times.length > 21) times.shift();
    const perSecond = (1000 * (times.length - 1)) / (times[times.length - 1]! - times[0]!);
    return { perSecond, secondsLeft: (steps - done) / perSecond };
  };
}
