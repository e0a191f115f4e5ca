import { expect, test } from "vitest";
import { characterVocabulary } from "../../../src/data/text/characters.ts";
import { Tokenizer } from "../../../src/data/text/tokenizer.ts";

test("each character is a piece, numbered by code point, and texts come back", () => {
  const tokenizer = Tokenizer.fromJson(characterVocabulary("ba 1\n🌳ab"));
  expect(tokenizer.words).toBe(6);
  expect(tokenizer.encode("\n 1ab🌳")).toEqual([0, 1, 2, 3, 4, 5]);
  expect(tokenizer.decode(tokenizer.encode("b a\n🌳"))).toBe("b a\n🌳");
});

test("no text, no vocabulary", () => {
  expect(() => characterVocabulary("")).toThrow("needs a text");
});
