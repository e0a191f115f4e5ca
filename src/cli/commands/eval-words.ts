/** `vitrine eval MODEL DATA` for a model of words: how likely a text is to it, or BLEU of its translations. */

import { datasetCacheFromEnvironment } from "../../data/datasets/download-node.ts";
import { heldOut, type ParallelCorpus } from "../../data/text/corpus.ts";
import { cutText } from "../../data/text/documents.ts";
import { isNamedText } from "../../data/text/named-node.ts";
import { openTexts, type Texts } from "../../data/text/open-node.ts";
import { VitrineError } from "../../errors.ts";
import type { Language } from "../../pretrained/language.ts";
import { loadLanguage } from "../../pretrained/language-node.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import {
  evaluateText,
  evaluateTranslations,
  type TranslationEvaluation,
  type WordsEvaluationOptions,
} from "../../tasks/evaluate-words.ts";
import { Translator } from "../../tasks/translate.ts";
import { type Context, interruption, stopIfTold } from "../context.ts";
import { counted, percent } from "../numbers.ts";
import { right, table } from "../table.ts";
import type { EvalOptions } from "./eval.ts";

interface WordsOptions extends EvalOptions {
  /** The model's name and the folder that holds it. */
  readonly name: string;
  readonly folder: string;
}

/** Named texts have no test part: the end of the text, which training keeps back unless it is told otherwise. */
const lastShare = 0.1;

/** A judgement: its figures, and the same for people. */
interface Judgement {
  readonly figures: object;
  readonly text: string;
}

/** What is judged, and how. */
interface Trial {
  readonly texts: Texts;
  readonly title: string;
  readonly options: WordsOptions;
  readonly data: string;
  readonly runtime: Runtime;
  readonly how: WordsEvaluationOptions;
}

/** Prints loss and perplexity of a text, or BLEU of the test pairs, else the validation pairs, else all, in all and by length. */
export async function evalWords(context: Context, data: string, options: WordsOptions): Promise<undefined> {
  refuseImageChoices(options);
  const { name, folder, dataDir, languages } = options;
  const { terminal, signal } = context;
  const [language, runtime] = await Promise.all([loadLanguage(folder), context.runtime()]);
  const cache = datasetCacheFromEnvironment(process.env);
  const texts = await openTexts(data, { dataDir, languages, cache, signal });
  const started = performance.now();
  const progress = await terminal.progress("evaluating", 0);
  const how = {
    signal: interruption(context),
    onProgress: (done: number, of: number) => progress.update(done, "", of),
  };
  const trial: Trial = { texts, title: `${name} on ${texts.name}`, options, data, runtime, how };
  try {
    const { figures, text } = await judged(language, trial);
    progress.stop();
    const seconds = (performance.now() - started) / 1000;
    terminal.result({ model: name, data: texts.name, seconds, ...figures }, text);
    return undefined;
  } catch (error) {
    stopIfTold(context);
    throw error;
  } finally {
    progress.stop();
  }
}

function refuseImageChoices(options: WordsOptions): void {
  const stray = (["tta", "arch"] as const).find((choice) => options[choice] !== undefined);
  if (stray === undefined) return;
  throw new VitrineError("INVALID_ARGUMENT", {
    rule: `eval: --${stray} is for images`,
    evidence: `got ${options.name}, a model of words`,
  });
}

function judged(language: Language, trial: Trial): Promise<Judgement> {
  const { kind } = language;
  return kind === "gpt2" || kind === "recurrent-language"
    ? judgedByText(language, trial)
    : judgedByTranslations(language, trial);
}

async function judgedByText(
  { model, tokenizer }: Extract<Language, { kind: "gpt2" | "recurrent-language" }>,
  { texts, title, options, data, runtime, how }: Trial,
): Promise<Judgement> {
  const found = await evaluateText(
    model,
    tokenizer,
    limited(textOf(texts, data, options.name), options.limit),
    runtime,
    how,
  );
  const { count, loss, perplexity, bitsPerCharacter, accuracy } = found;
  const figures = table(
    ["loss", "perplexity", "bits a character", "likeliest was right", "tokens"],
    [[loss.toFixed(4), perplexity.toFixed(2), bitsPerCharacter.toFixed(3), percent(accuracy), count]],
  );
  return { figures: found, text: [title, "", figures].join("\n") };
}

async function judgedByTranslations(
  { model, tokenizer, targetTokenizer }: Extract<Language, { kind: "transformer" | "seq2seq" }>,
  { texts, title, options, data, runtime, how }: Trial,
): Promise<Judgement> {
  const { beams, limit, name } = options;
  const pairs = limitedPairs(pairsOf(texts, data, name), limit);
  await using translator = await Translator.open(model, { source: tokenizer, target: targetTokenizer }, runtime);
  const { translations, ...found } = await evaluateTranslations(translator, pairs, { ...how, beams });
  return { figures: { beams, ...found }, text: translationText(found, `${title}, ${counted(beams, "beam")}`) };
}

function textOf(texts: Texts, data: string, name: string): string {
  if (texts.kind !== "text") throw wrongData(name, "a text", "translations", data);
  const { text, validation, test } = texts;
  return test ?? validation ?? (isNamedText(data) ? heldOut(text, lastShare).validation : text);
}

function pairsOf(texts: Texts, data: string, name: string): ParallelCorpus {
  if (texts.kind !== "translations") throw wrongData(name, "translations", "a text", data);
  return texts.test ?? texts.validation ?? texts.train;
}

function wrongData(name: string, needed: string, got: string, place: string): VitrineError {
  return new VitrineError("INVALID_ARGUMENT", {
    rule: `eval: ${name} is judged by ${needed}`,
    evidence: `got ${got}`,
    place,
  });
}

const limited = (text: string, limit: number | undefined): string =>
  limit === undefined ? text : cutText(text, limit)[0];

function limitedPairs({ source, target }: ParallelCorpus, limit: number | undefined): ParallelCorpus {
  return limit === undefined ? { source, target } : { source: source.slice(0, limit), target: target.slice(0, limit) };
}

function translationText({ bleu, bands, count }: Omit<TranslationEvaluation, "translations">, title: string): string {
  return [
    title,
    "",
    table(
      ["BLEU", "1- to 4-grams", "brevity", "pairs"],
      [
        [
          bleu.score.toFixed(2),
          bleu.precisions.map((one) => one.toFixed(1)).join(" / "),
          bleu.brevity.toFixed(3),
          count,
        ],
      ],
    ),
    table(
      ["words of the source", right("pairs"), right("BLEU")],
      bands.map(({ words: [least, most], count, bleu }) => [`${least} to ${most}`, count, bleu.toFixed(2)]),
    ),
  ].join("\n");
}
