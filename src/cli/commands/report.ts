/** `vitrine report DIR`: the report of a run, written again. */

import type { Context } from "../context.ts";
import { percent } from "../numbers.ts";
import { reportRun } from "../run-report.ts";

export interface ReportVerbOptions {
  readonly workers: number;
}

/** Writes `report.html` into the run's folder, over an older one. */
export async function report(
  context: Context,
  [folder]: readonly [string],
  { workers }: ReportVerbOptions,
): Promise<undefined> {
  const { path, content } = await reportRun(context, folder, workers);
  const { evaluation, data } = content;
  context.terminal.result(
    { path, judged: data.judged, accuracy: evaluation.accuracy, count: evaluation.count },
    `report       ${path} (${percent(evaluation.accuracy)} of ${evaluation.count} ${data.judged} right)`,
  );
  return undefined;
}
