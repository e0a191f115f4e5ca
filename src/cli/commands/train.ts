/** `vitrine train DATA`: a model of one's own. */

import { existsSync } from "node:fs";
import { readdir, rm, rmdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { VitrineError } from "../../errors.ts";
import { familyOf } from "../../models/registry.ts";
import type { Means, TrainEvent } from "../../train/events.ts";
import { readRun, trainInFolder } from "../../train/run-node.ts";
import type { Context } from "../context.ts";
import { freshFolder } from "../fresh.ts";
import type { ModelOptions } from "../model.ts";
import { counted, duration, grouped, percent } from "../numbers.ts";
import type { Progress } from "../terminal.ts";
import {
  absolute,
  defined,
  openTrainingData,
  readConfig,
  settingsFrom,
  startTraining,
  type TrainingData,
  type TrainingStart,
  type TrainSettings,
} from "../train-plan.ts";

export interface TrainOptions extends ModelOptions {
  readonly model?: string | undefined;
  readonly from?: string | undefined;
  readonly config?: string | undefined;
  readonly epochs?: number | undefined;
  readonly batch?: number | undefined;
  readonly lr?: number | undefined;
  readonly out?: string | undefined;
  readonly resume: boolean;
  readonly dataDir?: string | undefined;
  readonly workers: number;
  readonly checkpointEvery?: number | undefined;
  readonly limit?: number | undefined;
  readonly strict: boolean;
}

/** Trains in the foreground; ends with where things are and what to type next. */
export async function train(
  context: Context,
  [data]: readonly [string | undefined],
  options: TrainOptions,
): Promise<undefined> {
  const plan = await planOf(context, data, options);
  const result = await trainAsPlanned(context, plan, options);
  context.terminal.result(result, summaryText(result, plan));
  return undefined;
}

/** All that a run needs before it begins. */
export interface TrainPlan extends TrainingStart {
  readonly settings: TrainSettings;
  readonly data: TrainingData;
  readonly seed: number;
  readonly folder: string;
}

async function planOf(context: Context, data: string | undefined, options: TrainOptions): Promise<TrainPlan> {
  const usage = (rule: string, next?: string): VitrineError => new VitrineError("INVALID_ARGUMENT", { rule, next });
  if (options.model !== undefined && options.from !== undefined)
    throw usage("--model begins with random weights, --from with trained ones", "give one of them");
  if (options.resume && options.out === undefined) throw usage("--resume needs --out, the folder of the run");
  const before = options.resume ? await readRun(resolve(options.out!)) : undefined;
  if (data === undefined && !before) throw usage("train needs DATA", "a folder of class folders, or shapes to try it");
  const config = options.config === undefined ? undefined : await readConfig(options.config);
  const typed = {
    data: await absolute(data),
    dataDir: options.dataDir && resolve(options.dataDir),
    model: options.model,
    from: await absolute(options.from),
    arch: options.arch,
    limit: options.limit,
    options: config?.options,
  };
  const settings = settingsFrom(before?.settings, typed);
  const changes = {
    ...before?.recipe,
    ...config?.changes,
    ...defined({ epochs: options.epochs, batchSize: options.batch, learningRate: options.lr }),
  };
  const seed = before && context.seed === 0 ? before.seed : context.seed;
  const folder = options.out ?? (await freshFolder(join("vitrine-out", basename(settings.data))));
  if (!options.resume) await refuseUsed(folder);
  const trainingData = await openTrainingData(settings, seed);
  const start = await startTraining(context, settings, trainingData, seed, changes);
  return { ...start, settings, data: trainingData, seed, folder };
}

/** Before anything is loaded: `trainInFolder` says it better, and later. */
async function refuseUsed(folder: string): Promise<void> {
  const there = await readdir(folder).catch((): string[] => []);
  if (there.length === 0) return;
  throw new VitrineError("OUTPUT_CONFLICT", {
    rule: "the output folder must be new or empty",
    evidence: `it holds ${there.slice(0, 4).join(", ")}`,
    place: folder,
    next: there.includes("recipe.json")
      ? "add --resume to go on with that run, or choose another folder with --out"
      : "choose another folder with --out",
  });
}

/** What a run came to. */
export interface TrainResult {
  readonly folder: string;
  readonly model: string;
  readonly parameters: number;
  readonly classes: readonly string[];
  readonly images: { readonly train: number; readonly validation: number };
  readonly epochs: number;
  readonly steps: number;
  readonly resumedAt: number;
  /** Of the last epoch that this process finished. */
  readonly last: { readonly train: Means; readonly validation: Means | null } | null;
  /** The epoch, from 0, whose weights are in the folder. */
  readonly best: { readonly epoch: number; readonly accuracy: number } | null;
  readonly skipped: readonly { readonly file: string; readonly reason: string }[];
  readonly seconds: number;
}

/** Runs the training, telling about it. A run that fails before it has anything to keep leaves no folder behind. */
export async function trainAsPlanned(
  context: Context,
  plan: TrainPlan,
  options: Pick<TrainOptions, "workers" | "checkpointEvery" | "strict" | "resume">,
): Promise<TrainResult> {
  const { terminal, signal } = context;
  const { pretrained, recipe, data, folder, seed, settings } = plan;
  announce(context, plan);
  const isNew = !existsSync(folder);
  const teller = new Teller(context, recipe.epochs);
  try {
    const events = trainInFolder({
      pretrained,
      train: data.train,
      validation: data.validation,
      recipe,
      seed,
      settings: { ...settings },
      folder,
      resume: options.resume,
      runtime: await context.runtime(),
      workers: options.workers,
      strict: options.strict,
      checkpointEvery: options.checkpointEvery,
      signal,
    });
    for await (const event of events) await teller.tell(event);
  } catch (error) {
    teller.stop();
    if (isNew) await removeIfEmpty(folder);
    if (error instanceof VitrineError && error.code === "INTERRUPTED")
      terminal.note(`to go on: vitrine train --resume --out ${folder}`);
    throw error;
  }
  teller.stop();
  const { start, last, best, seconds } = teller;
  return {
    folder,
    model: pretrained.name,
    parameters: start?.parameters ?? pretrained.model.parameterCount(),
    classes: pretrained.labels,
    images: { train: data.train.length, validation: data.validation?.length ?? 0 },
    epochs: recipe.epochs,
    steps: start?.steps ?? 0,
    resumedAt: start?.resumedAt ?? 0,
    last: last ?? null,
    best: best ?? null,
    skipped: teller.skipped,
    seconds,
  };
}

function announce({ terminal }: Context, { pretrained, data, folder, settings }: TrainPlan): void {
  const { train: images, validation, validationFrom, skipped } = data;
  const { architecture, model, preprocessing } = pretrained;
  for (const { file, reason } of skipped) if (reason !== "hidden") terminal.warn(`skipped ${file}: ${reason}`);
  const begin = settings.from === undefined ? "from random weights" : `fine-tuned from ${settings.from}`;
  terminal.note(`data        ${images.name}: ${counted(images.length, "image")}, ${images.classes.length} classes`);
  terminal.note(`validation  ${validationFrom}${validation ? ` (${counted(validation.length, "image")})` : ""}`);
  terminal.note(
    `model       ${familyOf(architecture).describe(model.config)}, ${grouped(model.parameterCount())} parameters, images ${preprocessing.inputSize.slice(1).join(" × ")}, ${begin}`,
  );
  terminal.note(`folder      ${folder}`);
}

/** Turns events into a progress bar and lines, and keeps what the result needs. */
class Teller {
  readonly #context: Context;
  readonly #epochs: number;
  #progress: Progress | undefined;
  readonly skipped: { readonly file: string; readonly reason: string }[] = [];
  start: Extract<TrainEvent, { type: "run.start" }> | undefined;
  last: TrainResult["last"] | undefined;
  best: TrainResult["best"] | undefined;
  seconds = 0;

  constructor(context: Context, epochs: number) {
    this.#context = context;
    this.#epochs = epochs;
  }

  async tell(event: TrainEvent): Promise<void> {
    switch (event.type) {
      case "run.start":
        this.start = event;
        if (event.resumedAt > 0)
          this.#context.terminal.note(`going on after step ${event.resumedAt} of ${event.steps}`);
        this.#progress = await this.#context.terminal.progress("training", event.steps);
        break;
      case "step":
        this.#progress?.update(
          event.step,
          `epoch ${event.epoch + 1}/${this.#epochs}  loss ${event.loss.toFixed(3)}  accuracy ${percent(event.accuracy, 1)}  ${event.imagesPerSecond.toFixed(0)} images/s  ${duration(event.secondsLeft)} left`,
        );
        break;
      case "epoch.end":
        this.last = { train: event.train, validation: event.validation ?? null };
        if (event.best) this.best = { epoch: event.epoch, accuracy: event.validation!.accuracy };
        this.#note(epochText(event, this.#epochs));
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
        break;
      case "checkpoint":
        break;
    }
  }

  stop(): void {
    this.#progress?.stop();
    this.#progress = undefined;
  }

  #note(text: string): void {
    if (this.#progress) this.#progress.note(text);
    else this.#context.terminal.note(text);
  }
}

