/** What a data set is like, before anything is trained on it. */

import type { Dataset, Split } from "../data/datasets/dataset.ts";
import { VitrineError } from "../errors.ts";
import { type Fingerprint, fingerprint } from "./fingerprint.ts";
import { findDuplicates } from "./near-duplicates.ts";

/** One picture of a data set. */
export interface Place {
  readonly split: Split;
  /** Position in its split. */
  readonly index: number;
  /** Index into the classes. */
  readonly label: number;
  /** The file it comes from, where it is one. */
  readonly file: string | undefined;
}

/** A picture that cannot be read, and why. */
export interface Unreadable extends Place {
  readonly reason: string;
}

/** Pictures that show the same. */
export interface Copies {
  readonly members: readonly Place[];
  /** Whether all have equal pixels; otherwise they look alike. */
  readonly exact: boolean;
  /** Whether some are in one split and some in another: what is measured on the second is then too good. */
  readonly acrossSplits: boolean;
  /** Whether they have different labels, of which at most one is right. */
  readonly labelsDiffer: boolean;
}

/** Least, middle and greatest of some numbers. */
export interface Spread {
  readonly least: number;
  readonly median: number;
  readonly greatest: number;
}

/** One part of a data set. */
export interface SplitFacts {
  readonly split: Split;
  readonly name: string;
  /** Pictures, unreadable ones included. */
  readonly images: number;
  /** Pictures of each class. */
  readonly perClass: readonly number[];
  /** In pixels; undefined where no picture can be read. */
  readonly width: Spread | undefined;
  readonly height: Spread | undefined;
  readonly shorterSide: Spread | undefined;
}

/** What was found. */
export interface Inspection {
  readonly classes: readonly string[];
  readonly splits: readonly SplitFacts[];
  readonly unreadable: readonly Unreadable[];
  /** Each picture is in at most one group. */
  readonly copies: readonly Copies[];
  /** For each split, the number of each picture's group of copies; a picture without copies is a group of its own. */
  readonly groups: ReadonlyMap<Split, Int32Array>;
  /** For each split, the file of each picture, where it comes from one. */
  readonly files: ReadonlyMap<Split, readonly (string | undefined)[]>;
}

/** How to look. */
export interface InspectOptions {
  /** Called now and then with the number of pictures seen. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Pictures that are decoded at a time. */
const ahead = 8;

/**
 * Reads every picture once.
 * @param parts the splits there are, all of the same classes
 * @throws {VitrineError} INTERRUPTED after the signal.
 */
export async function inspectDataset(
  parts: Readonly<Partial<Record<Split, Dataset>>>,
  { onProgress, signal }: InspectOptions = {},
): Promise<Inspection> {
  const given = (["train", "validation", "test"] as const).flatMap((split) => {
    const dataset = parts[split];
    return dataset ? [{ split, dataset }] : [];
  });
  const total = given.reduce((sum, { dataset }) => sum + dataset.length, 0);
  const places: Place[] = [];
  const prints: (Fingerprint | undefined)[] = [];
  const unreadable: Unreadable[] = [];
  const splits: SplitFacts[] = [];
  for (const { split, dataset } of given) {
    const widths: number[] = [];
    const heights: number[] = [];
    const shorter: number[] = [];
    for (let from = 0; from < dataset.length; from += ahead) {
      if (signal?.aborted)
        throw new VitrineError("INTERRUPTED", { rule: `stopped after ${places.length} of ${total} pictures` });
      const positions = Array.from({ length: Math.min(ahead, dataset.length - from) }, (_, i) => from + i);
      for (const [i, read] of (await Promise.all(positions.map((index) => readOrReason(dataset, index)))).entries()) {
        const place: Place = { split, index: from + i, label: dataset.labelOf(from + i), file: read.file };
        places.push(place);
        if ("reason" in read) {
          unreadable.push({ ...place, reason: read.reason });
          prints.push(undefined);
          continue;
        }
        prints.push(fingerprint(read.image));
        widths.push(read.image.width);
        heights.push(read.image.height);
        shorter.push(Math.min(read.image.width, read.image.height));
      }
      onProgress?.(places.length, total);
    }
    const perClass = dataset.classes.map(() => 0);
    for (let i = 0; i < dataset.length; i++) perClass[dataset.labelOf(i)]!++;
    splits.push({
      ...{ split, name: dataset.name, images: dataset.length, perClass },
      ...{ width: spreadOf(widths), height: spreadOf(heights), shorterSide: spreadOf(shorter) },
    });
  }
  const found = findDuplicates(prints);
  const numbers = Int32Array.from(places, (_, i) => i);
  for (const { members } of found) for (const i of members) numbers[i] = members[0]!;
  let start = 0;
  const groups = new Map<Split, Int32Array>();
  const files = new Map<Split, readonly (string | undefined)[]>();
  for (const { split, dataset } of given) {
    groups.set(split, numbers.slice(start, start + dataset.length));
    files.set(
      split,
      places.slice(start, start + dataset.length).map(({ file }) => file),
    );
    start += dataset.length;
  }
  const copies = found.map(({ members, exact }): Copies => {
    const ours = members.map((i) => places[i]!);
    return {
      members: ours,
      exact,
      acrossSplits: new Set(ours.map(({ split }) => split)).size > 1,
      labelsDiffer: new Set(ours.map(({ label }) => label)).size > 1,
    };
  });
  return { classes: given[0]?.dataset.classes ?? [], splits, unreadable, copies, groups, files };
}

async function readOrReason(dataset: Dataset, index: number) {
  try {
    const { image, file } = await dataset.get(index);
    return { image, file };
  } catch (error) {
    if (!(error instanceof VitrineError)) throw error;
    return { reason: error.message, file: error.fields.place };
  }
}

function spreadOf(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  return { least: sorted[0]!, median: sorted[Math.floor(sorted.length / 2)]!, greatest: sorted.at(-1)! };
}
