/** How the command line speaks of what a look at data found, and of what was chosen. */

import type { SkippedKind } from "../data/datasets/skipped.ts";
import type { Choice, Finding, Inspection } from "../inspect/index.ts";
import { counted, grouped } from "./numbers.ts";
import { right, table } from "./table.ts";

/** Findings as lines, each with its first examples. */
export function findingLines(findings: readonly Finding[], shown: number): readonly string[] {
  return findings.flatMap(({ level, text, examples }) => {
    const more = examples.length - shown;
    return [
      `${level === "warning" ? "!" : "-"} ${text}`,
      ...examples.slice(0, shown).map((example) => `    ${example}`),
      ...(more > 0 && shown > 0 ? [`    and ${more.toLocaleString("en-US")} more`] : []),
    ];
  });
}

/** Files that were left out, in one line. */
export function skippedText({ ending, reason, count, first }: SkippedKind): string {
  const files = `${grouped(count)} ${ending ? `${ending} ` : ""}${count === 1 ? "file" : "files"} left out`;
  return `${files}: ${reason} (${count === 1 ? first : `the first ${first}`})`;
}

/** Choices in one line each. */
export function choiceLines(choices: readonly Choice[]): readonly string[] {
  return choices.map(({ what, value, reason }) => `${`${what} ${value}`.padEnd(22)}  ${reason}`);
}

/** Counts, sizes and classes of each split. */
export function countsText({ classes, splits }: Inspection): string {
  const size = (low: number, middle: number, high: number): string =>
    low === high ? String(low) : `${low} to ${high} (middle ${middle})`;
  const parts = table(
    ["split", right("images"), "width", "height"],
    splits.map(({ split, images, width, height }) => [
      split,
      images,
      width ? size(width.least, width.median, width.greatest) : "-",
      height ? size(height.least, height.median, height.greatest) : "-",
    ]),
  );
  const most = 30;
  const perClass = table(
    ["class", ...splits.map(({ split }) => right(split))],
    classes.slice(0, most).map((name, c) => [name, ...splits.map(({ perClass }) => perClass[c]!)]),
  );
  const rest = classes.length > most ? `and ${counted(classes.length - most, "more class", "more classes")}\n` : "";
  return `${parts}\n${perClass}${rest}`;
}
