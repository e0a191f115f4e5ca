/** The log of a run: one JSON object a line. */

import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomically } from "../weights/file-bytes-node.ts";
import type { TrainEvent } from "./events.ts";

/** The file inside a run's folder. */
export const logName = "log.jsonl";

/** Appends an event, with the time (ISO 8601). */
export function appendEvent(folder: string, event: TrainEvent): void {
  appendFileSync(join(folder, logName), `${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`);
}

/** All events of a run's log, those of earlier processes too; none where there is no log. A line that a killed process left unfinished is passed over. */
export function readLog(folder: string): readonly TrainEvent[] {
  const path = join(folder, logName);
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .flatMap((line) => parse(line) ?? []);
}

/** Removes what a killed process logged after the checkpoint from which the run goes on, and a line that it left unfinished. */
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
}

function parse(line: string): TrainEvent | undefined {
  try {
    return JSON.parse(line) as TrainEvent;
  } catch {
    return undefined;
  }
}
