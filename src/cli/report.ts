/** How the command line says that something went wrong, and how it ends. */

import { VitrineError } from "../errors.ts";
import { exitCodeOf } from "./exit-code.ts";

/** How errors are shown. */
export interface ReportOptions {
  readonly json: boolean;
  readonly debug: boolean;
}

/** Refusals of the system (full disk, missing rights) that no part of the program put into words of its own. */
function inWords(error: unknown): unknown {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  if (error instanceof VitrineError || !(error instanceof Error) || code === undefined || syscall === undefined)
    return error;
  return new VitrineError("STORAGE_FAILURE", { rule: "the system refused", evidence: error.message, cause: error });
}

/**
 * Reports an error: one line on standard error, and with `--json` the document
 * `{"error": {"code", "message", "rule", "evidence", "place", "next", "details"}}` on standard output (code `UNEXPECTED` for what is a fault of this program).
 * @returns the exit code
 */
export function reportError(thrown: unknown, { json, debug }: ReportOptions, signal?: AbortSignal): number {
  const error = inWords(thrown);
  const known = error instanceof VitrineError;
  const text = oneLine(error instanceof Error ? error.message : String(error));
  const message = known ? text : `unexpected error: ${text}`;
  process.stderr.write(`vitrine: ${message}\n`);
  if (debug) process.stderr.write(`${stackOf(error)}\n`);
  else if (!known) process.stderr.write("vitrine: this is a fault of vitrine; --debug shows where it happened\n");
  if (json) {
    const { rule, evidence, place, next, details } = known ? error.fields : {};
    const code = known ? error.code : "UNEXPECTED";
    const document = { error: { code, message, rule, evidence, place, next, details } };
    process.stdout.write(`${JSON.stringify(document)}\n`);
  }
  return exitCodeOf(error, signal);
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, " ").trim();
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `\ncaused by ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}

/** Ends the process once all that was written is out: idle threads of engines and loaders are not waited for. */
export async function endProcess(): Promise<never> {
  for (const stream of [process.stdout, process.stderr])
    await new Promise<void>((resolve) => {
      stream.write("", () => resolve());
    });
  process.exit();
}

/** A reader that went away (`vitrine models | head`) ends the output, not the work. */
export function forgiveClosedPipes(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit();
  });
  process.stderr.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}
