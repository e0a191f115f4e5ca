/** What was left out of a data set, in few words. */

import type { Skipped } from "./dataset.ts";

/** Files that were left out for one reason and have one ending. */
export interface SkippedKind {
  /** `.heic`, in small letters; empty where the name has none. */
  readonly ending: string;
  readonly reason: string;
  readonly count: number;
  readonly first: string;
}

/** Counts what was left out, the most frequent first; hidden files, which nobody put there, do not count. */
export function skippedKinds(skipped: readonly Skipped[]): readonly SkippedKind[] {
  const kinds = new Map<string, SkippedKind>();
  for (const { file, reason } of skipped) {
    if (reason === hidden) continue;
    const ending = endingOf(file);
    const key = `${ending}\n${reason}`;
    kinds.set(key, { ending, reason, first: kinds.get(key)?.first ?? file, count: (kinds.get(key)?.count ?? 0) + 1 });
  }
  return [...kinds.values()].sort((a, b) => b.count - a.count || (a.ending < b.ending ? -1 : 1));
}

/** The reason why a file whose name begins with a full stop is left out. */
export const hidden = "hidden";

/** Why a file is no image to us, by its name. */
export function reasonFor(file: string): string {
  return [".heic", ".heif"].includes(endingOf(file))
    ? "HEIC cannot be read here; export as JPEG"
    : "not named like an image";
}

function endingOf(file: string): string {
  return (/[^/\\]\.([^./\\]+)$/.exec(file)?.[0].slice(1) ?? "").toLowerCase();
}
