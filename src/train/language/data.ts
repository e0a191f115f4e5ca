/** Texts as ids, ready to be learned from. */

import { type BucketPlan, bucketed, commonLength, type IdPairs } from "../../data/text/buckets.ts";
import { trainBytePairs } from "../../data/text/byte-pairs.ts";
import { characterVocabulary } from "../../data/text/characters.ts";
import { heldOut, type ParallelCorpus } from "../../data/text/corpus.ts";
import { endOfText } from "../../data/text/documents.ts";
import { encodeLines } from "../../data/text/encode-lines.ts";
import { Tokenizer } from "../../data/text/tokenizer.ts";
import { windowBatches, windowStarts } from "../../data/text/windows.ts";
import { VitrineError } from "../../errors.ts";
import { sentencePieces } from "../../pretrained/language-config.ts";
import type { WordRecipe } from "./recipe.ts";
import { type SentenceIds, translationBatch, type WordBatch, windowBatch } from "./word-batch.ts";

/** Texts with the vocabulary that was made of them. */
export interface WordData {
  /** Parsed `tokenizer.json`. */
  readonly tokenizer: object;
  readonly words: number;
  /** Sentences, or tokens of a text. */
  readonly size: number;
  /** Sentences that are longer than the recipe lets them be. */
  readonly leftOut: number;
  /** Lengths of both sides of translations that come up, where these are alike. */
  readonly lengths: readonly number[];
  readonly batchesPerEpoch: number;
  /** Batches of an epoch, from the given one on. */
  batches(epoch: number, from: number): Iterable<WordBatch>;
  /** Batches of what is kept from the training. */
  validation(): Iterable<WordBatch>;
}

const ids: SentenceIds = { pad: 0, begin: 1, end: 2 };

/**
 * Translations as ids. Both languages have one vocabulary.
 * @param multiple as `BucketPlan` has it
 * @throws {VitrineError} DATA_PROBLEM where no sentence is short enough, INVALID_ARGUMENT for a recipe without pieces, or with too few.
 */
export function translationData(
  train: ParallelCorpus,
  validation: ParallelCorpus,
  recipe: WordRecipe,
  { multiple, seed }: Pick<BucketPlan, "multiple" | "seed">,
): WordData {
  const { pieces } = recipe;
  if (pieces === null)
    throw new VitrineError("INVALID_ARGUMENT", { rule: "translations are learned in pieces", evidence: "got null" });
  const file = trainBytePairs([...train.source, ...train.target], { pieces, special: sentencePieces });
  const tokenizer = Tokenizer.fromJson(file);
  const encode = (texts: readonly string[]) => encodeLines(tokenizer, texts).map((words) => [...words, ids.end]);
  const [learned, measured] = [train, validation].map(({ source, target }) =>
    short({ source: encode(source), target: encode(target) }, recipe.maxWords),
  ) as [IdPairs, IdPairs];
  const plan = { words: recipe.batchWords, multiple, seed };
  const batchOf = (pairs: IdPairs) => (examples: readonly number[]) => translationBatch(pairs, examples, ids, multiple);
  const epoch = (number: number) => bucketed(learned, plan, number);
  const measuredBatches = bucketed(measured, plan, 0);
  return {
    tokenizer: file,
    words: tokenizer.words,
    size: learned.source.length,
    leftOut: train.source.length - learned.source.length,
    lengths: [...new Set(epoch(0).map(([i]) => commonLength(learned.source[i!]!, learned.target[i!]!, multiple)))],
    batchesPerEpoch: epoch(0).length,
    batches: (number, from) => mapped(epoch(number).slice(from), batchOf(learned)),
    validation: () => mapped(measuredBatches, batchOf(measured)),
  };
}

/**
 * A text as ids of its characters, or of the pieces that are learned from the part that is learned from. Where the text has several documents, `endOfText` is one
 * id more, after each of them; windows go on from one document to the next.
 * @param measure what is measured by; without it the recipe's share of the text's end, which is held back
 * @throws {VitrineError} DATA_PROBLEM for a text that is too short, INVALID_ARGUMENT for too few pieces.
 */
