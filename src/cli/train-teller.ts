/** Tells about a training: events become a progress bar and lines, and what the result needs is kept. */

import { accuracyBy, type BestEpoch, bestEpoch } from "../train/best-epoch.ts";
import type { Means, TrainEvent } from "../train/events.ts";
import type { Context } from "./context.ts";
import { curve, titledCurve } from "./curves.ts";
import { byteSize, counted, duration, percent } from "./numbers.ts";
import type { Progress } from "./terminal.ts";

/** What a run will take, from its first steps. */
export interface Estimate {
  /** Steps that were measured. */
  readonly measuredSteps: number;
  readonly secondsPerEpoch: number;
  /** Of all that is to do: with validation where its share is known, without the report. */
  readonly seconds: number;
  /** Most memory that this process has had so far. */
  readonly peakMemoryBytes: number;
}

/** Steps before the estimate; the very first warms up and is not counted. */
const measured = 4;

/** What of a run is told about. */
export interface TellerOptions {
  readonly epochs: number;
  /** How many epochs begin with a pass over all images, as those of a probe do that keeps what the frozen weights see; default 0. */
  readonly passes?: number;
  /** Images to validate by for each image to learn from, 0 for none; without it the estimate leaves validation out, and says so. */
  readonly validationShare?: number | undefined;
  /** A step takes about as long as so many forward passes, of which validation is one: 3, or 2 where most weights are frozen and get no gradient; default 3. */
  readonly passesPerStep?: number;
  /** Whether a report comes after the training. */
  readonly reports?: boolean;
  /** Whether there is an accuracy to tell of; default true. */
  readonly classifies?: boolean;
  /** What is learned from; default images. */
  readonly examples?: "images" | "words";
  /** Whether decoded images are kept in memory for later epochs. */
  readonly keepsImages?: boolean;
}

/** Hears the events of one run. */
export class Teller {
  readonly #context: Context;
  readonly #options: Required<Omit<TellerOptions, "validationShare">> & Pick<TellerOptions, "validationShare">;
  #startedAt = 0;
  #progress: Progress | undefined;
  /** When each step that this process did was done. */
  readonly #stepTimes: number[] = [];
  /** Of all steps and all epochs that this process did, for the curves. */
  readonly #losses: number[] = [];
  readonly #accuracies: number[] = [];
  readonly skipped: { readonly file: string; readonly reason: string }[] = [];
  start: Extract<TrainEvent, { type: "run.start" }> | undefined;
  estimate: Estimate | undefined;
  last: { readonly train: Means; readonly validation: Means | null } | undefined;
  best: BestEpoch | undefined;
  seconds = 0;

  constructor(context: Context, options: TellerOptions) {
    this.#context = context;
    const usual = {
      passes: 0,
      classifies: true,
      examples: "images",
      keepsImages: false,
      reports: false,
      passesPerStep: 3,
    } as const;
    this.#options = { ...usual, ...options };
  }

