/** One tensor beside the reference's. */

import type { NdArray } from "../../graph/dtype.ts";
import type { Tolerance } from "./golden-file.ts";

/** What was compared, and how far the two are apart. */
export interface VerifyRow {
  /** The tensor's name in the file. */
  readonly name: string;
  readonly kind: "output" | "tap" | "loss" | "grad" | "other";
  readonly shape: readonly number[];
  /** Largest difference; NaN where there is nothing to compare. */
  readonly maxAbs: number;
  /** `maxAbs` as a share of the largest number in the reference's tensor. */
  readonly maxRel: number;
  readonly tolerance: Tolerance;
  /** The largest difference as a share of what the tolerance allows there; beyond 1 it fails. */
  readonly excess: number;
  readonly ok: boolean;
  /** Why a row fails that has no numbers. */
  readonly problem?: string;
}

/** What a row is about. */
export type RowSubject = Pick<VerifyRow, "name" | "kind" | "tolerance">;

/** The row of a tensor that has no counterpart here. */
export function missingRow(subject: RowSubject, want: NdArray, problem: string): VerifyRow {
  const nothing = { maxAbs: Number.NaN, maxRel: Number.NaN, excess: Number.NaN };
  return { ...subject, shape: want.shape, ...nothing, ok: false, problem };
}

/** Compares element by element. Whole numbers (ids, indices, pixels) must be equal. */
export function compareRow(subject: RowSubject, got: NdArray, want: NdArray): VerifyRow {
  if (got.shape.length !== want.shape.length || got.shape.some((size, i) => size !== want.shape[i]))
    return missingRow(subject, want, `shape is [${got.shape.join(", ")}]`);
  const { rtol, atol } = want.dtype === "float32" ? subject.tolerance : { rtol: 0, atol: 0 };
  let [maxAbs, largest, excess] = [0, 0, 0];
  for (let i = 0; i < want.data.length; i++) {
    const [a, b] = [Number(got.data[i]), Number(want.data[i])];
    // Equal infinities have no difference; NaN never equals.
    const gap = a === b ? 0 : Math.abs(a - b);
    const share = gap === 0 ? 0 : gap / (atol + rtol * Math.abs(b));
    maxAbs = worse(maxAbs, gap);
    excess = worse(excess, share);
    if (Number.isFinite(b)) largest = Math.max(largest, Math.abs(b));
  }
  const maxRel = maxAbs === 0 ? 0 : maxAbs / largest;
  return { ...subject, shape: want.shape, maxAbs, maxRel, excess, ok: excess <= 1 };
}

/** The larger one, where NaN is the largest of all. */
function worse(a: number, b: number): number {
  return Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : Math.max(a, b);
}
