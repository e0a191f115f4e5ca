/**
 * BLEU by the length of the sentence, of several models: what one fixed code of a whole sentence loses when sentences grow.
 *
 *     node tools/run.mjs bench/lengths.ts --data-dir ../shared/data/text [--data multi30k] [--languages de-en] [--beams 4] [--figure FIGURE] NAME=FOLDER…
 *
 * Prints a table, and draws it as FIGURE.svg.
 */

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { datasetCacheFromEnvironment } from "../src/data/datasets/download-node.ts";
import { encodePng } from "../src/data/decode-node.ts";
import { openTexts } from "../src/data/text/open-node.ts";
import { toSvg } from "../src/explain/svg.ts";
import { loadLanguage } from "../src/pretrained/language-node.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import { bleu } from "../src/tasks/bleu.ts";
import { evaluateTranslations } from "../src/tasks/evaluate-words.ts";
import { Translator } from "../src/tasks/translate.ts";
import { type Curve, lengthsFigure } from "./lengths-figure.ts";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: "string", default: "multi30k" },
    "data-dir": { type: "string" },
    languages: { type: "string", default: "de-en" },
    beams: { type: "string", default: "4" },
    figure: { type: "string" },
  },
});
/** Least words of each band's sources. */
const borders = [0, 7, 9, 11, 13, 16, 20];

const texts = await openTexts(values.data, {
  dataDir: values["data-dir"],
  languages: values.languages,
  cache: datasetCacheFromEnvironment(process.env),
});
if (texts.kind !== "translations" || !texts.test) throw new Error(`${values.data} has no test pairs`);
const { source, target } = texts.test;
const lengths = source.map((text) => text.trim().split(/\s+/).length);
const bandOf = (i: number): number => borders.filter((border) => lengths[i]! >= border).length - 1;
const members = borders.map((_, band) => source.flatMap((_, i) => (bandOf(i) === band ? [i] : [])));

const runtime = await nodeRuntime();
const curves: Curve[] = [];
for (const given of positionals) {
  const [name = "", folder = ""] = given.split("=");
  const language = await loadLanguage(folder);
  if (language.kind !== "transformer" && language.kind !== "seq2seq") throw new Error(`${folder} does not translate`);
  const { model, tokenizer, targetTokenizer } = language;
  await using translator = await Translator.open(model, { source: tokenizer, target: targetTokenizer }, runtime);
  const found = await evaluateTranslations(translator, texts.test, { beams: Number(values.beams) });
  const bands = members.map((all) => {
    const own = all.map((i) => lengths[i]!);
    const pick = (lines: readonly string[]): readonly string[] => all.map((i) => lines[i]!);
    return {
      words: [Math.min(...own), Math.max(...own)] as const,
      count: all.length,
      bleu: bleu(pick(found.translations), pick(target)).score,
    };
  });
  curves.push({ name, bands });
  console.log(`${name}: ${found.bleu.score.toFixed(2)} BLEU in all`);
}

console.log(`\n| words of the source | sentences | ${curves.map(({ name }) => name).join(" | ")} |`);
console.log(`|---|---|${curves.map(() => "---|").join("")}`);
for (const [i, { words, count }] of (curves[0]?.bands ?? []).entries())
  console.log(
    `| ${words.join(" to ")} | ${count} | ${curves.map(({ bands }) => bands[i]!.bleu.toFixed(1)).join(" | ")} |`,
  );
if (values.figure) writeFileSync(`${values.figure}.svg`, await toSvg(lengthsFigure(curves), encodePng));
process.exit();
