/** What a run is: the same for every process that may go on with it. */

import { createHash } from "node:crypto";

/** SHA-256 of facts, whatever JSON can say. */
export function identity(facts: object): string {
  return createHash("sha256").update(JSON.stringify(facts)).digest("hex");
}

/**
 * The settings without those that have their usual value, or that are off: one that a later version adds does not make another run of those
 * that began before.
 * @param usual values by name; others are off where they are `null`, `false` or missing
 */
export function unusual(settings: object, usual: object = {}): Readonly<Record<string, unknown>> {
  const expected = new Map(Object.entries(usual));
  return Object.fromEntries(
    Object.entries(settings).filter(([name, value]) =>
      expected.has(name)
        ? JSON.stringify(value) !== JSON.stringify(expected.get(name))
        : value !== undefined && value !== null && value !== false,
    ),
  );
}

/**
 * In words, what differs between a recipe as it was kept and as it is now, for the error that refuses to mix two runs.
 * @param kept may lack settings that were added since
 */
export function differenceOf(
  kept: { readonly seed: number; readonly recipe: object },
  now: { readonly seed: number; readonly recipe: object },
): string {
  const before = new Map<string, unknown>(Object.entries({ seed: kept.seed, ...kept.recipe }));
  const changed = Object.entries({ seed: now.seed, ...now.recipe }).flatMap(([name, value]) => {
    const [was, is] = [JSON.stringify(before.get(name)), JSON.stringify(value)];
    return before.has(name) && was !== is ? [`${name} was ${was} and is ${is}`] : [];
  });
  return changed.length > 0
    ? changed.join(", ")
    : "its recipe and seed are those; the data or the model is another, or another version of vitrine began it";
}
