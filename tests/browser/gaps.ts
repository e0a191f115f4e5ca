/** How far numbers of two devices are apart. */

/** The largest absolute difference; NaN where the counts differ or a number is none. */
export function largestGap(got: readonly number[], want: readonly number[]): number {
  if (got.length !== want.length) return Number.NaN;
  return want.reduce((gap, x, i) => Math.max(gap, Math.abs(got[i]! - x)), 0);
}