export function textData(text: string, recipe: WordRecipe, seed: number, measure?: string): WordData {
  const parts = measure === undefined ? heldOut(text, recipe.heldOut) : { train: text, validation: measure };
  const { file, tokenizer, encode } = vocabularyOf(parts, recipe.pieces);
  const [learned, measured] = [encode(parts.train), encode(parts.validation)];
  const { window, batchSize } = recipe;
  const plan = { window, batchSize, seed };
  const batchesPerEpoch = windowBatches(learned.length, plan);
  if (batchesPerEpoch < 1 || measured.length <= window)
    throw new VitrineError("DATA_PROBLEM", {
      rule: `a text must have ${window * (batchSize + 1)} ${recipe.pieces === null ? "characters" : "tokens"} to learn from, and more than ${window} to measure by`,
      evidence: `got ${learned.length} and ${measured.length}`,
      next: "set a smaller window or batchSize",
    });
  const starts = Array.from({ length: Math.floor((measured.length - 1) / window) }, (_, i) => i * window);
  const groups = Array.from({ length: Math.ceil(starts.length / batchSize) }, (_, i) =>
    starts.slice(i * batchSize, (i + 1) * batchSize),
  );
  return {
    tokenizer: file,
    words: tokenizer.words,
    size: learned.length,
    leftOut: 0,
    lengths: [],
    batchesPerEpoch,
    batches: (epoch, from) =>
      mapped(windowStarts(learned.length, plan, epoch).slice(from), (group) => windowBatch(learned, group, window)),
    validation: () => mapped(groups, (group) => windowBatch(measured, group, window)),
  };
}

/** What is learned from, and what is measured by. */
interface Parts {
  readonly train: string;
  readonly validation: string;
}

/** A text's vocabulary, and how parts of the text become ids. */
interface Vocabulary {
  /** Parsed `tokenizer.json`. */
  readonly file: object;
  readonly tokenizer: Tokenizer;
  encode(part: string): Int32Array;
}

/** Pieces are learned from the part that is learned from: their bytes have whatever else comes. */
function vocabularyOf({ train, validation }: Parts, pieces: number | null): Vocabulary {
  const special = train.includes(endOfText) ? [endOfText] : [];
  const documents = train.split(endOfText);
  const characters = [...documents, ...validation.split(endOfText)].join("");
  const file =
    pieces === null
      ? characterVocabulary(characters, special)
      : trainBytePairs(documents, { pieces, special, ended: false });
  const tokenizer = Tokenizer.fromJson(file);
  const mark = special.flatMap((piece) => tokenizer.encode(piece));
  const idsOf =
    pieces === null
      ? idsOfCharacters(tokenizer, characters)
      : (texts: readonly string[]) => encodeLines(tokenizer, texts);
  return {
    file,
    tokenizer,
    encode: (part) =>
      Int32Array.from(idsOf(part.split(endOfText)).flatMap((ids, i) => (i > 0 ? [...mark, ...ids] : ids))),
  };
}

function idsOfCharacters(
  tokenizer: Tokenizer,
  characters: string,
): (texts: readonly string[]) => readonly (readonly number[])[] {
  const ids = new Map([...new Set(characters)].map((character) => [character, tokenizer.encode(character)[0]!]));
  return (texts) => texts.map((text) => Array.from(text, (character) => ids.get(character)!));
}

function short({ source, target }: IdPairs, longest: number): IdPairs {
  const kept = source.flatMap((words, i) => (Math.max(words.length, target[i]!.length) <= longest ? [i] : []));
  if (kept.length === 0)
    throw new VitrineError("DATA_PROBLEM", {
      rule: `a sentence must have at most ${longest} words to be learned from`,
      evidence: `got ${source.length} longer ones`,
      next: "set a larger maxWords",
    });
  return { source: kept.map((i) => source[i]!), target: kept.map((i) => target[i]!) };
}

function* mapped<T, U>(items: Iterable<T>, map: (item: T) => U): Generator<U> {
  for (const item of items) yield map(item);
}
