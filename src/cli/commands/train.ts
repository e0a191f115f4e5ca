/** `vitrine train DATA`: a model of one's own. */

import { existsSync } from "node:fs";
import { readdir, rm, rmdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { skippedKinds } from "../../data/datasets/skipped.ts";
import { isTexts } from "../../data/text/open-node.ts";
import { VitrineError } from "../../errors.ts";
import type { Choice, Finding } from "../../inspect/index.ts";
import { familyOf } from "../../models/registry.ts";
import { OnnxClassifier } from "../../pretrained/onnx-classifier.ts";
import { accuracyBy, type BestEpoch } from "../../train/best-epoch.ts";
import type { Means } from "../../train/events.ts";
import { fromScratch, type Recipe, recipeFrom } from "../../train/recipe.ts";
import { readRunFile, refuseUsedFolder } from "../../train/run-folder-node.ts";
import { readRun, trainInFolder } from "../../train/run-node.ts";
import type { Context } from "../context.ts";
import { choiceLines, findingLines, skippedText } from "../data-notes.ts";
import { withFoundRate } from "../find-learning-rate.ts";
import { freshFolder } from "../fresh.ts";
import { imageStores } from "../image-store.ts";
import type { ModelOptions } from "../model.ts";
import { counted, duration, grouped, percent } from "../numbers.ts";
import { reportRun } from "../run-report.ts";
import { isOwnData, lookAt, openTrainingData, type TrainingData } from "../train-data.ts";
import { startTraining, type TrainingStart } from "../train-plan.ts";
import { absolute, absoluteData, defined, readConfig, settingsFrom, type TrainSettings } from "../train-settings.ts";
import { type Estimate, Teller } from "../train-teller.ts";

export interface TrainOptions extends ModelOptions {
  readonly model?: string | undefined;
  readonly from?: string | undefined;
  readonly config?: string | undefined;
  readonly languages?: string | undefined;
  readonly attention?: string | undefined;
  readonly epochs?: number | undefined;
  readonly batch?: number | undefined;
  readonly lr?: number | undefined;
  readonly findLr: boolean;
  readonly tune?: Recipe["tune"] | undefined;
  readonly head?: TrainSettings["head"];
  readonly optimizer?: Recipe["optimizer"] | undefined;
  readonly autoAugment?: string | undefined;
  readonly teacher?: string | undefined;
  readonly distillation?: Recipe["distillation"] | undefined;
  readonly ema?: number | undefined;
  readonly accumulate?: number | undefined;
  readonly patience?: number | undefined;
  /** `false` with `--no-inspect`, `--no-report`. */
  readonly inspect: boolean;
  readonly report: boolean;
  readonly out?: string | undefined;
  readonly resume: boolean;
  readonly dataDir?: string | undefined;
  readonly workers: number;
  readonly store?: string | undefined;
  readonly checkpointEvery?: number | undefined;
  readonly histograms?: boolean | undefined;
  readonly limit?: number | undefined;
  readonly holdBack?: number | undefined;
  readonly strict: boolean;
}

/** Trains in the foreground; ends with where things are and what to type next. */
export async function train(
  context: Context,
  [data]: readonly [string | undefined],
  options: TrainOptions,
): Promise<undefined> {
  if (await learnsTexts(data, options)) return (await import("./train-text.ts")).trainText(context, data, options);
  const plan = await planOf(context, data, options);
  const result = await trainAsPlanned(context, plan, options);
  const report = options.report ? await reportOrWarn(context, plan.folder, options.workers) : null;
  context.terminal.result({ ...result, report }, summaryText(result, plan, report));
  return undefined;
}

/** Whether the data, or the run that goes on, is of texts. */
async function learnsTexts(
  data: string | undefined,
  { resume, out, languages }: Pick<TrainOptions, "resume" | "out" | "languages">,
): Promise<boolean> {
  // A data set's name wins over a folder of that name.
  if (data !== undefined) return languages !== undefined || (isOwnData({ data }) && isTexts(data));
  return resume && out !== undefined && (await readRunFile(resolve(out))).settings.texts === true;
}

/** The model is there whatever becomes of its report. @returns the report's path */
async function reportOrWarn(context: Context, folder: string, workers: number): Promise<string | null> {
  try {
    context.terminal.note("judging the model for the report");
    return (await reportRun(context, folder, workers)).path;
  } catch (error) {
    if (!(error instanceof VitrineError)) throw error;
    context.terminal.warn(`no report: ${error.message}`);
    return null;
  }
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
    data: await absoluteData(data),
    dataDir: options.dataDir && resolve(options.dataDir),
    model: options.model,
    from: await absolute(options.from),
    arch: options.arch,
    teacher: await absolute(options.teacher),
    limit: options.limit,
    holdBack: options.holdBack,
    head: options.head,
    options: config?.options,
  };
  const settings = settingsFrom(before?.settings, typed);
  const changes = {
    ...before?.recipe,
    ...(options.teacher === undefined ? {} : { distillation: "hard" }),
    ...config?.changes,
    ...defined({
      epochs: options.epochs,
      batchSize: options.batch,
      learningRate: options.lr,
      tune: options.tune,
      optimizer: options.optimizer,
      autoAugment: options.autoAugment,
      distillation: options.distillation,
      ema: options.ema,
      accumulate: options.accumulate,
      patience: options.patience,
    }),
  };
  // Settings out of range are said before anything is read, and where they stand.
  if (config) recipeFrom(fromScratch, config.changes, options.config!);
  recipeFrom(fromScratch, changes, "the recipe");
  const seed = before && context.seed === 0 ? before.seed : context.seed;
  const folder = options.out ?? (await freshFolder(join("vitrine-out", basename(settings.data))));
  if (!options.resume) await refuseUsedFolder(folder);
  const looks = options.inspect && !before && isOwnData(settings);
  const trainingData = await openTrainingData(settings, seed, looks ? (parts) => lookAt(context, parts) : undefined);
  const { resume, workers } = options;
  const [broken] = trainingData.inspection?.unreadable ?? [];
  if (options.strict && broken)
    throw new VitrineError("DATA_PROBLEM", {
      rule: "every image must be readable under strict",
      evidence: broken.reason,
      next: "repair or remove the file, or train without strict to skip it",
    });
  const begin = (more: Readonly<Record<string, unknown>>): Promise<TrainingStart> =>
    startTraining(context, settings, trainingData, seed, { changes: { ...changes, ...more }, resume, workers });
  const first = await begin({});
  const start = options.findLr
    ? await withFoundRate(context, first, { data: trainingData, seed, workers, begin })
    : first;
  return { ...start, settings: { ...settings, ...defined(start.chosen) }, data: trainingData, seed, folder };
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
  /** The epoch whose weights are in the folder. */
  readonly best: BestEpoch | null;
  readonly skipped: readonly { readonly file: string; readonly reason: string }[];
  /** What was decided for the user, and why; empty for a run that went on. */
  readonly choices: readonly Choice[];
  /** What a look at the data found. */
  readonly findings: readonly Finding[];
  /** From the first steps of this process; null where there were too few. */
  readonly estimate: Estimate | null;
  readonly seconds: number;
}

