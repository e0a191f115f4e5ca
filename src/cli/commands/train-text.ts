/** `vitrine train` for texts: models that write on, and models that translate. */

import { basename, join, resolve } from "node:path";
import * as v from "valibot";
import { datasetCacheFromEnvironment } from "../../data/datasets/download-node.ts";
import { splitPairs } from "../../data/text/corpus.ts";
import { cutText, documentsOf } from "../../data/text/documents.ts";
import { isNamedText } from "../../data/text/named-node.ts";
import { openTexts, type Texts } from "../../data/text/open-node.ts";
import { VitrineError } from "../../errors.ts";
import type { LanguageModel } from "../../pretrained/language.ts";
import type { BestEpoch } from "../../train/best-epoch.ts";
import { textData, translationData, type WordData } from "../../train/language/data.ts";
import { languageModelFor } from "../../train/language/models.ts";
import { type WordRecipe, wordRecipeFrom, wordRecipes } from "../../train/language/recipe.ts";
import { trainWordsInFolder } from "../../train/language/run-node.ts";
import { wholeSteps } from "../../train/recipe-parts.ts";
import { readRunFile, refuseUsedFolder } from "../../train/run-folder-node.ts";
import type { Context } from "../context.ts";
import { freshFolder } from "../fresh.ts";
import { counted, duration, grouped } from "../numbers.ts";
import { defined, readConfig } from "../train-settings.ts";
import { Teller } from "../train-teller.ts";

/** Options of `vitrine train` that texts have too. */
export interface TrainTextOptions {
  readonly model?: string | undefined;
  readonly languages?: string | undefined;
  readonly attention?: string | undefined;
  readonly config?: string | undefined;
  readonly epochs?: number | undefined;
  readonly batch?: number | undefined;
  readonly accumulate?: number | undefined;
  readonly lr?: number | undefined;
  readonly optimizer?: string | undefined;
  readonly ema?: number | undefined;
  readonly patience?: number | undefined;
  readonly out?: string | undefined;
  readonly resume: boolean;
  readonly dataDir?: string | undefined;
  readonly limit?: number | undefined;
  readonly checkpointEvery?: number | undefined;
  readonly histograms?: boolean | undefined;
}

/** What makes a run; kept in its folder, so that `--resume` needs nothing else. */
const settingsSchema = v.object({
  /** Tells a run of texts from others. */
  texts: v.literal(true),
  data: v.string(),
  dataDir: v.optional(v.string()),
  model: v.string(),
  languages: v.optional(v.string()),
  limit: v.optional(v.number()),
  options: v.record(v.string(), v.unknown()),
});
type TextSettings = v.InferOutput<typeof settingsSchema>;

/** Share of the pairs that is held back where a folder has none to measure by. */
const heldBack = 0.03;

/** All that a run is, before its first step. */
interface TextPlan {
  readonly texts: Texts;
  readonly settings: TextSettings;
  readonly seed: number;
  readonly recipe: WordRecipe;
  readonly folder: string;
  readonly words: WordData;
  /** With its first weights. */
  readonly model: LanguageModel;
}

/** Trains in the foreground; ends with where things are and what to type next. */
export async function trainText(
  context: Context,
  data: string | undefined,
  options: TrainTextOptions,
): Promise<undefined> {
  const { terminal } = context;
  refuseOthers(options);
  const plan = await planOf(context, data, options);
  for (const line of planLines(plan)) terminal.note(line);
  const teller = await trained(context, plan, options);
  const result = resultOf(plan, teller);
  terminal.result(result, summaryText(result, plan.texts.kind === "translations"));
  return undefined;
}

/** What was typed, over what `--config` says, over what the run that is gone on with was. */
async function planOf(context: Context, data: string | undefined, options: TrainTextOptions): Promise<TextPlan> {
  const before = options.resume ? await readRunFile(resolve(options.out!)) : undefined;
  const config = options.config === undefined ? { changes: {}, options: {} } : await readConfig(options.config);
  const reference = data ?? String(before?.settings.data);
  if (options.out !== undefined && !options.resume) await refuseUsedFolder(options.out);
  const texts = await openTexts(reference, {
    dataDir: options.dataDir ?? (before?.settings.dataDir as string | undefined),
    languages: options.languages ?? (before?.settings.languages as string | undefined),
    cache: datasetCacheFromEnvironment(process.env),
    signal: context.signal,
  });
  const settings = settingsOf(reference, texts, options, config.options, before?.settings);
  const seed = before && context.seed === 0 ? before.seed : context.seed;
  const translates = texts.kind === "translations";
  const usual = wordRecipes[recipeName(settings.model, translates)];
  if (options.config !== undefined) wordRecipeFrom(usual, config.changes, options.config);
  const recipe = wordRecipeFrom(
    usual,
    { ...before?.changes, ...config.changes, ...typedChanges(options, translates) },
    "the recipe",
  );
  const folder = options.out ?? (await freshFolder(join("vitrine-out", basename(settings.data))));
  const words = wordData(limited(texts, settings.limit), recipe, settings.model, seed);
  const model = languageModelFor({
    kind: settings.model,
    translates,
    words: words.words,
    longest: translates ? 2 * recipe.maxWords : recipe.window,
    options: settings.options,
  });
  requireRoom(model, recipe);
  return { texts, settings, seed, recipe, folder, words, model: model.initialize(seed) };
}

