/** A run in a folder that trains a model of words. Node only. */

import { Gpt2 } from "../../models/gpt2/gpt2.ts";
import type { JsonObject } from "../../models/json.ts";
import { RecurrentLanguage } from "../../models/recurrent-language.ts";
import { weightDecayGroups } from "../../optim/index.ts";
import type { LanguageModel } from "../../pretrained/language.ts";
import { saveLanguage } from "../../pretrained/save-language-node.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { TrainEvent } from "../events.ts";
import { type FolderRunOptions, type OpenRun, runInFolder } from "../folder-run-node.ts";
import { compileLesson } from "../learner.ts";
import { averageOf, optimizerOn, scheduleOf, wholeSteps } from "../recipe-parts.ts";
import { identity, unusual } from "../run-identity-node.ts";
import type { WordData } from "./data.ts";
import { type WordRecipe, wordRecipes } from "./recipe.ts";
import type { WordBatch } from "./word-batch.ts";
import { Measure, nextWordLesson, translationLesson, type WordLesson } from "./word-lesson.ts";

/** A model of words, what it learns from, and where. */
export interface WordRunOptions extends FolderRunOptions {
  /** With its first weights. */
  readonly model: LanguageModel;
  readonly data: WordData;
  readonly recipe: WordRecipe;
  readonly runtime: Runtime;
  /** Further entries of the model's `config.json`. */
  readonly about?: JsonObject | undefined;
  /** The model's card. */
  readonly card?: string | undefined;
}

/** Trains in a folder, which ends with what `loadLanguage` reads. @throws {VitrineError} as `runInFolder` */
export function trainWordsInFolder(options: WordRunOptions): AsyncGenerator<TrainEvent, void, undefined> {
  return runInFolder(options, identityOf(options), options.recipe, () => openRun(options));
}

async function openRun({
  model,
  data,
  recipe,
  runtime,
  folder,
  ...files
}: WordRunOptions): Promise<OpenRun<WordBatch>> {
  const lesson = lessonOf(model, data, recipe);
  const stepsPerEpoch = wholeSteps(data.batchesPerEpoch, recipe.accumulate);
  const trainables = weightDecayGroups(lesson.parameters, recipe.weightDecay);
  const learner = await compileLesson(lesson, {
    runtime,
    optimizer: optimizerOn(trainables, recipe, isHidden),
    average: averageOf(recipe, model.variables().values()),
    clipNorm: recipe.clipNorm ?? undefined,
    accumulate: recipe.accumulate,
  });
  const measure = new Measure(lesson, runtime);
  return {
    learner,
    variables: model.variables(),
    parameterCount: model.parameterCount(),
    batches: async function* (epoch, from) {
      yield* data.batches(epoch, from);
    },
    stepsPerEpoch,
    epochs: recipe.epochs,
    learningRate: scheduleOf(recipe, stepsPerEpoch),
    patience: recipe.patience ?? undefined,
    chooseBy: "loss",
    evaluate: () => measure.run(data.validation()),
    saveModel: () => saveLanguage(folder, model, { tokenizer: data.tokenizer, about: files.about, card: files.card }),
    close: async () => {
      await learner.dispose();
      await measure.dispose();
    },
  };
}

function lessonOf(model: LanguageModel, data: WordData, recipe: WordRecipe): WordLesson {
  if (model instanceof Gpt2 || model instanceof RecurrentLanguage)
    return nextWordLesson(model, recipe, [recipe.batchSize, recipe.window]);
  return translationLesson(model, recipe, data.lengths);
}

/** The matrices inside: tables of words and outputs are no directions to make orthogonal. */
function isHidden({ name }: { readonly name: string }): boolean {
  return !/(?:embedding|positions|wte|wpe|lm_head|projection|output)\b/.test(name);
}

/** What the run is: the same for every process that may go on with it. */
function identityOf({ model, data, recipe, seed }: WordRunOptions): string {
  const { size, words, leftOut, tokenizer } = data;
  const settings = unusual(recipe, wordRecipes.transformer);
  return identity({ model: unusual(model.config), data: { size, words, leftOut, tokenizer }, recipe: settings, seed });
}
