/** `vitrine explain TEXT --model MODEL` for a model of words: pictures of what it did with a text. */

import { VitrineError } from "../../errors.ts";
import type { ExplanationFormat } from "../../explain/render-node.ts";
import { explainWords, methodsOfKind } from "../../explain/words/explain-words.ts";
import { renderWords } from "../../explain/words/render-words-node.ts";
import {
  lengthOf,
  type WordsExplanation,
  type WordsMethodName,
  wordsExplanationJson,
  wordsMethodNames,
} from "../../explain/words/words-explanation.ts";
import { writeFileAtomically } from "../../files/write-node.ts";
import type { Language } from "../../pretrained/language.ts";
import { loadLanguage } from "../../pretrained/language-node.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { Translator } from "../../tasks/translate.ts";
import { type Context, stopIfTold } from "../context.ts";
import { freshFile } from "../fresh.ts";
import { table } from "../table.ts";
import { readTexts } from "../words.ts";
import type { ExplainOptions } from "./explain.ts";

interface WordsOptions extends ExplainOptions {
  /** The model's name and the folder that holds it. */
  readonly name: string;
  readonly folder: string;
  readonly format: ExplanationFormat;
}

/** Choices that mean nothing for texts. */
const imageChoices = ["class", "token", "patch", "fusion", "discard"] as const;

/** Writes the picture and says what it shows. */
export async function explainText(context: Context, given: string, options: WordsOptions): Promise<undefined> {
  const { name, folder, method, block, head, target, out, format } = options;
  const stray = imageChoices.find((choice) => options[choice] !== undefined);
  if (stray !== undefined)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: `explain: --${stray} is for images`,
      evidence: `got ${name}, a model of words`,
    });
  if (method !== undefined && !(wordsMethodNames as readonly string[]).includes(method))
    throw new VitrineError("UNKNOWN_NAME", {
      rule: `explain: a method for texts is one of ${wordsMethodNames.join(", ")}`,
      evidence: `got "${method}"`,
    });
  const [text = ""] = readTexts([given]);
  const [language, runtime] = await Promise.all([loadLanguage(folder), context.runtime()]);
  const asked = (method as WordsMethodName | undefined) ?? methodsOfKind[language.kind][0]!;
  const translation = asked === "positions" ? undefined : await translationOf(language, text, target, runtime);
  const explanation = await explainWords({
    language: { ...language, name },
    runtime,
    text,
    translation,
    method: asked,
    block,
    head,
  });
  stopIfTold(context);
  const path = out ?? (await freshFile(`${name.replaceAll("/", "-")}-${explanation.method}.png`));
  await writeFileAtomically(path, [await renderWords(explanation, format)]);
  context.terminal.result(
    {
      text,
      ...(translation === undefined ? {} : { translation }),
      out: path,
      ...(JSON.parse(wordsExplanationJson(explanation)) as object),
    },
    `${explanationText(explanation, translation)}\npicture  ${path}`,
  );
  return undefined;
}

/** The translation that was given, or the model's own; `undefined` for a model that does not translate. */
async function translationOf(
  { kind, model, tokenizer, targetTokenizer }: Language,
  text: string,
  given: string | undefined,
  runtime: Runtime,
): Promise<string | undefined> {
  if (kind === "gpt2" || kind === "recurrent-language") {
    if (given === undefined) return undefined;
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "--target is for models that translate",
      evidence: `got a model of the kind ${kind}`,
    });
  }
  if (given !== undefined) return given;
  await using translator = await Translator.open(model, { source: tokenizer, target: targetTokenizer }, runtime);
  const [own] = await translator.translate([text]);
  return own!.text;
}

function explanationText({ method, quantity, groups }: WordsExplanation, translation: string | undefined): string {
  const rows = [
    ["method", `${method}: ${quantity}`],
    ...(translation === undefined ? [] : [["translation", translation]]),
    ...groups.map(({ title, rows, columns, maps }) => [
      title,
      `${maps.length} × [${lengthOf(rows)}, ${lengthOf(columns)}]`,
    ]),
  ];
  return table(["", ""], rows);
}
