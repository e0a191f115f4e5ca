/**
 * Checkpoints that survive a kill at any moment.
 *
 * A checkpoint is a folder `step-00001234` with the model's variables, the optimiser's, the state of the run, and a manifest of sizes and
 * SHA-256 sums. It is written under another name, flushed to disk and renamed, so that a folder with the right name is whole; the manifest
 * finds damage that comes later.
 */

import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { VitrineError } from "../errors.ts";
import { syncFolder, writeFileAtomically } from "../files/write-node.ts";
import type { NdArray } from "../graph/dtype.ts";
import { safetensorsPieces } from "../weights/safetensors.ts";
import { openSafetensors } from "../weights/safetensors-node.ts";
import { readAll } from "../weights/source.ts";
import type { BestEpoch } from "./best-epoch.ts";

/** Where a run is: everything that its next step depends on, besides the variables. */
export interface RunState {
  /** Steps that are done. */
  readonly step: number;
  /** SHA-256 of what the run was started with; a checkpoint continues no other run. */
  readonly runId: string;
  /** Best epoch so far. */
  readonly best?: BestEpoch | undefined;
  /** Sums over the steps of the current epoch, for its report. */
  readonly epochSums: { readonly loss: number; readonly accuracy: number; readonly steps: number };
  /** The validation loss after each epoch; the training loss where nothing validates. */
  readonly losses: readonly number[];
}

/** All that a run needs to go on with the same bits. */
export interface Checkpoint {
  readonly state: RunState;
  /** Parameters and buffers of the model, by name. */
  readonly model: ReadonlyMap<string, NdArray>;
  /** State of the optimiser and of the running average of the weights, by name. */
  readonly optimizer: ReadonlyMap<string, NdArray>;
}

const bestSchema = v.pipe(
  v.object({
    epoch: v.number(),
    by: v.optional(v.picklist(["accuracy", "balanced accuracy", "loss"])),
    accuracy: v.number(),
    balancedAccuracy: v.optional(v.number()),
    loss: v.optional(v.number()),
  }),
  // Runs that began before there was a choice go on by what they began with.
  v.transform((best): BestEpoch => ({ ...best, by: best.by ?? (best.loss === undefined ? "accuracy" : "loss") })),
);
const stateSchema = v.object({
  step: v.pipe(v.number(), v.integer(), v.minValue(0)),
  runId: v.string(),
  best: v.optional(bestSchema),
  epochSums: v.object({ loss: v.number(), accuracy: v.number(), steps: v.number() }),
  losses: v.optional(v.array(v.number()), []),
});
const manifestSchema = v.object({
  format: v.literal("vitrine-checkpoint/1"),
  files: v.record(v.string(), v.object({ bytes: v.number(), sha256: v.string() })),
});

const temporaryPrefix = ".writing-";

/**
 * Writes a checkpoint and deletes those before the last `keep`.
 * @returns the folder it was written to
 * @throws {VitrineError} STORAGE_FAILURE when it cannot be written; older checkpoints are untouched and no partial folder stays.
 */
