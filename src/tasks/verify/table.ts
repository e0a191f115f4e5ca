/** A verification as text for a terminal. */

import type { VerifyRow } from "./compare.ts";

/**
 * One line for each tensor and one for the case: largest difference, as a share of the tensor's largest number, and as a share of the tolerance.
 * @param name the case, or its file
 */
export function verifyTable(name: string, rows: readonly VerifyRow[]): string {
  const width = Math.max(...rows.map((row) => row.name.length), 6);
  const lines = rows.map(({ name: tensor, shape, maxAbs, maxRel, excess, ok, problem }) => {
    const numbers = problem ?? `${number(maxAbs)}  ${number(maxRel)}  ${percent(excess)}`;
    return `  ${ok ? "ok  " : "FAIL"}  ${tensor.padEnd(width)}  ${numbers.padEnd(28)}  [${shape.join(", ")}]`;
  });
  const head = `        ${"tensor".padEnd(width)}  ${"max abs".padEnd(8)}  ${"max rel".padEnd(8)}  of tolerance  shape`;
  return [verifySummary(name, rows), head, ...lines].join("\n");
}

/** The case in one line. */
export function verifySummary(name: string, rows: readonly VerifyRow[]): string {
  const failed = rows.filter(({ ok }) => !ok);
  const worst = Math.max(0, ...rows.map(({ excess }) => excess).filter((excess) => !Number.isNaN(excess)));
  const verdict = failed.length === 0 ? "ok" : `FAIL: ${failed.length} of`;
  return `${name}: ${verdict} ${rows.length} tensors, largest difference ${percent(worst).trim()} of the tolerance`;
}

function number(x: number): string {
  return x.toExponential(1).padEnd(8);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`.padStart(8);
}
