import { expect, test } from "vitest";
import { byteSize, duration, percent } from "../../src/cli/numbers.ts";
import { right, table } from "../../src/cli/table.ts";

test("columns are as wide as their widest cell, numbers stand on the right, and no line ends in spaces", () => {
  const text = table(
    ["class", right("images"), "note"],
    [
      ["cat", 7, ""],
      ["giraffe", 1200, "tall"],
    ],
  );
  expect(text).toBe("class    images  note\ncat           7\ngiraffe    1200  tall\n");
});

test("without titles there is no line of titles", () => {
  expect(
    table(
      ["", right("")],
      [
        ["a", 1],
        ["bb", 22],
      ],
    ),
  ).toBe("a    1\nbb  22\n");
});

test("wide and combining letters count as people see them", () => {
  expect(
    table(
      ["", ""],
      [
        ["猫", "x"],
        ["Ä", "x"],
        ["abc", "x"],
      ],
    ),
  ).toBe("猫   x\nÄ    x\nabc  x\n");
});

test("numbers are short and have units", () => {
  expect([0.8, 42.4, 185, 3900].map(duration)).toEqual(["0.8 s", "42 s", "3 min 05 s", "1 h 05 min"]);
  expect([999, 23_400_000, 1.5e9].map(byteSize)).toEqual(["999 bytes", "23.4 MB", "1.5 GB"]);
  expect(percent(0.91234)).toBe("91.23 %");
});
