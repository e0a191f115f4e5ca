import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { trainBytePairs } from "../../../src/data/text/byte-pairs.ts";
import { encodeLines } from "../../../src/data/text/encode-lines.ts";
import { wordPattern } from "../../../src/data/text/gpt2-words.ts";
import { Tokenizer } from "../../../src/data/text/tokenizer.ts";

const special = ["<pad>", "<s>", "</s>"];
const texts = [
  "low low low low low",
  "lower lower",
  "newest newest newest newest newest newest",
  "widest widest widest",
];
/** Texts whose white space is not JavaScript's, by tools/tokenizer-golden.py. */
const spaces = JSON.parse(readFileSync(new URL("golden/spaces.json", import.meta.url), "utf8")) as {
  readonly vocab: object;
  readonly merges: string;
  readonly cases: readonly {
    readonly text: string;
    readonly words: readonly string[];
    readonly ids: readonly number[];
  }[];
};
const merges = (file: object): readonly (readonly string[])[] =>
  (file as { readonly model: { readonly merges: readonly (readonly string[])[] } }).model.merges;

test("the most frequent pairs are merged, as in the paper's example", () => {
  const file = trainBytePairs(texts, { pieces: 259 + 4, special });
  // e+s in 9 words, then es+t; of l+o and lo+w, in 7 words, the first begins with the smaller id.
  expect(merges(file).slice(0, 2)).toEqual([
    ["e", "s"],
    ["es", "t"],
  ]);
  expect(merges(file)).toContainEqual(["l", "o"]);
});

test("pairs are counted anew where they overlap", () => {
  const file = trainBytePairs(["aaaa aaaa"], { pieces: 259 + 2, special });
  expect(merges(file)).toEqual([
    ["a", "a"],
    ["aa", "aa"],
  ]);
});

test("no pair is merged that occurs less often than asked for, and equal texts give equal files", () => {
  const options = { pieces: 1000, special, least: 6 };
  const file = trainBytePairs(texts, options);
  expect(merges(file)).toContainEqual(["n", "ew"]);
  expect(merges(file)).not.toContainEqual(["i", "d"]);
  expect(trainBytePairs([...texts], options)).toEqual(file);
});

test("any text comes back from its ids, and ends with the end where special pieces are asked for", () => {
  const tokenizer = Tokenizer.fromJson(trainBytePairs(texts, { pieces: 270, special }));
  for (const text of ["newest", " zwei  Bäume\n\t🌳!", "lower's"]) {
    const ids = tokenizer.encode(text);
    expect(tokenizer.decode(ids)).toBe(text);
    expect(tokenizer.encode(text, { special: true })).toEqual([...ids, 2]);
  }
  expect(tokenizer.words).toBe(270);
});

test("a special piece may stand in texts and end none by itself", () => {
  const tokenizer = Tokenizer.fromJson(
    trainBytePairs(texts, { pieces: 270, special: ["<|endoftext|>"], ended: false }),
  );
  expect(tokenizer.encode("low<|endoftext|>est", { special: true })).toEqual([
    ...tokenizer.encode("low"),
    0,
    ...tokenizer.encode("est"),
  ]);
  expect(tokenizer.end).toBe(0);
});

test("many lines have the ids that each has alone", () => {
  const tokenizer = Tokenizer.fromJson(trainBytePairs(texts, { pieces: 280, special }));
  const lines = [...texts, "a  newest, lowest 12 Bäume's", "", "newest newest"];
  expect(encodeLines(tokenizer, lines)).toEqual(lines.map((line) => tokenizer.encode(line)));
});

test("words end at Unicode's white space, as the reference's do", () => {
  expect(spaces.cases.length).toBeGreaterThan(5);
  for (const { text, words } of spaces.cases) expect(text.match(wordPattern)).toEqual(words);
});

test("a tokenizer that is learned here cuts texts as the reference does", () => {
  const file = trainBytePairs([], { pieces: 256, special: [] });
  const pairs = spaces.merges.trim().split("\n").slice(1);
  const model = { type: "BPE", vocab: spaces.vocab, merges: pairs.map((pair) => pair.split(" ")) };
  const tokenizer = Tokenizer.fromJson({ ...file, model });
  const texts = spaces.cases.map(({ text }) => text);
  const ids = spaces.cases.map(({ ids }) => ids);
  expect(texts.map((text) => tokenizer.encode(text))).toEqual(ids);
  expect(encodeLines(tokenizer, texts)).toEqual(ids);
});

test("a vocabulary without room for bytes is refused", () => {
  expect(() => trainBytePairs(texts, { pieces: 258, special })).toThrow("at least 259 pieces");
});
