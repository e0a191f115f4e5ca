import { expect, test } from "vitest";
import { characterVocabulary, vocabularyFromLines } from "../../../src/data/text/characters.ts";
import { Tokenizer } from "../../../src/data/text/tokenizer.ts";

test("each character is a piece, numbered by code point, and texts come back", () => {
  const tokenizer = Tokenizer.fromJson(characterVocabulary("ba 1\n🌳ab"));
  expect(tokenizer.words).toBe(6);
  expect(tokenizer.encode("\n 1ab🌳")).toEqual([0, 1, 2, 3, 4, 5]);
  expect(tokenizer.decode(tokenizer.encode("b a\n🌳"))).toBe("b a\n🌳");
});

test("a mark is one piece, before the characters", () => {
  const tokenizer = Tokenizer.fromJson(characterVocabulary("ba", ["<|endoftext|>"]));
  // Letters of the mark are no symbols of the text.
  expect(tokenizer.unknownPlaces("<|endoftext|>ax")).toBe('"x" at character 15');
  expect(tokenizer.encode("ab<|endoftext|>a")).toEqual([1, 2, 0, 1]);
  expect([tokenizer.words, tokenizer.end]).toEqual([3, 0]);
});

test("a list of pieces numbers them by line; spaces are no pieces", () => {
  const tokenizer = Tokenizer.fromJson(vocabularyFromLines("<blank>\n<s>\n</s>\nz\na\n🌳\n", "list"));
  expect(tokenizer.words).toBe(6);
  expect(tokenizer.encode("a z 🌳a")).toEqual([4, 3, 5, 4]);
  expect(tokenizer.decode([4, 5, 2])).toBe("a🌳</s>");
  expect(tokenizer.unknownSymbols("ab c")).toEqual(["b", "c"]);
  for (const lines of ["a\nbc\n", "a\nb\na\n", "a\n\nb"])
    expect(() => vocabularyFromLines(lines, "list")).toThrow("one character on each, each once");
});

test("a text with other symbols is refused with their places, unless they may be left out", () => {
  const tokenizer = Tokenizer.fromJson(characterVocabulary("AaBb"));
  expect(() => tokenizer.encode("Aü du\tBü")).toThrow(
    'symbols must be in the vocabulary, it lacks "ü" at character 2, " " at character 3, "d" at character 4, "u" at character 5, "\\t" at character 6',
  );
  expect(tokenizer.encode("Aü du\tBü", { leaveOut: true })).toEqual([0, 1]);
  expect(tokenizer.unknownPlaces("Aa cdefgh")).toBe(
    '" " at character 3, "c" at character 4, "d" at character 5, "e" at character 6, "f" at character 7 and 2 more',
  );
  expect(tokenizer.unknownPlaces("AaBb")).toBe("");
});

test("no text, no vocabulary", () => {
  expect(() => characterVocabulary("")).toThrow("needs a text");
});
