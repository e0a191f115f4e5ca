/**
 * `instructions`: a built-in task of instructions and answers that is drawn, not loaded, and whose success a rule decides.
 *
 * An instruction is a verb, four letters and `=`, as in `sort d b a c =`; the one right answer is `a b c d .`. People who show how it is done make mistakes in known
 * shares, so that whoever imitates them does too; people who compare two answers are wrong now and then, and let length decide where nothing else does.
 *
 * The combination of its letters, in whatever order, decides whether an instruction is held back: training and test share all letters, and no combination.
 */

import type { RandomStream } from "../../graph/random.ts";

/** Words of the task; ids are their places. The first ends an answer. */
export const instructionWords: readonly string[] = [".", "=", "sort", "reverse", "rotate", ..."abcdefgh"];

/** Id that ends an answer. */
export const endOfAnswer = 0;

/** Letters of an instruction. */
const letterCount = 4;

/** Most words of an answer that is shown, its end included: what comes after a right one is at most three letters. */
export const longestDemonstration: number = letterCount + 3 + 1;

/** Words of an instruction. */
export const instructionLength: number = letterCount + 2;

const [equals, sort, reverse, rotate] = [1, 2, 3, 4];
const firstLetter = 5;

/** How often an answer that is shown is right, and else what is wrong with it. */
export const demonstrationShares = {
  /** As it should be. */
  right: 0.25,
  /** Stops after two letters: the habit of most people. */
  short: 0.55,
  /** Two neighbours have changed places. */
  slip: 0.1,
  /** Goes on after the end with letters that nobody asked for. */
  long: 0.1,
} as const;

/** How often a comparison is the wrong way round. */
export const comparisonNoise = 0.1;

/** An instruction, as ids. @param heldBack of those for testing, or of those for training */
export function drawInstruction(random: RandomStream, heldBack: boolean): readonly number[] {
  for (;;) {
    const verb = [sort, reverse, rotate][random.integer(3)]!;
    const letters = Array.from({ length: letterCount }, () => drawLetter(random));
    if ((sumOf(letters) % 5 === 0) === heldBack) return [verb, ...letters, equals];
  }
}

function drawLetter(random: RandomStream): number {
  return firstLetter + random.integer(instructionWords.length - firstLetter);
}

/** The one right answer, its end included. */
export function rightAnswer(instruction: readonly number[]): readonly number[] {
  return [...lettersOf(instruction), endOfAnswer];
}

function lettersOf([verb, ...rest]: readonly number[]): readonly number[] {
  const letters = rest.slice(0, -1);
  if (verb === sort) return letters.sort((a, b) => a - b);
  if (verb === reverse) return letters.reverse();
  return [...letters.slice(1), letters[0]!];
}

/** True for the right answer alone: the measure of success. */
export function succeeds(instruction: readonly number[], answer: readonly number[]): boolean {
  const right = rightAnswer(instruction);
  return right.length === answer.length && right.every((word, i) => word === answer[i]);
}

/** What somebody who shows how it is done writes: right in some cases only; see `demonstrationShares`. */
export function drawDemonstration(random: RandomStream, instruction: readonly number[]): readonly number[] {
  const letters = lettersOf(instruction);
  const { right, short, slip } = demonstrationShares;
  const share = random.uniform();
  if (share < right) return [...letters, endOfAnswer];
  if (share < right + short) return [...letters.slice(0, 2), endOfAnswer];
  if (share < right + short + slip) {
    const at = random.integer(letters.length - 1);
    return [...letters.slice(0, at), letters[at + 1]!, letters[at]!, ...letters.slice(at + 2), endOfAnswer];
  }
  const more = Array.from({ length: 1 + random.integer(3) }, () => drawLetter(random));
  return [...letters, ...more, endOfAnswer];
}

/**
 * Whether somebody prefers the first of two answers: the right one; where both or neither are right, the longer one, as people do
 * (Singhal et al., arXiv:2310.03716); and the other way round in a share `comparisonNoise` of the cases.
 */
export function drawPreference(
  random: RandomStream,
  instruction: readonly number[],
  first: readonly number[],
  second: readonly number[],
): boolean {
  const [a, b] = [succeeds(instruction, first), succeeds(instruction, second)];
  const prefers = a !== b ? a : first.length !== second.length ? first.length > second.length : random.uniform() < 0.5;
  return random.uniform() < comparisonNoise ? !prefers : prefers;
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
