/** The training loop: steps and evaluations as a stream of events. */

import { VitrineError } from "../errors.ts";
import type { NdArray } from "../graph/dtype.ts";
import { foldIn, keyOf } from "../graph/random.ts";
import type { Variable } from "../graph/value.ts";
import { bestEpoch, criterionFor, isBetter } from "./best-epoch.ts";
import type { Checkpoint, RunState } from "./checkpoint-node.ts";
import type { Histogram, Means, TrainEvent } from "./events.ts";
import { histogramOf } from "./histogram.ts";
import type { Learner, StepResult, StepSettings } from "./learner.ts";
import type { LearningBatch } from "./lesson.ts";
import type { TrainingBatch } from "./objective.ts";
import { type Origin, originText } from "./origin.ts";

/** What learns, the data it learns from, and where its state goes. */
export interface FitOptions<B extends LearningBatch = TrainingBatch> {
  readonly learner: Learner<B>;
  /** The model's parameters and buffers. */
  readonly variables: ReadonlyMap<string, Variable>;
  readonly parameterCount: number;
  /** Batches of an epoch (from 0), from the given one on. The same epoch always gives the same batches. */
  readonly batches: (epoch: number, from: number) => AsyncIterable<B>;
  readonly stepsPerEpoch: number;
  readonly epochs: number;
  /** Learning rate of a step, counted from 0, after epochs with these losses (`RunState.losses`). */
  readonly learningRate: (step: number, losses: readonly number[]) => number;
  readonly seed: number;
  /** Measures the model as it is now; called after each epoch, with the averaged weights where there are any. */
  readonly evaluate?: (() => Promise<Means>) | undefined;
  /** What makes an epoch better than those before: a higher validation accuracy (default), balanced where it is measured, or a lower validation loss. */
  readonly chooseBy?: "accuracy" | "loss" | undefined;
  /** Ends the training after so many epochs without a better one. */
  readonly patience?: number | undefined;
  /** Tells of weights and gradients after each epoch. */
  readonly histograms?: boolean | undefined;
  /** Continue from here. */
  readonly resume?: Checkpoint | undefined;
  /** Identity of the run, kept in its checkpoints. */
  readonly runId: string;
  /** Writes a checkpoint and returns its folder; called after every epoch, every `checkpointEvery` steps, and when stopped. */
  readonly save?: ((checkpoint: Checkpoint) => Promise<string>) | undefined;
  readonly checkpointEvery?: number | undefined;
  /** Called when an epoch is the best so far, before its checkpoint, with the weights that reached it. */
  readonly onBest?: (() => Promise<void>) | undefined;
  /** Stops after the running step, with a checkpoint. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Trains. The caller reads the events; reading no further stops the run.
 * @throws {VitrineError} INTERRUPTED after `signal`, once the checkpoint is written; RUNTIME_FAILURE when loss or
 *   gradient are no longer finite, saying where that begins; the checkpoints before stay.
 */
export async function* fit<B extends LearningBatch = TrainingBatch>(
  options: FitOptions<B>,
): AsyncGenerator<TrainEvent, void, undefined> {
  const { learner, stepsPerEpoch, epochs, save, resume, patience, variables } = options;
  if (resume) restore(options, resume);
  let state: RunState = resume?.state ?? {
    step: 0,
    runId: options.runId,
    epochSums: { loss: 0, accuracy: 0, steps: 0 },
    losses: [],
  };
  const steps = epochs * stepsPerEpoch;
  const clock = stepClock(steps);
  const started = performance.now();
  yield { type: "run.start", parameters: options.parameterCount, steps, stepsPerEpoch, resumedAt: state.step };

  const checkpoint = async (): Promise<TrainEvent[]> => {
    if (!save) return [];
    await learner.sync();
    const folder = await save({ state, model: dataOf(variables), optimizer: dataOf(learner.state) });
    saved = state.step;
    return [{ type: "checkpoint", step: state.step, folder }];
  };

  // The step of the newest checkpoint.
  let saved = resume?.state.step;
  const stopped = (): VitrineError =>
    new VitrineError("INTERRUPTED", {
      rule: `stopped after step ${state.step} of ${steps}`,
      next: save ? "continue with --resume" : undefined,
    });

  const stale = (): boolean =>
    patience !== undefined && state.best !== undefined && state.losses.length - 1 - state.best.epoch >= patience;

  if (patience !== undefined && !options.evaluate)
    yield { type: "warning", message: "patience does nothing: there is nothing to measure a better epoch by" };
  for (let epoch = Math.floor(state.step / stepsPerEpoch); epoch < epochs && !stale(); epoch++) {
    const epochStarted = performance.now();
    const from = (state.step - epoch * stepsPerEpoch) * learner.accumulate;
    let last: { readonly batch: B; readonly settings: StepSettings } | undefined;
    for await (const batches of groups(options.batches(epoch, from), learner.accumulate)) {
      for (const { file, reason } of batches.flatMap(({ skipped }) => skipped)) yield { type: "skipped", file, reason };
      const settings = {
        step: state.step,
        learningRate: options.learningRate(state.step, state.losses),
        key: foldIn(keyOf(options.seed), "step", state.step),
      };
      const result = await learner.learn(batches, settings);
      if (!Number.isFinite(result.loss) || !Number.isFinite(result.gradientNorm))
        throw await notFinite(learner, batches, settings, result, saved);
      last = { batch: batches[0]!, settings };
      const { epochSums } = state;
      const { loss, accuracy } = result;
      state = {
        ...state,
        step: state.step + 1,
        epochSums: { loss: epochSums.loss + loss, accuracy: epochSums.accuracy + accuracy, steps: epochSums.steps + 1 },
      };
      const { perSecond, secondsLeft } = clock(state.step);
      const examples = batches.reduce((total, batch) => total + learner.examples(batch), 0);
      yield {
        type: "step",
        step: state.step,
        epoch,
        ...result,
        learningRate: settings.learningRate,
        examplesPerSecond: perSecond * examples,
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
      if (epochDone) break;
    }

    const { loss, accuracy, steps: counted } = state.epochSums;
    const train = { loss: loss / counted, accuracy: accuracy / counted };
    const { best } = state;
    const [validation, criterion, better] = await learner.averaged(async () => {
      const means = await options.evaluate?.();
      const by = means && criterionFor(means, options.chooseBy ?? "accuracy", best);
      const isBest = means !== undefined && isBetter(means, by!, best);
      if (!means || isBest) await options.onBest?.();
      return [means, by, isBest] as const;
    });
    state = {
      ...state,
      epochSums: { loss: 0, accuracy: 0, steps: 0 },
      best: better ? bestEpoch(epoch, criterion!, validation!) : best,
      losses: [...state.losses, (validation ?? train).loss],
    };
    yield {
      type: "epoch.end",
      epoch,
      train,
      validation,
      best: better,
      criterion,
      seconds: (performance.now() - epochStarted) / 1000,
    };
    if (options.histograms && last) {
      const gradients = await learner.gradientsOf(last.batch, last.settings.key);
      const weights = new Map([...gradients.keys()].map((name) => [name, variables.get(name)!.data]));
      yield {
        type: "weights",
        step: state.step,
        epoch,
        weights: histograms(weights),
        gradients: histograms(gradients),
      };
    }
    yield* await checkpoint();
    if (options.signal?.aborted && state.step < steps && !stale()) throw stopped();
  }
  yield {
    type: "run.end",
    best: state.best,
    stoppedEarly: state.step < steps,
    seconds: (performance.now() - started) / 1000,
  };
}

/** Batches in groups of equal number; what is left at the end is dropped. */
async function* groups<B>(batches: AsyncIterable<B>, size: number): AsyncGenerator<readonly B[]> {
  let group: B[] = [];
  for await (const batch of batches) {
    group.push(batch);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
}

/** What to say when a step came to no finite numbers. */
async function notFinite<B extends LearningBatch>(
  learner: Learner<B>,
  batches: readonly B[],
  { step, learningRate, key }: StepSettings,
  { loss, gradientNorm }: StepResult,
  saved: number | undefined,
): Promise<VitrineError> {
  const origin = await learner.originOfNonFinite(batches, key);
  const overflowed = origin.kind === "parameter" && step > 0;
  const at = `loss ${loss}, gradient norm ${gradientNorm} at step ${step + 1}, learning rate ${learningRate}`;
  return new VitrineError("RUNTIME_FAILURE", {
    rule: "loss and gradient must stay finite",
    evidence: `got ${at}; ${overflowed ? `the step before made the parameter ${origin.place} overflow` : originText(origin)}`,
    next: `${advice(origin, overflowed)}${saved === undefined ? "" : `; the checkpoint of step ${saved} is kept, but going on from it comes here again`}`,
  });
}

function advice({ kind }: Origin, overflowed: boolean): string {
  if (kind === "input") return "look at the images of this batch and at the preprocessing's mean and std";
  if (kind === "parameter" && !overflowed) return "begin with other weights: these are broken";
  return "train again with a smaller learning rate, a longer warm-up, or a smaller clipNorm";
}

function histograms(arrays: ReadonlyMap<string, NdArray>): Readonly<Record<string, Histogram>> {
  return Object.fromEntries([...arrays].map(([name, array]) => [name, histogramOf(array)]));
}

function restore<B extends LearningBatch>(
  { learner, variables }: FitOptions<B>,
  { model, optimizer: moments }: Checkpoint,
): void {
  for (const [targets, arrays] of [
    [variables, model],
    [learner.state, moments],
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
  learner.reset();
}

function dataOf(variables: ReadonlyMap<string, Variable>): ReadonlyMap<string, NdArray> {
  return new Map([...variables].map(([name, variable]) => [name, variable.data]));
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
