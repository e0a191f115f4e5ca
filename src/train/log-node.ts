/** The logs of a run: one JSON object a line, and the same for spreadsheets and TensorBoard. Node only. */

import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomically } from "../files/write-node.ts";
import type { TrainEvent } from "./events.ts";
import { csvOf } from "./log-csv.ts";
import { appendValues, rewindTensorBoard, valuesOf } from "./log-tensorboard-node.ts";

/** The file inside a run's folder. */
export const logName = "log.jsonl";

/** One row an epoch, in the same folder. */
export const csvName = "log.csv";

/**
 * Appends an event to all logs: to `log.jsonl` with the time (ISO 8601), to `log.csv` at the end of an epoch, to TensorBoard's file what it can show.
 * @param step steps that are done, for events that have no step of their own
 */
export async function appendEvent(folder: string, event: TrainEvent, step: number): Promise<void> {
  // Spreads of weights are for TensorBoard: as text they would drown the rest.
  if (event.type !== "weights")
    appendFileSync(join(folder, logName), `${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`);
  appendValues(folder, step, valuesOf(event));
  if (event.type === "epoch.end") await writeCsv(folder);
}

function writeCsv(folder: string): Promise<void> {
  return writeFileAtomically(join(folder, csvName), [new TextEncoder().encode(csvOf(readLog(folder)))]);
}

/** All events of a run's log, those of earlier processes too; none where there is no log. A line that a killed process left unfinished is passed over. */
export function readLog(folder: string): readonly TrainEvent[] {
  const path = join(folder, logName);
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .flatMap((line) => parse(line) ?? []);
}

/** Removes from all logs what a killed process logged after the checkpoint from which the run goes on, and a line that it left unfinished. */
export async function rewindLog(folder: string, step: number): Promise<void> {
  const path = join(folder, logName);
  if (!existsSync(path)) return;
  const kept: string[] = [];
  for (const line of readFileSync(path, "utf8").split("\n")) {
    const event = parse(line);
    if (!event) continue;
    if (event.type === "step" && event.step > step) break;
    kept.push(`${line}\n`);
  }
  await writeFileAtomically(path, [new TextEncoder().encode(kept.join(""))]);
  await writeCsv(folder);
  rewindTensorBoard(folder, step);
}

function parse(line: string): TrainEvent | undefined {
  try {
    return JSON.parse(line) as TrainEvent;
  } catch {
    return undefined;
  }
}
