/**
 * Values that are made a second time: a gradient that needs what an operator keeps to itself (the gates of a recurrence) computes its results
 * again, in parts. Where both stand in one graph, the operator is not needed.
 */

import type { Value } from "./value.ts";

/** Another value with the same contents. */
export interface Remade {
  readonly value: Value;
  /** A value of the gradient: only where it is computed is the other form there anyway. */
  readonly witness: Value;
}

const remade = new WeakMap<Value, Remade>();

/** Says that a value is made a second time. */
export function markRemade(value: Value, again: Remade): void {
  remade.set(value, again);
}

/** How a value is made a second time, where it is. */
export function remadeOf(value: Value): Remade | undefined {
  return remade.get(value);
}
