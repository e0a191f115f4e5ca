import { expect, test } from "vitest";
import { textArrays } from "../../../src/train/preference/texts.ts";

test("labels are the answer's words, each at the place of the word before it", () => {
  const { ids, labels, last } = textArrays(
    [
      { prompt: [5, 6], answer: [7, 0] },
      { prompt: [8], answer: [9] },
    ],
    5,
  );
  expect([...ids.data].map(Number)).toEqual([5, 6, 7, 0, 0, 8, 9, 0, 0, 0]);
  expect([...labels.data].map(Number)).toEqual([-100, 7, 0, -100, -100, 9, -100, -100, -100, -100]);
  expect([...last.data].map(Number)).toEqual([3, 1]);
  expect(last.shape).toEqual([2, 1]);
});

test.each([
  ["no prompt", { prompt: [], answer: [1] }],
  ["no answer", { prompt: [1], answer: [] }],
  ["too many words", { prompt: [1, 2], answer: [3, 4] }],
])("a text with %s is refused, and the message says which", (_, text) => {
  expect(() => textArrays([{ prompt: [1], answer: [2] }, text], 3)).toThrow(/at most 3 together.*text 1/s);
});
