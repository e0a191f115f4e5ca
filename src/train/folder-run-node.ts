/** A run in a folder, whatever learns there: lock, checkpoints, logs. Node only. */

import { join } from "node:path";
import { type Checkpoint, loadCheckpoint, saveCheckpoint } from "./checkpoint-node.ts";
import type { TrainEvent } from "./events.ts";
import { type FitOptions, fit } from "./fit.ts";
import type { LearningBatch } from "./lesson.ts";
import { lockFolder } from "./lock-node.ts";
import { appendEvent, rewindLog } from "./log-node.ts";
import { appendValues } from "./log-tensorboard-node.ts";
import { openFolder, requireFolder, requireSameRun } from "./run-folder-node.ts";

/** Where a run is, and how it goes on. */
export interface FolderRunOptions {
  /** What else a process needs to go on with the run, as plain data; kept in `recipe.json`. */
  readonly settings?: Readonly<Record<string, unknown>> | undefined;
  /** Ends with the model's files, `recipe.json`, `log.jsonl` and `checkpoints/`. */
  readonly folder: string;
  /** Go on where the folder's run stopped. */
  readonly resume?: boolean;
  /** Steps between checkpoints, besides those at the ends of epochs. */
  readonly checkpointEvery?: number | undefined;
  /** Tells of the spread of weights and gradients after each epoch (events `weights`). */
  readonly histograms?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly seed: number;
}

type FromFolder = "resume" | "runId" | "save" | "checkpointEvery" | "histograms" | "signal" | "seed" | "onBest";

/** What runs, opened. */
export interface OpenRun<B extends LearningBatch> extends Omit<FitOptions<B>, FromFolder> {
  /** Writes the model into the folder. */
  readonly saveModel: () => Promise<void>;
  /** What has happened since the event before, to be told after it. */
  readonly news?: () => readonly TrainEvent[];
  close(): Promise<void>;
}

/**
 * Trains in a folder; the events are also its log.
 * @param runId of all that the run was started with; it is the same for every process that may go on with it
 * @param recipe kept in the folder
 * @param open makes ready what runs, once the folder is this process's own
 * @throws {VitrineError} OUTPUT_CONFLICT when the folder holds another run's results, INTERRUPTED after the signal, STORAGE_FAILURE when a checkpoint
 *   cannot be written, RUNTIME_FAILURE when loss or gradient are no longer finite, and whatever `open` throws.
 */
export async function* runInFolder<B extends LearningBatch>(
  options: FolderRunOptions,
  runId: string,
  recipe: object,
  open: () => Promise<OpenRun<B>>,
): AsyncGenerator<TrainEvent, void, undefined> {
  await openFolder({ ...options, recipe }, runId);
  const unlock = await lockFolder(options.folder);
  try {
    yield* runLocked(options, runId, recipe, open);
  } finally {
    await unlock();
  }
}

async function* runLocked<B extends LearningBatch>(
  options: FolderRunOptions,
  runId: string,
  recipe: object,
  open: () => Promise<OpenRun<B>>,
): AsyncGenerator<TrainEvent, void, undefined> {
  const { folder, seed, signal } = options;
  const checkpoints = join(folder, "checkpoints");
  const events: TrainEvent[] = [];
  const resume = options.resume
    ? await loadCheckpoint(checkpoints, (message) => events.push({ type: "warning", message }))
    : undefined;
  if (resume) requireSameRun(resume.state.runId, runId, folder);
  if (options.resume) await rewindLog(folder, resume?.state.step ?? 0);
  if (!resume) appendValues(folder, 1, [{ tag: "recipe", kind: "text", text: recipeText({ ...recipe, seed }) }]);

  const { saveModel, news, close, ...training } = await open();
  try {
    const run = fit({
      ...training,
      seed,
      histograms: options.histograms,
      resume,
      runId,
      save: (checkpoint: Checkpoint) => {
        requireFolder(folder);
        return saveCheckpoint(checkpoints, checkpoint);
      },
      checkpointEvery: options.checkpointEvery,
      onBest: () => {
        requireFolder(folder);
        return saveModel();
      },
      signal,
    });
    let steps = resume?.state.step ?? 0;
    const told = async (event: TrainEvent): Promise<TrainEvent> => {
      if (event.type === "step") steps = event.step;
      requireFolder(folder);
      await appendEvent(folder, event, steps);
      return event;
    };
    for (const event of events) yield await told(event);
    for await (const event of run) {
      yield await told(event);
      for (const one of news?.() ?? []) yield await told(one);
    }
  } finally {
    await close();
  }
}

/** As Markdown. */
function recipeText(settings: object): string {
  return `\`\`\`json\n${JSON.stringify(settings, null, 2)}\n\`\`\``;
}
