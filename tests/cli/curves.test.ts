import { expect, test } from "vitest";
import { curve, titledCurve } from "../../src/cli/curves.ts";

/** Which dots of the picture are set, row by row. */
function dotsOf(lines: readonly string[]): readonly string[] {
  const bits = [
    [0, 3],
    [1, 4],
    [2, 5],
    [6, 7],
  ];
  return lines.flatMap((line) =>
    bits.map((row) =>
      [...line].map((letter) => row.map((bit) => ((letter.codePointAt(0)! >> bit) & 1 ? "#" : ".")).join("")).join(""),
    ),
  );
}

test("a falling line goes from the upper left to the lower right", () => {
  expect(dotsOf(curve([3, 2, 1, 0], 2, 1))).toEqual(["#...", ".#..", "..#.", "...#"]);
});

test("a jump is drawn as a line without gaps", () => {
  expect(dotsOf(curve([0, 0, 7, 7], 2, 2))).toEqual(["..##", "..#.", "..#.", "..#.", "..#.", "..#.", "..#.", "##.."]);
});

test("many numbers become means of neighbours, few are held", () => {
  expect(curve([4, 2, 2, 0, 1, -1, 0, -2], 2, 1)).toEqual(curve([3, 1, 0, -1], 2, 1));
  expect(curve([1, 0], 2, 1)).toEqual(curve([1, 1, 0, 0], 2, 1));
});

test("numbers that are not finite leave a gap, and equal ones lie in the middle", () => {
  expect(dotsOf(curve([0, Number.NaN, Number.POSITIVE_INFINITY, 3], 2, 1))).toEqual(["...#", "....", "....", "#..."]);
  expect(dotsOf(curve([2, 2], 1, 1))).toEqual(["..", "..", "##", ".."]);
  expect(curve([], 3, 1)).toEqual(["⠀⠀⠀"]);
});

test("a titled curve says its range and its name", () => {
  const lines = titledCurve("loss", [2.5, 1, 0.25], (value) => value.toFixed(2), 8, 3).split("\n");
  expect(lines).toHaveLength(3);
  expect(lines[0]).toMatch(/^2\.50 /);
  expect(lines[1]).toMatch(/^ {5}/);
  expect(lines[2]).toMatch(/^0\.25 .{8} {2}loss$/);
  expect(titledCurve("loss", [], String)).toBe("");
});