export async function saveCheckpoint(folder: string, checkpoint: Checkpoint, keep = 2): Promise<string> {
  const name = `step-${String(checkpoint.state.step).padStart(8, "0")}`;
  const temporary = join(folder, `${temporaryPrefix}${randomUUID()}`);
  const files = {
    "model.safetensors": [...safetensorsPieces(checkpoint.model)],
    "optimizer.safetensors": [...safetensorsPieces(checkpoint.optimizer)],
    "state.json": [new TextEncoder().encode(`${JSON.stringify(checkpoint.state)}\n`)],
  };
  const bytes = Object.values(files)
    .flat()
    .reduce((sum, piece) => sum + piece.byteLength, 0);
  try {
    await mkdir(temporary, { recursive: true });
    await requireSpace(folder, bytes);
    const entries: Record<string, { bytes: number; sha256: string }> = {};
    for (const [file, pieces] of Object.entries(files))
      entries[file] = await writeHashed(join(temporary, file), pieces);
    const manifest = { format: "vitrine-checkpoint/1", files: entries };
    await writeHashed(join(temporary, "MANIFEST.json"), [
      new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`),
    ]);
    await rm(join(folder, name), { recursive: true, force: true });
    await rename(temporary, join(folder, name));
    await syncFolder(folder);
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    throw new VitrineError("STORAGE_FAILURE", {
      rule: "the checkpoint could not be written",
      evidence: cause instanceof Error ? cause.message : String(cause),
      place: folder,
      next: "free space or permissions there, then run again with --resume; earlier checkpoints are untouched",
      cause,
    });
  }
  for (const old of (await checkpointNames(folder)).slice(keep))
    await rm(join(folder, old), { recursive: true, force: true });
  return join(folder, name);
}

/**
 * The newest whole checkpoint of a run, or `undefined` when there is none at all.
 * @param onDamaged told of each newer checkpoint that was passed over, and why
 * @throws {VitrineError} INVALID_FILE when there are checkpoints and all are damaged.
 */
export async function loadCheckpoint(
  folder: string,
  onDamaged: (message: string) => void,
): Promise<Checkpoint | undefined> {
  await sweep(folder);
  const names = await checkpointNames(folder);
  for (const name of names) {
    try {
      return await readCheckpoint(join(folder, name));
    } catch (error) {
      onDamaged(`${join(folder, name)} is damaged (${error instanceof Error ? error.message : String(error)})`);
    }
  }
  if (names.length === 0) return undefined;
  throw new VitrineError("INVALID_FILE", {
    rule: "no checkpoint is whole",
    evidence: `tried ${names.join(", ")}`,
    place: folder,
    next: "delete that folder to train from the start",
  });
}

/** Removes what a killed process left half-written. */
async function sweep(folder: string): Promise<void> {
  for (const name of await listFolder(folder))
    if (name.startsWith(temporaryPrefix)) await rm(join(folder, name), { recursive: true, force: true });
}

async function readCheckpoint(folder: string): Promise<Checkpoint> {
  const manifest = v.parse(manifestSchema, JSON.parse(await readFile(join(folder, "MANIFEST.json"), "utf8")));
  // Read in pieces: a large model's files are longer than what Node reads at once.
  const whole = async (file: string): Promise<string> => {
    const expected = manifest.files[file];
    if (!expected) throw new Error(`the manifest does not name ${file}`);
    const path = join(folder, file);
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const piece of createReadStream(path, { highWaterMark: 2 ** 20 })) {
      hash.update(piece as Uint8Array);
      bytes += (piece as Uint8Array).byteLength;
    }
    if (bytes !== expected.bytes || hash.digest("hex") !== expected.sha256)
      throw new Error(`${file} is not what was written`);
    return path;
  };
  const tensors = async (file: string): Promise<ReadonlyMap<string, NdArray>> => {
    const source = await openSafetensors(await whole(file));
    return readAll(source).finally(() => source.close());
  };
  const state = v.parse(stateSchema, JSON.parse(await readFile(await whole("state.json"), "utf8")));
  const [model, optimizer] = [await tensors("model.safetensors"), await tensors("optimizer.safetensors")];
  return { state, model, optimizer };
}

/** Newest first. */
async function checkpointNames(folder: string): Promise<readonly string[]> {
  return (await listFolder(folder))
    .filter((name) => /^step-\d{8,}$/.test(name))
    .sort()
    .reverse();
}

async function listFolder(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
}

async function requireSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < bytes) throw new Error(`it needs ${bytes} bytes, and ${bavail * bsize} are free`);
}

async function writeHashed(path: string, pieces: readonly Uint8Array[]): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash("sha256");
  for (const piece of pieces) hash.update(piece);
  await writeFileAtomically(path, pieces);
  return { bytes: pieces.reduce((sum, piece) => sum + piece.byteLength, 0), sha256: hash.digest("hex") };
}