/** Runs the training, telling about it. A run that fails before it has anything to keep leaves no folder behind. */
export async function trainAsPlanned(
  context: Context,
  plan: TrainPlan,
  options: Pick<TrainOptions, "workers" | "store" | "checkpointEvery" | "histograms" | "strict" | "resume"> &
    Partial<Pick<TrainOptions, "report">>,
): Promise<TrainResult> {
  const { terminal, signal } = context;
  const { pretrained, teacher, recipe, data, folder, seed, settings } = plan;
  // Images that are made smaller take little room.
  const stores = await imageStores(options.store ?? (recipe.presize === null ? "none" : "memory"));
  announce(context, plan);
  const keepsImages = stores !== undefined && data.train.originOf !== undefined;
  if (options.store !== undefined && stores && !keepsImages)
    terminal.warn(`--store keeps nothing: the images of ${data.train.name} need no decoding`);
  const isNew = !existsSync(folder);
  const teller = new Teller(context, {
    epochs: recipe.epochs,
    passes: teacher ? 0 : passesOf(recipe),
    validationShare: (data.validation?.length ?? 0) / data.train.length,
    passesPerStep: recipe.tune === "full" ? 3 : 2,
    reports: options.report ?? false,
    keepsImages: keepsImages && stores.train.folder === undefined,
  });
  try {
    const events = trainInFolder({
      pretrained,
      teacher,
      train: data.train,
      validation: data.validation,
      recipe,
      seed,
      settings: { ...settings },
      folder,
      resume: options.resume,
      runtime: await context.runtime(),
      workers: options.workers,
      stores,
      strict: options.strict,
      checkpointEvery: options.checkpointEvery,
      histograms: options.histograms,
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
    choices: plan.choices,
    findings: plan.findings,
    estimate: teller.estimate ?? null,
    seconds,
  };
}

function announce({ terminal }: Context, plan: TrainPlan): void {
  const { pretrained, teacher, recipe, data, folder, settings, findings, choices } = plan;
  const { train: images, validation, validationFrom, skipped } = data;
  const { model, preprocessing } = pretrained;
  for (const kind of skippedKinds(skipped))
    terminal.warn(kind.count === 1 ? `skipped ${kind.first}: ${kind.reason}` : skippedText(kind));
  const begin = settings.from === undefined ? "from random weights" : `fine-tuned from ${settings.from}`;
  terminal.note(`data        ${images.name}: ${counted(images.length, "image")}, ${images.classes.length} classes`);
  terminal.note(`validation  ${validationFrom}${validation ? ` (${counted(validation.length, "image")})` : ""}`);
  terminal.note(
    `model       ${kindOf(pretrained)}, ${grouped(model.parameterCount())} parameters, images ${preprocessing.inputSize.slice(1).join(" × ")}, ${begin}`,
  );
  if (teacher)
    terminal.note(
      `teacher     ${settings.teacher}, ${grouped(teacher.model.parameterCount())} parameters: ${recipe.distillation === "hard" ? "the label it names" : `its probabilities at temperature ${recipe.distillationTemperature}`}, weight ${recipe.distillationAlpha}`,
    );
  terminal.note(`folder      ${folder}`);
  if (findings.length > 0) terminal.note(["", ...findingLines(findings, shownExamples), ""].join("\n"));
  if (choices.length > 0) terminal.note([...choiceLines(choices), ""].join("\n"));
}

/** Epochs of a probe that begin with a pass over all images. */
function passesOf({ tune, probeViews, epochs, crop, mixup, cutmix }: Recipe): number {
  return tune === "probe" && mixup + cutmix === 0 ? Math.min(epochs, crop === "none" ? 1 : probeViews) : 0;
}

/** Examples of each finding; `vitrine inspect` shows more. */
const shownExamples = 3;

/** A few words for people: what kind of model, how large. */
function kindOf({ architecture, model }: TrainPlan["pretrained"]): string {
  return model instanceof OnnxClassifier ? "the graph of an .onnx file" : familyOf(architecture).describe(model.config);
}

function summaryText(
  { folder, best, seconds, skipped }: TrainResult,
  { settings, pretrained }: TrainPlan,
  report: string | null,
): string {
  const accuracy = best
    ? `validation ${best.by} ${percent(accuracyBy(best.by, best))}, after epoch ${best.epoch + 1}`
    : "the last epoch's weights";
  return [
    `done in ${duration(seconds)}: ${accuracy}${skipped.length > 0 ? `; ${counted(skipped.length, "file")} skipped` : ""}`,
    `model        ${folder} (config.json, preprocessor_config.json, ${pretrained.model instanceof OnnxClassifier ? "model.onnx" : "model.safetensors"})`,
    `log          ${join(folder, "log.jsonl")}`,
    ...(report === null ? [] : [`report       ${report}`]),
    "",
    "What you can do now:",
    `  vitrine eval ${folder} ${settings.data}${settings.dataDir ? ` --data-dir ${settings.dataDir}` : ""}`,
    `  vitrine classify IMAGE --model ${folder}`,
    `  vitrine explain IMAGE --model ${folder}`,
    `  vitrine export ${folder} model.onnx`,
    // Without trained weights nothing could judge the labels before; now there are some.
    ...(settings.from === undefined && isOwnData(settings)
      ? [`  vitrine inspect ${settings.data} --from ${folder}   (labels that are probably wrong)`]
      : []),
  ].join("\n");
}

/** Removes a folder that holds no model and no checkpoint, and the folder of all runs where that is now empty. */
async function removeIfEmpty(folder: string): Promise<void> {
  const checkpoints = await readdir(join(folder, "checkpoints")).catch(() => []);
  if (checkpoints.length > 0 || existsSync(join(folder, "model.safetensors"))) return;
  await rm(folder, { recursive: true, force: true }).catch(() => {});
  if (basename(dirname(resolve(folder))) === "vitrine-out") await rmdir(dirname(resolve(folder))).catch(() => {});
}
