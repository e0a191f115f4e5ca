/**
 * Byte-pair encoding learned from texts, as a `tokenizer.json` that transformers reads too.
 *
 * Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", arXiv:1508.07909, algorithm 1; on bytes as Radford et al. 2019, section 2.2.
 */

import { VitrineError } from "../../errors.ts";
import { byteLetters } from "./byte-letters.ts";
import { wordPattern, wordSplitter } from "./gpt2-words.ts";

/** What `trainBytePairs` may be told. */
export interface BytePairOptions {
  /** How many pieces, special ones and the 256 bytes among them. */
  readonly pieces: number;
  /** Pieces that no text contains, by id from 0. */
  readonly special: readonly string[];
  /** Whether the last special piece ends every text that is encoded; true without it. */
  readonly ended?: boolean;
  /** How often a pair must occur to become a piece; 2 without it. */
  readonly least?: number;
}

/**
 * Learns pieces. Equal texts give equal files: of pairs that are equally frequent the one with the smaller ids is merged first.
 * @param texts any number of texts; a piece never spans two words, nor lines
 * @returns parsed `tokenizer.json`
 * @throws {VitrineError} INVALID_ARGUMENT for fewer pieces than special ones and bytes.
 */
export function trainBytePairs(
  texts: Iterable<string>,
  { pieces, special, ended = true, least = 2 }: BytePairOptions,
): object {
  const letters = byteLetters();
  const first = special.length + letters.length;
  if (!(Number.isInteger(pieces) && pieces >= first))
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: `byte pairs: a vocabulary has at least ${first} pieces`,
      evidence: `got ${pieces}`,
    });
  const names = [...special, ...letters];
  const merges: (readonly [string, string])[] = [];
  const pairs = new Pairs(wordCounts(texts), special.length, pieces);
  while (names.length < pieces) {
    const best = pairs.takeBest(least);
    if (!best) break;
    const [left, right] = best;
    merges.push([names[left]!, names[right]!]);
    names.push(names[left]! + names[right]!);
    pairs.merge(left, right, names.length - 1);
  }
  return fileOf(names, merges, special, ended ? special.at(-1) : undefined);
}

function wordCounts(texts: Iterable<string>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts)
    for (const [word] of text.matchAll(wordPattern)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

/** How often pairs stand side by side in words, kept up to date while they are merged. */
class Pairs {
  /** A pair as one number: the left id times this, and the right id. */
  readonly #base: number;
  /** Ids of each different word. */
  readonly #words: number[][] = [];
  readonly #counts: number[] = [];
  readonly #frequency = new Map<number, number>();
  /** Words in which a pair stood when it came up. */
  readonly #places = new Map<number, number[]>();
  /** Pairs by a frequency that they had; it may have fallen since. */
  readonly #heap: Entry[] = [];

  constructor(words: ReadonlyMap<string, number>, firstByte: number, pieces: number) {
    this.#base = pieces;
    const bytes = new TextEncoder();
    for (const [word, count] of words) {
      const ids = [...bytes.encode(word)].map((byte) => firstByte + byte);
      const number = this.#words.push(ids) - 1;
      this.#counts.push(count);
      for (let i = 0; i + 1 < ids.length; i++) this.#add(ids[i]!, ids[i + 1]!, number);
    }
    for (const pair of this.#frequency.keys()) push(this.#heap, this.#entry(pair));
  }

  /** The most frequent pair; `undefined` where none is frequent enough. */
  takeBest(least: number): readonly [number, number] | undefined {
    for (;;) {
      const best = pop(this.#heap);
      if (!best || best.frequency < least) return undefined;
      const now = this.#entry(best.pair);
      if (now.frequency === best.frequency) return [Math.floor(best.pair / this.#base), best.pair % this.#base];
      push(this.#heap, now);
    }
  }

  /** Puts one id in the place of a pair wherever it stands. */
  merge(left: number, right: number, id: number): void {
    const fresh = new Set<number>();
    const pair = left * this.#base + right;
    for (const word of new Set(this.#places.get(pair))) {
      const old = this.#words[word]!;
      const merged: number[] = [];
      for (let i = 0; i < old.length; i++) {
        if (old[i] !== left || old[i + 1] !== right) {
          merged.push(old[i]!);
          continue;
        }
        const [before, after] = [merged.at(-1), old[i + 2]];
        this.#take(left, right, word);
        if (before !== undefined) {
          this.#take(before, left, word);
          fresh.add(this.#add(before, id, word));
        }
        if (after !== undefined) {
          this.#take(right, after, word);
          fresh.add(this.#add(id, after, word));
        }
        merged.push(id);
        i++;
      }
      this.#words[word] = merged;
    }
    this.#places.delete(pair);
    for (const other of fresh) push(this.#heap, this.#entry(other));
  }

  #entry(pair: number): Entry {
    return { pair, frequency: this.#frequency.get(pair)! };
  }

  #take(left: number, right: number, word: number): void {
    const pair = left * this.#base + right;
    this.#frequency.set(pair, this.#frequency.get(pair)! - this.#counts[word]!);
  }

  /** @returns the pair as one number */
  #add(left: number, right: number, word: number): number {
    const pair = left * this.#base + right;
    this.#frequency.set(pair, (this.#frequency.get(pair) ?? 0) + this.#counts[word]!);
    const places = this.#places.get(pair);
    if (places) places.push(word);
    else this.#places.set(pair, [word]);
    return pair;
  }
}

interface Entry {
  readonly pair: number;
  readonly frequency: number;
}

function push(heap: Entry[], entry: Entry): void {
  let at = heap.push(entry) - 1;
  while (at > 0) {
    const above = (at - 1) >> 1;
    if (!comesFirst(entry, heap[above]!)) break;
    heap[at] = heap[above]!;
    at = above;
  }
  heap[at] = entry;
}

function pop(heap: Entry[]): Entry | undefined {
  const top = heap[0];
  const last = heap.pop();
  if (!top || !last || heap.length === 0) return top;
  let at = 0;
  for (;;) {
    let below = 2 * at + 1;
    if (below >= heap.length) break;
    if (below + 1 < heap.length && comesFirst(heap[below + 1]!, heap[below]!)) below++;
    if (!comesFirst(heap[below]!, last)) break;
    heap[at] = heap[below]!;
    at = below;
  }
  heap[at] = last;
  return top;
}

function comesFirst(a: Entry, b: Entry): boolean {
  return a.frequency > b.frequency || (a.frequency === b.frequency && a.pair < b.pair);
}

function fileOf(
  names: readonly string[],
  merges: readonly (readonly [string, string])[],
  special: readonly string[],
  end: string | undefined,
): object {
  const bytes = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens(special),
    normalizer: null,
    pre_tokenizer: wordSplitter(),
    post_processor: end === undefined ? null : endedBy(end, names.indexOf(end)),
    decoder: bytes,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(names.map((name, id) => [name, id])),
      merges,
    },
  };
}

/** Pieces that stand for themselves wherever they are written, by id from 0. */
export function addedTokens(special: readonly string[]): readonly object[] {
  const whole = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return special.map((content, id) => ({ id, content, ...whole }));
}

/** Every text ends with this piece. */
function endedBy(end: string, id: number): object {
  const ended = (part: "A" | "B", type: number): readonly object[] => [
    { Sequence: { id: part, type_id: type } },
    { SpecialToken: { id: end, type_id: type } },
  ];
  return {
    type: "TemplateProcessing",
    single: ended("A", 0),
    pair: [...ended("A", 0), ...ended("B", 1)],
    special_tokens: { [end]: { id: end, ids: [id], tokens: [end] } },
  };
}
