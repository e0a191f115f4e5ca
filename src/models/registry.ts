/** Models by the names that people type: timm's. */

import { VitrineError } from "../errors.ts";
import { ViT } from "./vit.ts";
import type { ViTOptions } from "./vit-config.ts";
import { type NamedViT, namedViTs } from "./vit-names.ts";

/** The names of all models, as in timm. */
export function modelNames(): readonly string[] {
  return [...namedViTs.keys()];
}

/**
 * What is known of a model.
 * @param name timm's, with or without the tag of particular weights (`vit_tiny_patch16_224.augreg_in21k`)
 * @throws {VitrineError} UNKNOWN_NAME with the nearest names.
 */
export function modelNamed(name: string): NamedViT {
  const found = namedViTs.get(name.split(".", 1)[0]!);
  if (found) return found;
  throw new VitrineError("UNKNOWN_NAME", {
    rule: "a model must have one of the known names",
    evidence: `got "${name}"`,
    next: `did you mean ${nearest(name, modelNames()).join(", ")}?`,
  });
}

/**
 * A model by name, with first weights that are drawn only when they are needed.
 * @param overrides what differs from the named configuration (`{ labels: 10 }`)
 * @throws {VitrineError} UNKNOWN_NAME with the nearest names.
 */
export function createModel(name: string, overrides: ViTOptions = {}): ViT {
  return new ViT({ ...modelNamed(name).options, ...overrides });
}

/** The three names that need the fewest changes of letters. */
function nearest(name: string, names: readonly string[]): readonly string[] {
  return names
    .map((known) => ({ known, changes: editDistance(name.toLowerCase(), known) }))
    .sort((a, b) => a.changes - b.changes)
    .slice(0, 3)
    .map(({ known }) => known);
}

/** Letters to insert, remove or replace to make `b` of `a`. @source Levenshtein 1966 */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