/** Stops where a model has a number of positions and the recipe's texts are longer. */
function requireRoom({ config }: LanguageModel, { window, maxWords }: WordRecipe): void {
  const [room, needed] =
    "positions" in config && typeof config.positions === "number"
      ? [config.positions, window]
      : "maxWords" in config
        ? [config.maxWords, maxWords]
        : [Number.POSITIVE_INFINITY, 0];
  if (room < needed)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "a model must have as many positions as it learns from at once",
      evidence: `got ${room} for ${needed}`,
      next: "set a smaller window (of a text) or maxWords (of translations), or leave the positions out of `model`",
    });
}

function planLines({ texts, settings, recipe, folder, words, model }: TextPlan): readonly string[] {
  const steps = counted(wholeSteps(words.batchesPerEpoch, recipe.accumulate), "step");
  return [
    `data        ${dataText(texts, words, recipe)}`,
    `model       ${settings.model}, ${grouped(model.parameterCount())} parameters, ${words.words} words`,
    `training    ${counted(recipe.epochs, "epoch")} of ${steps}, ${recipe.optimizer}, learning rate ${recipe.learningRate}`,
    `folder      ${folder}`,
  ];
}

/** Trains, and returns what heard all of it. */
async function trained(
  context: Context,
  { texts, settings, seed, recipe, folder, words, model }: TextPlan,
  { resume, checkpointEvery, histograms }: TrainTextOptions,
): Promise<Teller> {
  const { terminal, signal } = context;
  const teller = new Teller(context, { epochs: recipe.epochs, examples: "words" });
  try {
    const events = trainWordsInFolder({
      ...{ model, data: words, recipe, seed, folder, settings, signal, resume, checkpointEvery, histograms },
      about:
        texts.kind === "translations"
          ? { source_language: texts.languages[0], target_language: texts.languages[1] }
          : undefined,
      card: cardText(folder, settings, texts, words, recipe, model),
      runtime: await context.runtime(),
    });
    for await (const event of events) await teller.tell(event);
  } catch (error) {
    if (error instanceof VitrineError && error.code === "INTERRUPTED")
      terminal.note(`to go on: vitrine train --resume --out ${folder}`);
    throw error;
  } finally {
    teller.stop();
  }
  return teller;
}

/** The document of a run that ended. */
interface TextResult {
  readonly folder: string;
  readonly model: string;
  readonly parameters: number;
  readonly epochs: number;
  readonly best: BestEpoch | null;
  readonly loss: number | null;
  readonly perplexity: number | null;
  readonly seconds: number;
}

function resultOf({ folder, settings, model, recipe }: TextPlan, { best, last, seconds }: Teller): TextResult {
  const loss = best?.loss ?? last?.validation?.loss ?? null;
  return {
    folder,
    model: settings.model,
    parameters: model.parameterCount(),
    epochs: recipe.epochs,
    best: best ?? null,
    loss,
    perplexity: loss === null ? null : Math.exp(loss),
    seconds,
  };
}

/** Options of `vitrine train` that say nothing to texts. */
const forImages = [
  ...[
    "from",
    "arch",
    "findLr",
    "tune",
    "head",
    "autoAugment",
    "teacher",
    "distillation",
    "store",
    "strict",
    "holdBack",
  ],
];

function refuseOthers(options: TrainTextOptions): void {
  const given: Readonly<Record<string, unknown>> = { ...options };
  const strange = forImages.find((name) => given[name] !== undefined && given[name] !== false);
  if (strange !== undefined)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: `--${strange.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} is for images, and the data is text`,
      next: "leave it out",
    });
  if (options.resume && options.out === undefined)
    throw new VitrineError("INVALID_ARGUMENT", { rule: "--resume needs --out, the folder of the run" });
}

