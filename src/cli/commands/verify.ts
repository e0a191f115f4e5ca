/** `vitrine verify GOLDEN…`: our numbers beside the reference's. */

import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { VitrineError } from "../../errors.ts";
import { systemReason } from "../../files/write-node.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { parseGolden, type VerifyRow, verifyGolden } from "../../tasks/verify.ts";
import type { Context } from "../context.ts";
import { right, table } from "../table.ts";

/** What one file came to: its tensors, or why it could not be compared. */
type Verdict = { readonly file: string } & ({ readonly rows: readonly VerifyRow[] } | { readonly error: VitrineError });

/** Prints a table for each file. @returns whether all tensors of all files are within their tolerance */
export async function verify(context: Context, [files]: readonly [readonly string[]]): Promise<boolean> {
  const runtime = await context.runtime();
  const verdicts: Verdict[] = [];
  for (const file of files) verdicts.push(await verifyFile(file, runtime));
  if (verdicts.length === 1 && "error" in verdicts[0]!) throw verdicts[0].error;
  for (const verdict of verdicts) if ("error" in verdict) context.terminal.warn(verdict.error.message);
  const good = verdicts.filter(holds).length;
  const last = `${good} of ${verdicts.length} files within tolerance`;
  context.terminal.result(
    { ok: good === verdicts.length, device: runtime.device, files: verdicts.map(toJson) },
    [...verdicts.map(toText), last].join("\n"),
  );
  return good === verdicts.length;
}

async function verifyFile(file: string, runtime: Runtime): Promise<Verdict> {
  try {
    const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
      throw new VitrineError(cause.code === "ENOENT" ? "NOT_FOUND" : "INVALID_FILE", {
        rule: "a golden file must be a readable file",
        evidence: systemReason(cause),
        place: file,
        cause,
      });
    });
    return { file, rows: await verifyGolden(parseGolden(bytes, file), runtime) };
  } catch (error) {
    if (error instanceof VitrineError) return { file, error };
    throw error;
  }
}

function holds(verdict: Verdict): boolean {
  return "rows" in verdict && verdict.rows.length > 0 && verdict.rows.every(({ ok }) => ok);
}

function toJson(verdict: Verdict): unknown {
  const { file } = verdict;
  if ("error" in verdict)
    return { file, ok: false, error: { code: verdict.error.code, message: verdict.error.message } };
  return { file, ok: holds(verdict), tensors: verdict.rows };
}

function toText(verdict: Verdict): string {
  const name = basename(verdict.file);
  if ("error" in verdict) return `${name}: could not be compared\n`;
  const { rows } = verdict;
  const failed = rows.filter(({ ok }) => !ok).length;
  const worst = Math.max(0, ...rows.map(({ excess }) => excess).filter((excess) => !Number.isNaN(excess)));
  const summary = `${name}: ${failed === 0 ? "ok" : `FAIL, ${failed} of`} ${rows.length} tensors, largest difference ${share(worst)} of the tolerance`;
  const lines = rows.map(({ name: tensor, shape, maxAbs, maxRel, excess, ok, problem }) => [
    ok ? "ok" : "FAIL",
    tensor,
    ...(problem === undefined ? [maxAbs.toExponential(1), maxRel.toExponential(1), share(excess)] : ["", "", ""]),
    problem ?? `[${shape.join(", ")}]`,
  ]);
  const columns = ["", "tensor", right("max abs"), right("max rel"), right("of tolerance"), "shape"];
  return `${summary}\n${table(columns, lines)}`;
}

function share(value: number): string {
  return `${(100 * value).toFixed(value < 0.1 ? 1 : 0)} %`;
}
