/** How good a model of words is: how likely it finds a text, or how near its translations are to people's. */

import { compile } from "../compile/index.ts";
import type { ParallelCorpus } from "../data/text/corpus.ts";
import { endOfText } from "../data/text/documents.ts";
import type { Tokenizer } from "../data/text/tokenizer.ts";
import { VitrineError } from "../errors.ts";
import { wordSums } from "../losses/index.ts";
import { Gpt2 } from "../models/gpt2/gpt2.ts";
import type { RecurrentLanguage } from "../models/recurrent-language.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type Bleu, bleu } from "./bleu.ts";
import { idRows } from "./decode/cached-decoder.ts";
import type { TranslateOptions, Translator } from "./translate.ts";

/** How likely a text is to a model that goes on with texts. */
export interface TextEvaluation {
  /** Tokens that were to be foreseen. */
  readonly count: number;
  /** Mean of −log P of a token, in nats. */
  readonly loss: number;
  /** e to the loss. */
  readonly perplexity: number;
  /** Of the whole text; comparable between models with different vocabularies. */
  readonly bitsPerCharacter: number;
  /** Share of the tokens that were the likeliest. */
  readonly accuracy: number;
}

/** What an evaluation tells while it works, and what stops it. */
export interface WordsEvaluationOptions {
  readonly onProgress?: ((done: number, of: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Tokens that a recurrent model, which has no limit, reads at once. */
const recurrentWindow = 256;

/** Windows of one run. */
const rows = 8;

/**
 * Judges a model by a text, cut into windows as long as the model reads; each begins without what was before it. Where the text has several documents, the
 * vocabulary's end, if it has one, is to be foreseen after each; it counts as no character.
 * @throws {VitrineError} DATA_PROBLEM for a text of fewer than two tokens, INVALID_ARGUMENT for symbols that the vocabulary does not have.
 */
export async function evaluateText(
  model: Gpt2 | RecurrentLanguage,
  tokenizer: Tokenizer,
  text: string,
  runtime: Runtime,
  { onProgress, signal }: WordsEvaluationOptions = {},
): Promise<TextEvaluation> {
  tokenizer.requireWords(model.config.words);
  const documents = text.split(endOfText);
  const characters = documents.join("");
  const strange = tokenizer.unknownSymbols(characters);
  if (strange.length > 0)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "evaluate: a text is made of symbols that the vocabulary has",
      evidence: `it does not have ${strange.slice(0, 10).join(" ")}`,
    });
  const { end } = tokenizer;
  const ids =
    end === undefined
      ? tokenizer.encode(characters)
      : documents.flatMap((part, i) => [...(i > 0 ? [end] : []), ...tokenizer.encode(part)]);
  if (ids.length < 2)
    throw new VitrineError("DATA_PROBLEM", {
      rule: "evaluate: a text must have at least two tokens, one to foresee",
      evidence: `got ${ids.length}`,
    });
  const window = model instanceof Gpt2 ? model.config.positions : recurrentWindow;
  const words = { dtype: "int64", shape: ["b", "n"] } as const;
  await using executable = await compile(
    ({ ids, labels }) => ({ ...wordSums(model.forward(ids), labels) }),
    { ids: words, labels: words },
    { runtime },
  );
  const count = ids.length - 1;
  let [sum, right] = [0, 0];
  for (const group of windows(count, window)) {
    signal?.throwIfAborted();
    const cut = (shift: number) => idRows(group.map(([from, to]) => ids.slice(from + shift, to + shift)));
    const found = await executable.run({ ids: cut(0), labels: cut(1) });
    sum += Number(found.loss!.data[0]);
    right += Number(found.right!.data[0]);
    onProgress?.(group.at(-1)![1], count);
  }
  const loss = sum / count;
  const bitsPerCharacter = sum / Math.LN2 / characters.length;
  return { count, loss, perplexity: Math.exp(loss), bitsPerCharacter, accuracy: right / count };
}

/** [from, to) of each window, several of the same length together. */
function* windows(count: number, window: number): Generator<readonly (readonly [from: number, to: number])[]> {
  const whole = Math.floor(count / window);
  for (let first = 0; first < whole; first += rows)
    yield Array.from({ length: Math.min(rows, whole - first) }, (_, i) => {
      const from = (first + i) * window;
      return [from, from + window] as const;
    });
  if (whole * window < count) yield [[whole * window, count]];
}

/** Translations whose sources have about the same number of words. */
export interface LengthBand {
  /** Least and most words of a source, as spaces part them. */
  readonly words: readonly [least: number, most: number];
  readonly count: number;
  readonly bleu: number;
}

/** How near translations are to those that people made. */
export interface TranslationEvaluation {
  readonly count: number;
  readonly bleu: Bleu;
  /** By length of the source, shortest first, about a quarter of all in each. */
  readonly bands: readonly LengthBand[];
  readonly translations: readonly string[];
}

/** Sentences between two words on how far it is. */
const told = 64;

/**
 * Translates the sources, and compares with the targets. BLEU is sacrebleu's (`bleu`).
 * @throws {VitrineError} as `Translator.translate`, and INVALID_ARGUMENT for a corpus without pairs.
 */
export async function evaluateTranslations(
  translator: Translator,
  { source, target }: ParallelCorpus,
  { onProgress, ...how }: TranslateOptions & WordsEvaluationOptions = {},
): Promise<TranslationEvaluation> {
  const lengths = source.map((text) => text.trim().split(/\s+/).length);
  const order = lengths.map((_, i) => i).sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  const translations: string[] = Array(source.length).fill("");
  for (let from = 0; from < order.length; from += told) {
    const group = order.slice(from, from + told);
    const found = await translator.translate(
      group.map((i) => source[i]!),
      how,
    );
    for (const [place, i] of group.entries()) translations[i] = found[place]!.text;
    onProgress?.(from + group.length, order.length);
  }
  return { count: source.length, bleu: bleu(translations, target), bands: bandsOf(), translations };

  function bandsOf(): readonly LengthBand[] {
    const borders = [1, 2, 3].map((quarter) => lengths[order[Math.floor((quarter * order.length) / 4)]!]!);
    const band = (i: number): number => borders.filter((border) => lengths[i]! >= border).length;
    return [0, 1, 2, 3].flatMap((number) => {
      const members = order.filter((i) => band(i) === number);
      if (members.length === 0) return [];
      const pick = (texts: readonly string[]): readonly string[] => members.map((i) => texts[i]!);
      return {
        words: [lengths[members[0]!]!, lengths[members.at(-1)!]!] as const,
        count: members.length,
        bleu: bleu(pick(translations), pick(target)).score,
      };
    });
  }
}