  /** Hears one event. */
  async tell(event: TrainEvent): Promise<void> {
    switch (event.type) {
      case "run.start":
        this.start = event;
        this.#startedAt = performance.now();
        if (event.resumedAt > 0)
          this.#context.terminal.note(`going on after step ${event.resumedAt} of ${event.steps}`);
        this.#progress = await this.#context.terminal.progress("training", event.steps);
        if (event.steps - event.resumedAt <= measured)
          this.#note(
            `estimate    none: a run of ${counted(event.steps - event.resumedAt, "step")} is too short to measure`,
          );
        break;
      case "step":
        this.#measure(event.step);
        this.#losses.push(event.loss);
        this.#progress?.update(
          event.step,
          `epoch ${event.epoch + 1}/${this.#options.epochs}  loss ${this.#smallCurve()}${event.loss.toFixed(3)}${this.#options.classifies ? `  accuracy ${percent(event.accuracy, 1)}` : ""}  ${event.examplesPerSecond.toFixed(0)} ${this.#options.examples}/s  ${duration(event.secondsLeft)} left`,
        );
        break;
      case "epoch.end":
        this.last = { train: event.train, validation: event.validation ?? null };
        if (event.best) this.best = bestEpoch(event.epoch, event.criterion!, event.validation!);
        if (event.validation) this.#accuracies.push(accuracyBy(event.criterion!, event.validation));
        this.#note(epochText(event, this.#options.epochs, this.#options.classifies));
        break;
      case "skipped":
        // One file comes up again in each epoch.
        if (this.skipped.some(({ file }) => file === event.file)) break;
        this.skipped.push({ file: event.file, reason: event.reason });
        this.#context.terminal.warn(`skipped ${event.file}: ${event.reason}`);
        break;
      case "warning":
        this.#context.terminal.warn(event.message);
        break;
      case "run.end":
        this.best = event.best;
        this.seconds = event.seconds;
        this.#noteCurves();
        break;
      default:
        break;
    }
  }

  /** Ends the bar. */
  stop(): void {
    this.#progress?.stop();
    this.#progress = undefined;
  }

  /** The first steps are those of the run itself: nothing is computed twice. */
  #measure(step: number): void {
    const now = performance.now();
    const times = this.#stepTimes;
    times.push(now);
    if (times.length !== measured + 1 || !this.start) return;
    const { steps, stepsPerEpoch } = this.start;
    // Between epochs are validation, checkpoints and a probe's next pass; where each step is an epoch, they are in what is measured.
    const inEpoch = (i: number): boolean => stepsPerEpoch === 1 || (step - measured + i - 1) % stepsPerEpoch !== 0;
    const lasted = times.flatMap((time, i) => (i > 0 && inEpoch(i) ? [(time - times[i - 1]!) / 1000] : []));
    const perStep = lasted.reduce((sum, seconds) => sum + seconds, 0) / lasted.length;
    const pass = (times[0]! - this.#startedAt) / 1000;
    const left = steps - step;
    const { epochs, validationShare, reports, keepsImages } = this.#options;
    const passes = stepsPerEpoch === 1 ? Math.min(1, this.#options.passes) : this.#options.passes;
    // What is kept of validation images is made once.
    const forward = passes > 0 ? pass / epochs : (perStep * stepsPerEpoch) / this.#options.passesPerStep;
    const perValidation = stepsPerEpoch === 1 ? 0 : (validationShare ?? 0) * forward;
    const validations = Math.ceil((left + measured) / stepsPerEpoch);
    const seconds = perStep * (left + measured) + pass * Math.max(1, passes) + perValidation * validations;
    this.estimate = {
      measuredSteps: lasted.length,
      secondsPerEpoch: passes > 0 ? seconds / epochs : perStep * stepsPerEpoch + perValidation,
      seconds,
      peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    };
    const { secondsPerEpoch, peakMemoryBytes } = this.estimate;
    const [later, more] = keepsImages
      ? [" at most, less where images are decoded already", " without the images that are kept"]
      : ["", ""];
    const about = [
      `so far; from ${counted(lasted.length, "step")}`,
      validationShare === undefined ? ", without validation" : validationShare > 0 ? ", validation included" : "",
      reports ? "; the report comes on top" : "",
    ].join("");
    this.#note(
      `estimate    ${duration(secondsPerEpoch)} an epoch, ${duration(seconds)} in all${later}, ${byteSize(peakMemoryBytes)} of memory${more} (${about})`,
    );
  }

  /** The loss so far on one line, where somebody watches and there is room. */
  #smallCurve(): string {
    const { isTTY, columns } = process.stderr;
    return isTTY && columns >= 120 && this.#losses.length > 1 ? `${curve(this.#losses, 10, 1)[0]} ` : "";
  }

  /** How loss and accuracy went, where somebody watches. */
  #noteCurves(): void {
    if (!process.stderr.isTTY) return;
    const loss = titledCurve("training loss", this.#losses, (value) => value.toFixed(3));
    const name = this.best?.by === "balanced accuracy" ? "validation balanced accuracy" : "validation accuracy";
    const accuracy = titledCurve(name, this.#accuracies, (value) => percent(value, 1));
    for (const text of [loss, ...(this.#accuracies.length > 1 ? [accuracy] : [])]) if (text !== "") this.#note(text);
  }

  #note(text: string): void {
    if (this.#progress) this.#progress.note(text);
    else this.#context.terminal.note(text);
  }
}

function epochText(
  { epoch, train: means, validation, best, seconds }: Extract<TrainEvent, { type: "epoch.end" }>,
  epochs: number,
  classifies: boolean,
): string {
  const text = ({ loss, accuracy, balancedAccuracy }: Means): string =>
    [
      `loss ${loss.toFixed(4)}`,
      ...(classifies ? [`accuracy ${percent(accuracy)}`] : []),
      ...(balancedAccuracy === undefined ? [] : [`balanced accuracy ${percent(balancedAccuracy)}`]),
    ].join(", ");
  const measured = validation ? `  validation: ${text(validation)}${best ? " (best)" : ""}` : "";
  return `epoch ${epoch + 1}/${epochs}  training: ${text(means)}${measured}  ${duration(seconds)}`;
}
