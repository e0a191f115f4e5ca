import { expect, test } from "vitest";
import {
  comparisonNoise,
  demonstrationShares,
  drawDemonstration,
  drawInstruction,
  drawPreference,
  endOfAnswer,
  instructionLength,
  instructionWords,
  longestDemonstration,
  rightAnswer,
  succeeds,
} from "../../../src/data/text/instructions.ts";
import { stream } from "../../../src/graph/random.ts";

const ids = (text: string): readonly number[] => text.split(" ").map((word) => instructionWords.indexOf(word));
const drawn = (count: number, heldBack = false) =>
  Array.from({ length: count }, (_, i) => drawInstruction(stream(1, "test", i), heldBack));

test.each([
  ["sort d b a b =", "a b b d ."],
  ["reverse d b a c =", "c a b d ."],
  ["rotate d b a c =", "b a c d ."],
])("the right answer to %s is %s", (instruction, answer) => {
  expect(rightAnswer(ids(instruction))).toEqual(ids(answer));
  expect(succeeds(ids(instruction), ids(answer))).toBe(true);
  expect(succeeds(ids(instruction), ids(answer).slice(0, -1))).toBe(false);
  expect(succeeds(ids(instruction), [...ids(answer).slice(0, -1), ...ids("a .")])).toBe(false);
});

test("what is held back shares no letters, in whatever order, with what is not", () => {
  const lettersOf = (instruction: readonly number[]): string => instruction.slice(1, -1).sort().join();
  const training = new Set(drawn(3000).map(lettersOf));
  expect(drawn(500, true).filter((instruction) => training.has(lettersOf(instruction)))).toEqual([]);
  for (const instruction of drawn(50)) expect(instruction).toHaveLength(instructionLength);
});

test("demonstrations are right and wrong as often as is said", () => {
  const shown = drawn(4000).map((instruction, i) => ({
    instruction,
    answer: drawDemonstration(stream(2, "shown", i), instruction),
  }));
  const share = (holds: (one: (typeof shown)[number]) => boolean): number => shown.filter(holds).length / shown.length;
  // Neighbours that are alike make some slips right.
  expect(share(({ instruction, answer }) => succeeds(instruction, answer))).toBeGreaterThan(
    demonstrationShares.right - 0.02,
  );
  expect(share(({ instruction, answer }) => succeeds(instruction, answer))).toBeLessThan(
    demonstrationShares.right + 0.05,
  );
  expect(Math.abs(share(({ answer }) => answer.length === 3) - demonstrationShares.short)).toBeLessThan(0.03);
  expect(Math.abs(share(({ answer }) => answer.length > 5) - demonstrationShares.long)).toBeLessThan(0.02);
  expect(Math.max(...shown.map(({ answer }) => answer.length))).toBe(longestDemonstration);
  expect(shown.every(({ answer }) => answer.at(-1) === endOfAnswer)).toBe(true);
});

test.each([
  ["the right answer, though it is shorter", "c a b d .", "c a b d d d ."],
  ["the longer one where both are wrong", "c a b d d d .", "c a ."],
])("people prefer %s, but for the noise", (_, better, worse) => {
  const instruction = ids("reverse d b a c =");
  const wins = Array.from({ length: 2000 }, (_, i) =>
    // Which of the two comes first makes no difference.
    i % 2 === 0
      ? drawPreference(stream(3, i), instruction, ids(better), ids(worse))
      : !drawPreference(stream(3, i), instruction, ids(worse), ids(better)),
  );
  expect(Math.abs(wins.filter(Boolean).length / wins.length - (1 - comparisonNoise))).toBeLessThan(0.03);
});
