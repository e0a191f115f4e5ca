/** What an inspection means for somebody who wants to train: sentences, the gravest first. */

import type { Copies, Inspection, Place } from "./inspect-dataset.ts";
import type { LabelSuspect } from "./label-errors.ts";

/** Kinds of findings; stable, for programs. */
export const findingCodes = ["leak", "conflict", "unreadable", "label-suspects", "copies", "imbalance", "few"] as const;

/** One thing that was found. */
export interface Finding {
  readonly code: (typeof findingCodes)[number];
  /** `warning`: what is measured, or learnt, will be wrong; `note`: worth knowing. */
  readonly level: "warning" | "note";
  /** One sentence. */
  readonly text: string;
  /** What it is about, for a list below the sentence; may be long. */
  readonly examples: readonly string[];
}

/** A class has few pictures below this number. */
const fewPerClass = 20;
/** Largest ratio of the largest class to the smallest that is no finding. */
const evenEnough = 4;

/**
 * The findings.
 * @param suspects label errors, as positions in the training images
 */
export function findingsOf(inspection: Inspection, suspects: readonly LabelSuspect[] = []): readonly Finding[] {
  const { classes, splits, unreadable, copies, files } = inspection;
  const named = ({ split, index, file }: Place): string => file ?? `${split} image ${index}`;
  const listed = (groups: readonly Copies[]): string[] =>
    groups.map(({ members, labelsDiffer }) =>
      members.map((one) => named(one) + (labelsDiffer ? ` (${classes[one.label]})` : "")).join(" = "),
    );
  const found: (Finding | false)[] = [];
  const leaks = copies.filter(({ acrossSplits }) => acrossSplits);
  const second = leaks.flatMap(({ members }) => members.filter(({ split }) => split !== "train"));
  found.push(
    leaks.length > 0 && {
      code: "leak",
      level: "warning",
      text: `LEAK: ${counted(second.length, "validation or test image")} ${second.length === 1 ? "shows" : "show"} the same as an image of another split; accuracy there will look better than it is`,
      examples: listed(leaks),
    },
  );
  const conflicts = copies.filter(({ labelsDiffer }) => labelsDiffer);
  found.push(
    conflicts.length > 0 && {
      code: "conflict",
      level: "warning",
      text: `${counted(conflicts.length, "picture")} ${conflicts.length === 1 ? "is" : "are"} there under different labels, of which at most one is right`,
      examples: listed(conflicts),
    },
  );
  found.push(
    unreadable.length > 0 && {
      code: "unreadable",
      level: "warning",
      text: `${counted(unreadable.length, "file")} cannot be read and will be skipped`,
      examples: unreadable.map((one) => `${named(one)}: ${one.reason}`),
    },
  );
  const train = splits.find(({ split }) => split === "train");
  found.push(
    suspects.length > 0 && {
      code: "label-suspects",
      level: "warning",
      text: `${counted(suspects.length, "training label")} ${suspects.length === 1 ? "is" : "are"} probably wrong; look at them`,
      examples: suspects.map(
        ({ index, label, suggested, other }) =>
          `${files.get("train")?.[index] ?? `training image ${index}`}: labelled ${classes[label]}, looks like ${classes[suggested]} (${(100 * other).toFixed(0)} %)`,
      ),
    },
  );
  const within = copies.filter(({ acrossSplits, labelsDiffer }) => !acrossSplits && !labelsDiffer);
  const surplus = within.reduce((sum, { members }) => sum + members.length - 1, 0);
  found.push(
    within.length > 0 && {
      code: "copies",
      level: "note",
      text: `${counted(surplus, "image")} ${surplus === 1 ? "repeats" : "repeat"} another of the same split`,
      examples: listed(within),
    },
  );
  if (train) {
    const [least, most] = extremes(train.perClass);
    const ratio = train.perClass[most]! / Math.max(1, train.perClass[least]!);
    found.push(
      ratio > evenEnough && {
        code: "imbalance",
        level: "note",
        text: `${classes[most]} has ${ratio.toFixed(1)} times as many training images as ${classes[least]}; plain accuracy hides the small class`,
        examples: [],
      },
      train.perClass[least]! < fewPerClass && {
        code: "few",
        level: "note",
        text: `${classes[least]} has only ${counted(train.perClass[least]!, "training image")}; more of them is the surest way to a better model`,
        examples: [],
      },
    );
  }
  return found.filter((one) => one !== false);
}

function extremes(counts: readonly number[]): readonly [least: number, most: number] {
  let [least, most] = [0, 0];
  for (const [i, count] of counts.entries()) {
    if (count < counts[least]!) least = i;
    if (count > counts[most]!) most = i;
  }
  return [least, most];
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}
