import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type BeamOptions,
  beamSearch,
  lengthPenalty,
  type WordModel,
  wuPenalty,
} from "../../../src/tasks/decode/beam-search.ts";

const end = 0;

/** A language whose next word depends on all the words before it: probabilities by a rule of arithmetic. */
class Made implements WordModel {
  readonly words = 4;
  #sentences: readonly (readonly number[])[];
  readonly #seed: number;

  constructor(sources: number, seed: number) {
    this.#sentences = Array.from({ length: sources }, (_, source) => [100 + source]);
    this.#seed = seed;
  }

  logsOf(sentence: readonly number[]): readonly number[] {
    const scores = Array.from(
      { length: this.words },
      (_, word) =>
        Math.sin(this.#seed + sentence.reduce((total, w, i) => total + (i + 2) * (w + 1) * (word + 3), 0)) * 2,
    );
    const total = scores.reduce((sum, score) => sum + Math.exp(score), 0);
    return scores.map((score) => Math.fround(score - Math.log(total)));
  }

  async step(rows: readonly { readonly word: number; readonly parent: number }[]): Promise<Float32Array> {
    this.#sentences = rows.map(({ word, parent }) => [...this.#sentences[parent]!, word]);
    return Float32Array.from(this.#sentences.flatMap((sentence) => this.logsOf(sentence)));
  }
}

const options = { begin: 9, end, maxWords: 4 } as const;

/** The best sentence by looking at all of them. */
function exhaustive(model: Made, source: number, { maxWords, penalty = () => 1 }: BeamOptions) {
  let best = { words: [] as readonly number[], score: -Infinity };
  const visit = (words: readonly number[], logProbability: number): void => {
    const logs = model.logsOf([100 + source, options.begin, ...words]);
    const take = (found: readonly number[], total: number): void => {
      const score = total / penalty(words.length + 1);
      if (score > best.score) best = { words: found, score };
    };
    take(words, logProbability + logs[end]!);
    for (let word = 1; word < model.words; word++) {
      const [longer, total] = [[...words, word], logProbability + logs[word]!];
      if (longer.length < maxWords) visit(longer, total);
      else take(longer, total);
    }
  };
  visit([], 0);
  return best;
}

test("with beams for every sentence there is, the best of all is found", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 1000 }),
      fc.constantFrom(undefined, wuPenalty(0.6), lengthPenalty(1)),
      async (seed, penalty) => {
        const how = { ...options, beams: 4 ** 4, penalty };
        const found = await beamSearch(new Made(2, seed), 2, how);
        for (const source of [0, 1]) {
          const want = exhaustive(new Made(2, seed), source, how);
          expect(found[source]![0]!.words).toEqual(want.words);
          expect(found[source]![0]!.score).toBeCloseTo(want.score, 5);
        }
      },
    ),
    { numRuns: 25 },
  );
});

test("one beam takes the likeliest word at each step", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const sentence = (await beamSearch(new Made(1, seed), 1, { ...options, beams: 1 }))[0]![0]!;
    const model = new Made(1, seed);
    const words: number[] = [];
    let ended = false;
    while (words.length < options.maxWords && !ended) {
      const logs = model.logsOf([100, options.begin, ...words]);
      const word = logs.indexOf(Math.max(...logs));
      if (word === end) ended = true;
      else words.push(word);
    }
    expect({ words: sentence.words, ended: sentence.ended }).toEqual({ words, ended });
  }
});

test("sources are searched apart: several at once give what each gives alone", async () => {
  const together = await beamSearch(new Made(3, 5), 3, { ...options, beams: 2 });
  expect(together.map((sentences) => sentences.length)).toEqual([2, 2, 2]);
  const first = await beamSearch(new Made(1, 5), 1, { ...options, beams: 2 });
  expect(together[0]!.map(({ words, score }) => ({ words, score }))).toEqual(
    first[0]!.map(({ words, score }) => ({ words, score })),
  );
});

test("a prefix is kept, and its probability counts", async () => {
  const sentence = (await beamSearch(new Made(1, 3), 1, { ...options, beams: 2, prefixes: [[2, 3]] }))[0]![0]!;
  expect(sentence.words.slice(0, 2)).toEqual([2, 3]);
  const model = new Made(1, 3);
  const whole = [...sentence.words, end].slice(
    0,
    sentence.words.length === options.maxWords ? options.maxWords : undefined,
  );
  const total = whole.reduce(
    (sum, word, i) => sum + model.logsOf([100, options.begin, ...whole.slice(0, i)])[word]!,
    0,
  );
  expect(sentence.logProbability).toBeCloseTo(total, 5);
});

test("a search that stops where more is unlikely looks at no more steps, and rates what it finds alike", async () => {
  let fewer = 0;
  for (let seed = 0; seed < 40; seed++) {
    const steps = { sure: 0, likely: 0 };
    const found = { sure: 0, likely: 0 };
    for (const stop of ["sure", "likely"] as const) {
      const made = new Made(1, seed);
      const model: WordModel = {
        words: made.words,
        step: (rows) => {
          steps[stop]++;
          return made.step(rows);
        },
      };
      const how = { ...options, beams: 2, maxWords: 8, penalty: lengthPenalty(1), stop };
      found[stop] = (await beamSearch(model, 1, how))[0]![0]!.score;
    }
    expect(steps.likely).toBeLessThanOrEqual(steps.sure);
    expect(found.likely).toBeLessThanOrEqual(found.sure);
    if (steps.likely < steps.sure) fewer++;
  }
  expect(fewer).toBeGreaterThan(0);
});

test("no beams and no words are refused", async () => {
  await expect(beamSearch(new Made(1, 0), 1, { ...options, beams: 0 })).rejects.toThrow(
    "whole numbers from 1 up, got 0 and 4",
  );
  await expect(beamSearch(new Made(1, 0), 1, { ...options, beams: 1, maxWords: 0 })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
  });
});
