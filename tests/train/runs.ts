/** What tests do with runs in folders. */

import { expect } from "vitest";
import type { VitrineError } from "../../src/errors.ts";
import type { TrainEvent } from "../../src/train/events.ts";
import { type RunOptions, trainInFolder } from "../../src/train/run-node.ts";

/** Lets a run go to its end. */
export async function all(run: AsyncIterable<TrainEvent>): Promise<readonly TrainEvent[]> {
  const events: TrainEvent[] = [];
  for await (const event of run) events.push(event);
  return events;
}

/** Trains until `steps` steps are done, then stops as Ctrl-C does. */
export async function interrupted(steps: number, run: RunOptions): Promise<void> {
  const stop = new AbortController();
  const events = trainInFolder({ ...run, signal: stop.signal });
  await expect(
    (async () => {
      for await (const event of events) if (event.type === "step" && event.step === steps) stop.abort();
    })(),
  ).rejects.toMatchObject({ code: "INTERRUPTED" } satisfies Partial<VitrineError>);
}
