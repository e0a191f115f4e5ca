/** `vitrine eval MODEL DATA` for a model of words: how likely a text is to it, or BLEU of its translations. */

import { datasetCacheFromEnvironment } from "../../data/datasets/download-node.ts";
import { heldOut, type ParallelCorpus } from "../../data/text/corpus.ts";
import { isNamedText } from "../../data/text/named-node.ts";
import { openTexts, type Texts } from "../../data/text/open-node.ts";
import { VitrineError } from "../../errors.ts";
import { loadLanguage } from "../../pretrained/language-node.ts";
import { evaluateText, evaluateTranslations, type TranslationEvaluation } from "../../tasks/evaluate-words.ts";
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

/** Prints loss and perplexity of a text, or BLEU of the test pairs, else the validation pairs, else all, in all and by length. */
export async function evalWords(context: Context, data: string, options: WordsOptions): Promise<undefined> {
  const { name, folder, dataDir, limit, languages, beams } = options;
  const stray = (["tta", "arch"] as const).find((choice) => options[choice] !== undefined);
  if (stray !== undefined)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: `eval: --${stray} is for images`,
      evidence: `got ${name}, a model of words`,
    });
  const { terminal, signal } = context;
  const [language, runtime] = await Promise.all([loadLanguage(folder), context.runtime()]);
  const texts = await openTexts(data, {
    dataDir,
    languages,
    cache: datasetCacheFromEnvironment(process.env),
    signal,
  });
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  const progress = await terminal.progress("evaluating", 0);
  const how = {
    signal: interruption(context),
    onProgress: (done: number, of: number) => progress.update(done, `of ${of}`),
  };
  try {
    if (language.kind === "gpt2" || language.kind === "recurrent-language") {
      const text = limited(textOf(texts, data, name), limit);
      const found = await evaluateText(language.model, language.tokenizer, text, runtime, how);
      progress.stop();
      const { count, loss, perplexity, bitsPerCharacter, accuracy } = found;
      terminal.result(
        { model: name, data: texts.name, seconds: seconds(), ...found },
        [
          `${name} on ${texts.name}`,
          "",
          table(
            ["loss", "perplexity", "bits a character", "likeliest was right", "tokens"],
            [[loss.toFixed(4), perplexity.toFixed(2), bitsPerCharacter.toFixed(3), percent(accuracy), count]],
          ),
        ].join("\n"),
      );
      return undefined;
    }
    const { model, tokenizer, targetTokenizer } = language;
    const pairs = limitedPairs(pairsOf(texts, data, name), limit);
    await using translator = await Translator.open(model, { source: tokenizer, target: targetTokenizer }, runtime);
    const { translations, ...found } = await evaluateTranslations(translator, pairs, { ...how, beams });
    progress.stop();
    terminal.result(
      { model: name, data: texts.name, seconds: seconds(), beams, ...found },
      translationText(found, `${name} on ${texts.name}, ${counted(beams, "beam")}`),
    );
    return undefined;
  } catch (error) {
    stopIfTold(context);
    throw error;
  } finally {
    progress.stop();
  }
}

function textOf(texts: Texts, data: string, name: string): string {
  if (texts.kind !== "text") throw wrongData(name, "a text", "translations", data);
  return isNamedText(data) ? heldOut(texts.text, lastShare).validation : texts.text;
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
  limit === undefined ? text : text.slice(0, limit);

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
