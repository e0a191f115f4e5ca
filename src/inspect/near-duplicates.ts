/** Pictures that are the same, or nearly: found among tens of thousands without comparing all pairs. */

import { type Fingerprint, lookDistance, thumbnailDistance } from "./fingerprint.ts";

/** What counts as nearly the same. */
export interface Likeness {
  /** Largest number of differing bits of the perceptual hashes, at most 7. */
  readonly bits: number;
  /** Largest mean difference of the thumbnails, as a share of their contrast. */
  readonly share: number;
  /** The same for pictures whose shorter side has less than 64 pixels: digits and icons of one class are that alike without being copies. */
  readonly shareOfSmall: number;
}

/** Copies in another size, quality or brightness, or with their edges cut, stay within these; different photographs of one thing do not (`bench/README.md`, "Looking at data"). */
export const usualLikeness: Likeness = { bits: 7, share: 0.25, shareOfSmall: 0.04 };

/** Pictures that show the same. */
export interface DuplicateGroup {
  /** Positions, ascending; two or more. */
  readonly members: readonly number[];
  /** Whether all have equal pixels. */
  readonly exact: boolean;
}

const bands = 8;

/**
 * Groups of pictures that are equal or nearly so, each picture in at most one.
 *
 * Hashes of 64 bits that differ in at most 7 agree in one of their 8 bytes (a pigeonhole), so that only pictures that share a byte are compared. What is
 * a group is found by joining pairs: its first and last need not be alike.
 * @param prints one for each picture; `undefined` where it could not be read
 * @returns groups in the order of their first members
 */
export function findDuplicates(
  prints: readonly (Fingerprint | undefined)[],
  likeness: Likeness = usualLikeness,
): readonly DuplicateGroup[] {
  const parent = Int32Array.from(prints, (_, i) => i);
  const root = (i: number): number => {
    let at = i;
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]!]!;
      at = parent[at]!;
    }
    return at;
  };
  const join = (a: number, b: number): void => {
    const [x, y] = [root(a), root(b)];
    parent[Math.max(x, y)] = Math.min(x, y);
  };
  // Equal pixels first: only one of each goes on.
  const first = new Map<string, number>();
  const different: number[] = [];
  for (const [i, print] of prints.entries()) {
    if (!print) continue;
    const same = first.get(print.pixels);
    if (same !== undefined) join(same, i);
    else {
      first.set(print.pixels, i);
      different.push(i);
    }
  }
  for (let band = 0; band < bands; band++) {
    const buckets = new Map<number, number[]>();
    for (const i of different) {
      const byte = (prints[i]!.look[band >> 2]! >>> (24 - 8 * (band & 3))) & 255;
      const bucket = buckets.get(byte);
      if (bucket) bucket.push(i);
      else buckets.set(byte, [i]);
    }
    for (const bucket of buckets.values())
      for (let a = 1; a < bucket.length; a++)
        for (let b = 0; b < a; b++) {
          if (alike(prints[bucket[a]!]!, prints[bucket[b]!]!, likeness)) join(bucket[a]!, bucket[b]!);
        }
  }
  const groups = new Map<number, number[]>();
  for (const [i, print] of prints.entries()) {
    if (!print) continue;
    const members = groups.get(root(i));
    if (members) members.push(i);
    else groups.set(root(i), [i]);
  }
  return [...groups.values()]
    .filter((members) => members.length > 1)
    .map((members) => ({ members, exact: new Set(members.map((i) => prints[i]!.pixels)).size === 1 }));
}

/** A picture and its copy differ by less than this in brightness, in grey levels. */
const mostBrightness = 40;

function alike(a: Fingerprint, b: Fingerprint, { bits, share, shareOfSmall }: Likeness): boolean {
  if (lookDistance(a.look, b.look) > bits || Math.abs(a.brightness - b.brightness) > mostBrightness) return false;
  const allowed = Math.min(a.shorterSide, b.shorterSide) < 64 ? shareOfSmall : share;
  return thumbnailDistance(a, b) <= allowed;
}
