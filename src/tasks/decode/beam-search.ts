/**
 * Search for the best sentences, word by word, several at a time. It knows no model: a `WordModel` says how likely each next word is.
 *
 * Of each source the best `beams` unfinished sentences are kept. A finished sentence is rated by its log-probability over a penalty of its
 * length, so that short ones do not win for being short.
 * @source Sutskever et al., arXiv:1409.3215, section 3.2; penalties: Wu et al., arXiv:1609.08144, equation (14)
 */

import { VitrineError } from "../../errors.ts";

/** Says how likely each next word is, for a growing set of sentences. */
export interface WordModel {
  /** Number of words v. */
  readonly words: number;
  /**
   * Takes one word further in each sentence.
   * @param rows for each sentence now: its newest word, and which sentence of the step before it goes on from (at the first step, which source)
   * @returns log-probabilities of the next words, [rows · v] row by row; −∞ for a word that may not follow
   */
  step(rows: readonly SentenceRow[]): Promise<Float32Array>;
}

/** One unfinished sentence at a step. */
export interface SentenceRow {
  readonly word: number;
  readonly parent: number;
}

/** How to search. */
export interface BeamOptions {
  /** Sentences kept for each source; 1 is greedy search. */
  readonly beams: number;
  readonly begin: number;
  readonly end: number;
  /** Most words of a sentence, its end not counted. */
  readonly maxWords: number;
  /** Divides a sentence's log-probability: of its number of words with the end. 1 without it. */
  readonly penalty?: ((words: number) => number) | undefined;
  /**
   * When a source's search is over: `sure` (without it), once no sentence that goes on can still win; `likely`, once the best of them, rated as
   * if it ended here, is behind the last of those found (transformers' `early_stopping=False`).
   */
  readonly stop?: "sure" | "likely" | undefined;
  /** Words that each source's sentences begin with, by source. */
  readonly prefixes?: readonly (readonly number[])[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A sentence that was found. */
export interface Sentence {
  /** Without begin and end. */
  readonly words: readonly number[];
  /** Σ log P of the words and the end. */
  readonly logProbability: number;
  /** `logProbability` over the penalty. */
  readonly score: number;
  /** False where `maxWords` cut it off. */
  readonly ended: boolean;
  /** Which row of each step was this sentence, to find what else the model said there. */
  readonly rows: readonly number[];
}

/** ((5 + words) / 6)^alpha. @source Wu et al., equation (14) */
export const wuPenalty =
  (alpha: number) =>
  (words: number): number =>
    ((5 + words) / 6) ** alpha;

/** words^alpha; 1: the mean log-probability of a word. */
export const lengthPenalty =
  (alpha: number) =>
  (words: number): number =>
    words ** alpha;

/** An unfinished sentence of a source. */
interface Draft {
  readonly words: readonly number[];
  readonly logProbability: number;
  readonly rows: readonly number[];
  /** Its row in the step before, or the source's number. */
  readonly parent: number;
}

/**
 * The best sentences of each source, best first, at most `beams`.
 * @param sources how many there are; the first step's parents are 0 … sources − 1
 * @throws {VitrineError} INVALID_ARGUMENT for fewer than one beam or word.
 */
export async function beamSearch(
  model: WordModel,
  sources: number,
  options: BeamOptions,
): Promise<readonly (readonly Sentence[])[]> {
  const { beams, maxWords, prefixes, signal } = options;
  if (!(Number.isInteger(beams) && beams >= 1 && Number.isInteger(maxWords) && maxWords >= 1))
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "beamSearch: beams and maxWords must be whole numbers from 1 up",
      evidence: `got ${beams} and ${maxWords}`,
    });
  const finished: Sentence[][] = Array.from({ length: sources }, () => []);
  let open = Array.from({ length: sources }, (_, source) => ({
    source,
    drafts: [{ words: [], logProbability: 0, rows: [], parent: source }] as readonly Draft[],
  }));
  for (let length = 0; open.length > 0; length++) {
    signal?.throwIfAborted();
    const rows = open.flatMap(({ drafts }) =>
      drafts.map(({ words, parent }) => ({ word: words.at(-1) ?? options.begin, parent })),
    );
    const logs = await model.step(rows);
    let row = 0;
    const next: typeof open = [];
    for (const { source, drafts } of open) {
      const first = row;
      row += drafts.length;
      const forced = prefixes?.[source]?.[length];
      const candidates = best(drafts, logs, model.words, first, 2 * beams, forced);
      const kept = extend(candidates, drafts, first, finished[source]!, length, options);
      if (kept.length > 0 && !isSettled(finished[source]!, kept, options)) next.push({ source, drafts: kept });
    }
    open = next;
  }
  return finished.map((sentences) => [...sentences].sort((a, b) => b.score - a.score).slice(0, beams));
}

/** A word that could follow a draft. */
interface Candidate {
  readonly draft: number;
  readonly word: number;
  readonly logProbability: number;
}

/** The likeliest words over all drafts of a source, best first; of equals, the earlier draft and the smaller word. */
function best(
  drafts: readonly Draft[],
  logs: Float32Array,
  words: number,
  first: number,
  count: number,
  forced: number | undefined,
): readonly Candidate[] {
  const found: Candidate[] = [];
  for (const [draft, { logProbability }] of drafts.entries())
    for (let word = forced ?? 0; word <= (forced ?? words - 1); word++) {
      const total = logProbability + logs[(first + draft) * words + word]!;
      if (total === Number.NEGATIVE_INFINITY) continue;
      if (found.length === count && total <= found[count - 1]!.logProbability) continue;
      let place = found.length;
      while (place > 0 && found[place - 1]!.logProbability < total) place--;
      found.splice(place, 0, { draft, word, logProbability: total });
      if (found.length > count) found.pop();
    }
  return found;
}

/** Puts sentences that end among the finished, and returns the best of those that go on. */
function extend(
  candidates: readonly Candidate[],
  drafts: readonly Draft[],
  first: number,
  finished: Sentence[],
  length: number,
  { beams, end, maxWords, penalty = () => 1 }: BeamOptions,
): readonly Draft[] {
  const kept: Draft[] = [];
  for (const [rank, { draft, word, logProbability }] of candidates.entries()) {
    const { words, rows } = drafts[draft]!;
    const path = [...rows, first + draft];
    if (word === end) {
      // An end that would not have been kept is no find.
      if (rank < beams)
        finished.push({ words, logProbability, score: logProbability / penalty(length + 1), ended: true, rows: path });
      continue;
    }
    if (kept.length === beams) continue;
    const longer = [...words, word];
    if (longer.length < maxWords) kept.push({ words: longer, logProbability, rows: path, parent: first + draft });
    else if (rank < beams)
      finished.push({
        words: longer,
        logProbability,
        score: logProbability / penalty(length + 1),
        ended: false,
        rows: path,
      });
  }
  return kept;
}

/** True where nothing that goes on can, or is likely to, be better than what is finished. */
function isSettled(
  finished: readonly Sentence[],
  kept: readonly Draft[],
  { beams, penalty = () => 1, maxWords, stop = "sure" }: BeamOptions,
): boolean {
  if (finished.length < beams) return false;
  const worst = Math.min(
    ...[...finished]
      .sort((a, b) => b.score - a.score)
      .slice(0, beams)
      .map(({ score }) => score),
  );
  const { words, logProbability } = kept[0]!;
  if (stop === "likely") return logProbability / penalty(words.length) <= worst;
  // Log-probabilities only fall; a penalty that grows with length could still lift them.
  return logProbability / Math.max(penalty(words.length + 1), penalty(maxWords + 1)) <= worst;
}