function settingsOf(
  data: string,
  texts: Texts,
  { model, dataDir, limit, attention }: TrainTextOptions,
  options: Readonly<Record<string, unknown>>,
  before: Readonly<Record<string, unknown>> | undefined,
): TextSettings {
  const translates = texts.kind === "translations";
  return v.parse(settingsSchema, {
    texts: true,
    model: translates ? "transformer" : "gpt2",
    options: { ...options, ...(attention === undefined ? {} : { attention }) },
    ...before,
    data: isNamedText(data) ? data : resolve(data),
    ...(dataDir === undefined ? {} : { dataDir: resolve(dataDir) }),
    ...(translates ? { languages: texts.languages.join("-") } : {}),
    ...(limit === undefined ? {} : { limit }),
    ...(model === undefined ? {} : { model }),
  });
}

function recipeName(model: string, translates: boolean): keyof typeof wordRecipes {
  if (translates) return model === "transformer" ? "transformer" : "seq2seq";
  return model === "gpt2" ? "gpt2" : "recurrent-language";
}

function typedChanges(options: TrainTextOptions, translates: boolean): Readonly<Record<string, unknown>> {
  return defined({
    epochs: options.epochs,
    [translates ? "batchWords" : "batchSize"]: options.batch,
    accumulate: options.accumulate,
    learningRate: options.lr,
    optimizer: options.optimizer,
    ema: options.ema,
    patience: options.patience,
  });
}

/** The first pairs, or characters. */
function limited(texts: Texts, limit: number | undefined): Texts {
  if (limit === undefined) return texts;
  if (texts.kind === "text") return { ...texts, text: cutText(texts.text, limit)[0] };
  const { source, target } = texts.train;
  return { ...texts, train: { source: source.slice(0, limit), target: target.slice(0, limit) } };
}

function wordData(texts: Texts, recipe: WordRecipe, model: string, seed: number): WordData {
  if (texts.kind === "text") return textData(texts.text, recipe, seed, texts.validation);
  const { train, validation } = texts.validation
    ? { train: texts.train, validation: texts.validation }
    : splitPairs(texts.train, heldBack, seed);
  // A recurrent decoder has an executable for each length of target.
  return translationData(train, validation, recipe, { multiple: model === "transformer" ? 1 : 8, seed });
}

function dataText(texts: Texts, { size, leftOut }: WordData, { pieces }: WordRecipe): string {
  const units = pieces === null ? "characters" : "tokens";
  if (texts.kind === "text") {
    const { name, text, validation, test } = texts;
    const documents = documentsOf(text).length;
    const what = documents === 1 ? "a text" : `${grouped(documents)} documents`;
    const parts = Object.entries({ validation, test }).flatMap(([part, one]) =>
      one === undefined ? [] : `${counted(documentsOf(one).length, "document")} of ${part} by the files' names`,
    );
    return [`${name}: ${what}, ${grouped(size)} ${units} to learn from`, ...parts].join("; ");
  }
  const long = leftOut > 0 ? `; ${counted(leftOut, "longer one")} left out` : "";
  return `${texts.name}: translations from ${texts.languages[0]} to ${texts.languages[1]}, ${grouped(size)} pairs${long}`;
}

function cardText(
  folder: string,
  settings: TextSettings,
  texts: Texts,
  data: WordData,
  recipe: WordRecipe,
  model: LanguageModel,
): string {
  const translates = texts.kind === "translations";
  return [
    "---",
    "library_name: vitrine",
    `pipeline_tag: ${translates ? "translation" : "text-generation"}`,
    ...(translates ? ["language:", ...texts.languages.map((language) => `- ${language}`)] : []),
    "---",
    "",
    `# ${basename(folder)}`,
    "",
    `A model of the kind ${settings.model} with ${grouped(model.parameterCount())} parameters, trained by \`vitrine train\` on ${dataText(texts, data, recipe)}, in ${counted(recipe.epochs, "epoch")}.`,
    "",
    "```",
    translates ? `vitrine translate ${basename(folder)} "…"` : `vitrine generate ${basename(folder)} "…"`,
    "```",
    "",
    "How it was trained is in `recipe.json`, how it went in `log.jsonl`.",
    "",
  ].join("\n");
}

function summaryText({ folder, loss, perplexity, seconds }: TextResult, translates: boolean): string {
  const measured =
    loss === null ? "" : `: validation loss ${loss.toFixed(4)} a word, perplexity ${perplexity!.toFixed(2)}`;
  return [
    `done in ${duration(seconds)}${measured}`,
    `model        ${folder} (config.json, tokenizer.json, model.safetensors)`,
    "",
    "What you can do now:",
    translates ? `  vitrine translate ${folder} "…"` : `  vitrine generate ${folder} "…"`,
  ].join("\n");
}