function epochText(
  { epoch, train: means, validation, best, seconds }: Extract<TrainEvent, { type: "epoch.end" }>,
  epochs: number,
): string {
  const text = ({ loss, accuracy }: Means): string => `loss ${loss.toFixed(4)}, accuracy ${percent(accuracy)}`;
  const measured = validation ? `  validation: ${text(validation)}${best ? " (best)" : ""}` : "";
  return `epoch ${epoch + 1}/${epochs}  training: ${text(means)}${measured}  ${duration(seconds)}`;
}

function summaryText({ folder, best, seconds, skipped }: TrainResult, { settings }: TrainPlan): string {
  const accuracy = best
    ? `validation accuracy ${percent(best.accuracy)}, after epoch ${best.epoch + 1}`
    : "the last epoch's weights";
  return [
    `done in ${duration(seconds)}: ${accuracy}${skipped.length > 0 ? `; ${counted(skipped.length, "file")} skipped` : ""}`,
    `model        ${folder} (config.json, preprocessor_config.json, model.safetensors)`,
    `log          ${join(folder, "log.jsonl")}`,
    "",
    "What you can do now:",
    `  vitrine eval ${folder} ${settings.data}${settings.dataDir ? ` --data-dir ${settings.dataDir}` : ""}`,
    `  vitrine classify IMAGE --model ${folder}`,
    `  vitrine explain IMAGE --model ${folder}`,
    `  vitrine export ${folder} model.onnx`,
  ].join("\n");
}

/** Removes a folder that holds no model and no checkpoint, and the folder of all runs where that is now empty. */
async function removeIfEmpty(folder: string): Promise<void> {
  const checkpoints = await readdir(join(folder, "checkpoints")).catch(() => []);
  if (checkpoints.length > 0 || existsSync(join(folder, "model.safetensors"))) return;
  await rm(folder, { recursive: true, force: true }).catch(() => {});
  if (basename(dirname(resolve(folder))) === "vitrine-out") await rmdir(dirname(resolve(folder))).catch(() => {});
}
