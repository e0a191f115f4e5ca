/** A run's folder: what it was started with, and whether this process may go on there. */

import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import type { Dataset } from "../data/datasets/dataset.ts";
import { imagesPerEpoch } from "../data/loader-batch.ts";
import { VitrineError } from "../errors.ts";
import { errorCode, systemReason, writeFileAtomically } from "../files/write-node.ts";
import type { FolderRunOptions } from "./folder-run-node.ts";
import { fromScratch, type Recipe, recipeFrom } from "./recipe.ts";
import { differenceOf, identity, unusual } from "./run-identity-node.ts";
import type { RunOptions } from "./run-node.ts";
import { trainedParameters } from "./step.ts";
import { frozenSum, weightsSum } from "./tuning-node.ts";

const runSchema = v.looseObject({
  runId: v.string(),
  seed: v.number(),
  settings: v.optional(v.record(v.string(), v.unknown())),
});

/** Stops unless a checkpoint or a recipe is of this run. @throws {VitrineError} OUTPUT_CONFLICT */
export function requireSameRun(found: string, runId: string, folder: string, evidence?: string): void {
  if (found === runId) return;
  throw new VitrineError("OUTPUT_CONFLICT", {
    rule: "a run is continued with the data, model, recipe and seed it began with",
    evidence,
    place: folder,
    next: `use the settings in ${join(folder, "recipe.json")}, or another folder with --out`,
  });
}

/** What a run's folder says of it. */
export interface RunRecord {
  /** SHA-256 of what the run was started with. */
  readonly runId: string;
  readonly seed: number;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly recipe: Recipe;
}

/**
 * Refuses a folder that holds something, and what is no folder.
 * @throws {VitrineError} OUTPUT_CONFLICT
 */
export async function refuseUsedFolder(folder: string): Promise<void> {
  const there = await namesIn(folder);
  if (there.length === 0) return;
  throw new VitrineError("OUTPUT_CONFLICT", {
    rule: "the output folder must be new or empty",
    evidence: `it holds ${there.slice(0, 4).join(", ")}`,
    place: folder,
    next: there.includes("recipe.json")
      ? "add --resume to go on with that run, or choose another folder with --out"
      : "choose another folder with --out",
  });
}

/** What a folder holds; nothing where there is none. */
async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter((name) => name !== ".DS_Store");
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return [];
    throw new VitrineError("OUTPUT_CONFLICT", {
      rule: "the output must be a folder",
      evidence: existsSync(folder) && errorCode(cause) === "ENOTDIR" ? "it is a file" : systemReason(cause),
      place: folder,
      next: "choose another folder with --out",
      cause,
    });
  }
}

/**
 * Makes the folder, or refuses one that holds something else.
 * @throws {VitrineError} OUTPUT_CONFLICT, NOT_FOUND, STORAGE_FAILURE
 */
export async function openFolder(
  { folder, recipe, resume, seed, settings }: FolderRunOptions & { readonly recipe: object },
  runId: string,
): Promise<void> {
  const path = join(folder, "recipe.json");
  if (!resume) await refuseUsedFolder(folder);
  if (existsSync(path)) {
    const kept = await readRunFile(folder);
    requireSameRun(kept.runId, runId, folder, differenceOf({ ...kept, recipe: kept.changes }, { seed, recipe }));
    return;
  }
  if (resume && (await namesIn(folder)).length > 0)
    throw new VitrineError("NOT_FOUND", {
      rule: "the folder must hold a run to go on with",
      evidence: "it has no recipe.json",
      place: folder,
    });
  const isNew = !existsSync(folder);
  try {
    await mkdir(folder, { recursive: true });
    await writeFileAtomically(path, [
      new TextEncoder().encode(`${JSON.stringify({ runId, seed, settings, ...recipe }, null, 2)}\n`),
    ]);
  } catch (cause) {
    if (isNew) await rm(folder, { recursive: true, force: true }).catch(() => {});
    throw cause instanceof VitrineError
      ? cause
      : new VitrineError("STORAGE_FAILURE", {
          rule: "the output folder could not be made",
          evidence: (cause as Error).message,
          place: folder,
          cause,
        });
  }
}

/**
 * Stops a run whose folder was removed or unmounted meanwhile, instead of beginning another one in its place.
 * @throws {VitrineError} STORAGE_FAILURE
 */
export function requireFolder(folder: string): void {
  if (existsSync(join(folder, "recipe.json"))) return;
  throw new VitrineError("STORAGE_FAILURE", {
    rule: "the output folder must stay while a training runs",
    evidence: "its recipe.json is gone",
    place: folder,
    next: "if its disk is there again, go on with --resume",
  });
}

/**
 * What the run in a folder was started with.
 * @throws {VitrineError} NOT_FOUND when the folder holds no run, INVALID_FILE when its `recipe.json` is broken.
 */
export async function readRun(folder: string): Promise<RunRecord> {
  const { changes, place, ...record } = await readRunFile(folder);
  return { ...record, recipe: parsed(place, () => recipeFrom(fromScratch, changes, place)) };
}

/**
 * The same, whatever kind of recipe it is.
 * @throws {VitrineError} as `readRun`
 */
export async function readRunFile(folder: string): Promise<
  Omit<RunRecord, "recipe"> & {
    /** The recipe as it was kept. */
    readonly changes: Readonly<Record<string, unknown>>;
    readonly place: string;
  }
> {
  const place = join(folder, "recipe.json");
  const text = await readFile(place, "utf8").catch((cause: Error) => {
    throw new VitrineError("NOT_FOUND", {
      rule: "the folder must hold a run to go on with",
      evidence: "it has no recipe.json",
      place: folder,
      cause,
    });
  });
  return parsed(place, () => {
    const { runId, seed, settings = {}, ...changes } = v.parse(runSchema, JSON.parse(text));
    return { runId, seed, settings, changes, place };
  });
}

function parsed<T>(place: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new VitrineError("INVALID_FILE", {
      rule: "the file must be the recipe of a run",
      evidence: (cause as Error).message,
      place,
      cause,
    });
  }
}

/** What the run is: the same for every process that may go on with it. */
export function identityOf(options: RunOptions, batchSize: number): string {
  const { pretrained, train, validation, recipe, seed, trained, objective, teacher } = options;
  const facts = {
    model: unusual(pretrained.model.config),
    preprocessing: pretrained.preprocessing,
    labels: pretrained.labels,
    data: [train, validation].map((part) => part && { name: part.name, length: part.length, labels: labelSum(part) }),
    recipe: unusual(recipe, fromScratch),
    batchSize,
    // Earlier versions had longer epochs of repeated images: in the midst of such a run no step would be what it was.
    images: recipe.repeats > 1 ? imagesPerEpoch(train.length, { shuffle: true, repeats: recipe.repeats }) : undefined,
    seed,
    trained: trained && [...trainedParameters(pretrained.model, trained).keys()],
    frozen: frozenSum(pretrained.model, trained),
    objective: objective?.identity,
    teacher: teacher && weightsSum(teacher.model),
  };
  return identity(facts);
}

/** Order-dependent sum over the labels: enough to notice that files came or went. */
function labelSum(dataset: Dataset): number {
  let sum = 0;
  for (let i = 0; i < dataset.length; i++) sum = (Math.imul(sum, 31) + dataset.labelOf(i)) | 0;
  return sum;
}
