/** Reading the axes, sizes and positions that an operator takes as inputs. */

import type { Dim } from "../../graph/dim.ts";
import type { Tensor } from "../../tensor/index.ts";

/** An axis counted from the front. */
export function fromFront(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** 0 … length − 1. */
export function range(length: number): readonly number[] {
  return Array.from({ length }, (_, i) => i);
}

/** The sizes that a small integer input holds; stops with `fail` where only a run would know them. */
export function knownSizes(t: Tensor, name: string, fail: (reason: string) => never): readonly Dim[] {
  return t.value.known ?? fail(`${name} must be known before the run`);
}

/** The same as plain numbers. */
export function knownNumbers(t: Tensor, name: string, fail: (reason: string) => never): readonly number[] {
  return knownSizes(t, name, fail).map((dim) => (typeof dim === "number" ? dim : fail(`${name} must be numbers`)));
}

/** Sizes that must be numbers. */
export function numbers(shape: readonly Dim[], name: string, fail: (reason: string) => never): readonly number[] {
  return shape.map((dim) => (typeof dim === "number" ? dim : fail(`${name} must be numbers, got ${dim}`)));
}
