/** `vitrine translate MODEL SENTENCE…`: sentences of one language in another. */

import { readText } from "../../data/text/corpus-node.ts";
import { VitrineError } from "../../errors.ts";
import { type Translation, Translator } from "../../tasks/translate.ts";
import { type Context, interruption, stopIfTold } from "../context.ts";
import { type LanguageUse, loadWords, modelAndTexts, noTexts, readTexts } from "../words.ts";

export interface TranslateVerbOptions {
  readonly file?: string | undefined;
  readonly beams: number;
  readonly lengthPenalty?: number | undefined;
  readonly tokens?: number | undefined;
  readonly prefix?: string | undefined;
  readonly batch: number;
  readonly alignment: boolean;
}

const use: LanguageUse<"transformer" | "seq2seq"> = {
  verb: "translate",
  needs: "a model that translates",
  kinds: ["transformer", "seq2seq"],
  otherwise: "`vitrine generate` takes models that go on with texts",
};

/** Batches between two looks at what was written. */
const batchesTold = 4;

/** Prints the translation of each line, in the lines' order, as soon as it and those before it are there. Empty lines stay empty. */
export async function translateVerb(
  context: Context,
  [args]: readonly [readonly string[]],
  { file, tokens, alignment, ...how }: TranslateVerbOptions,
): Promise<undefined> {
  const { reference, texts } = modelAndTexts(args, use.verb);
  const lines = await linesOf(texts, file, reference);
  const [{ name, model, tokenizer, targetTokenizer }, runtime] = await Promise.all([
    loadWords(context, reference, use),
    context.runtime(),
  ]);
  if (alignment && !context.json)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "translate: --alignment is told in JSON",
      next: "add --json; `vitrine explain` draws it",
    });
  await using translator = await Translator.open(model, { source: tokenizer, target: targetTokenizer }, runtime);
  const options = { ...how, maxWords: tokens, alignment, signal: interruption(context) };
  const documents: object[] = [];
  const piece = how.batch * batchesTold;
  for (let from = 0; from < lines.length; from += piece) {
    const some = lines.slice(from, from + piece);
    const found = await translateSome(translator, some, options);
    stopIfTold(context);
    for (const [i, translation] of found.entries()) {
      if (translation && translation.unknown.length > 0)
        context.terminal.warn(`line ${from + i + 1}: the vocabulary has no ${translation.unknown.join(" ")}`);
      if (!context.json) process.stdout.write(`${translation?.text ?? ""}\n`);
      documents.push(documentOf(name, some[i]!, translation));
    }
  }
  context.terminal.result(documents, "");
  return undefined;
}

async function linesOf(
  texts: readonly string[],
  file: string | undefined,
  reference: string | undefined,
): Promise<readonly string[]> {
  if (file === undefined && texts.length === 0)
    throw noTexts(
      use.verb,
      "sentence",
      reference,
      'vitrine translate MODEL "Ein Hund läuft.", --file FILE, or - for standard input',
    );
  const given = readTexts(texts).flatMap((text, i) => (texts[i] === "-" ? text.split(/\r?\n/) : [text]));
  if (file === undefined) return given;
  const text = await readText(file);
  return [...given, ...(text.endsWith("\n") ? text.slice(0, -1) : text).split("\n")];
}

/** Empty lines are not shown to the model. A text that was asked for alone must not be empty. */
async function translateSome(
  translator: Translator,
  lines: readonly string[],
  options: Parameters<Translator["translate"]>[1],
): Promise<readonly (Translation | undefined)[]> {
  const full = lines.length === 1 ? lines : lines.filter((line) => line.trim() !== "");
  const found = [...(await translator.translate(full, options))];
  return lines.map((line) => (line.trim() === "" ? undefined : found.shift()));
}

function documentOf(model: string, source: string, translation: Translation | undefined): object {
  if (!translation) return { model, source, text: "" };
  const { alignment, ...rest } = translation;
  if (!alignment) return { model, source, ...rest };
  const { weights, ...words } = alignment;
  const [rows, cols] = weights.shape as [number, number];
  const data = Array.from(weights.data as Float32Array, (weight) => Number(weight.toPrecision(6)));
  const matrix = Array.from({ length: rows }, (_, row) => data.slice(row * cols, (row + 1) * cols));
  return { model, source, ...rest, alignment: { ...words, weights: matrix } };
}
