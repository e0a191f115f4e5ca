/** Batches of words: ids that are read, and ids that should have been written. */

import type { IdPairs } from "../../data/text/buckets.ts";
import type { NdArray } from "../../graph/dtype.ts";
import type { LearningBatch } from "../lesson.ts";

/** What a model of words learns from in one step. */
export interface WordBatch extends LearningBatch {
  /**
   * Of texts: `ids` and `labels`, int64 [b, n]. Of translations: `source` [b, s], its `lengths` [b], `target` [b, t], begun with the begin, and `labels`
   * [b, t], ended with the end.
   */
  readonly arrays: Readonly<Record<string, NdArray>>;
  /** Labels that are no padding. */
  readonly words: number;
}

/** Ids that stand for no word. */
export interface SentenceIds {
  readonly pad: number;
  readonly begin: number;
  readonly end: number;
}

/**
 * A batch of translations.
 * @param pairs ids without begin; source and target end with the end
 * @param multiple as `BucketPlan` has it
 */
export function translationBatch(
  pairs: IdPairs,
  examples: readonly number[],
  { pad, begin }: SentenceIds,
  multiple: number,
): WordBatch {
  const sources = examples.map((i) => pairs.source[i]!);
  const targets = examples.map((i) => pairs.target[i]!);
  const [s, t] = [sources, targets].map((side) =>
    multiple === 1 ? longest(side) : multiple * Math.ceil(longest([...sources, ...targets]) / multiple),
  ) as [number, number];
  return {
    arrays: {
      source: rows(sources, s, pad),
      lengths: int64(
        [sources.length],
        sources.map(({ length }) => length),
      ),
      target: rows(
        targets.map((ids) => [begin, ...ids.slice(0, -1)]),
        t,
        pad,
      ),
      labels: rows(targets, t, pad),
    },
    words: targets.reduce((sum, { length }) => sum + length, 0),
    skipped: [],
  };
}

/** A batch of windows of one text; each label is the id after its own. */
export function windowBatch(ids: Int32Array, starts: readonly number[], window: number): WordBatch {
  const part = (shift: number): NdArray =>
    int64(
      [starts.length, window],
      starts.flatMap((start) => [...ids.subarray(start + shift, start + shift + window)]),
    );
  return { arrays: { ids: part(0), labels: part(1) }, words: starts.length * window, skipped: [] };
}

function longest(sentences: readonly (readonly number[])[]): number {
  return sentences.reduce((most, { length }) => Math.max(most, length), 0);
}

function rows(sentences: readonly (readonly number[])[], length: number, pad: number): NdArray {
  const data = new BigInt64Array(sentences.length * length).fill(BigInt(pad));
  for (const [row, ids] of sentences.entries())
    for (const [i, id] of ids.entries()) data[row * length + i] = BigInt(id);
  return { dtype: "int64", shape: [sentences.length, length], data };
}

function int64(shape: readonly number[], values: readonly number[]): NdArray {
  return { dtype: "int64", shape, data: BigInt64Array.from(values, BigInt) };
}
