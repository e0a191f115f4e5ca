/** Data sets by name or path. */

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { VitrineError } from "../errors.ts";
import type { Dataset, Split } from "./datasets/dataset.ts";
import { type DownloadCall, datasetCacheFromEnvironment } from "./datasets/download-node.ts";
import { openFolder, splitFolders } from "./datasets/folder-node.ts";
import { openList } from "./datasets/list-node.ts";
import { namedDatasets, openNamed } from "./datasets/named-node.ts";
import { findFiles } from "./datasets/reference-node.ts";
import { shapesDataset } from "./datasets/shapes.ts";
import { openShards } from "./datasets/shards-node.ts";

/** Where and how to find a data set. */
export interface OpenOptions extends DownloadCall {
  /**
   * Folder of the files of a named data set, or the folder above it; nothing is fetched then. Default: `data`, then the cache, then the publisher's server.
   */
  readonly dataDir?: string | undefined;
  /** Folder for what is fetched and unpacked; default `VITRINE_CACHE`, else `~/.cache/vitrine`. */
  readonly cache?: string | undefined;
  /** Fetch nothing; default `HF_HUB_OFFLINE`. */
  readonly offline?: boolean | undefined;
  /** Address of a folder with the files of a named data set, in place of its publisher's. */
  readonly mirror?: string | undefined;
  /** For `shapes`: the seed of its images. */
  readonly seed?: number;
  /** For `shapes`: height and width. */
  readonly size?: number;
}

/** The parts of a data set that there are; all have the same classes. */
export interface DatasetSplits {
  readonly train: Dataset;
  readonly validation?: Dataset;
  readonly test?: Dataset;
}

/** Names that `datasetByName` knows. */
export const datasetNames: readonly string[] = ["shapes", ...namedDatasets.map(({ name }) => name)];

/**
 * A data set by its name.
 * @throws {VitrineError} UNKNOWN_NAME, listing the names there are; NOT_FOUND when its files are not in `dataDir`; DOWNLOAD_FAILURE when they cannot be fetched;
 * INVALID_FILE when they are broken.
 */
export async function datasetByName(name: string, options: OpenOptions = {}): Promise<DatasetSplits> {
  if (name === "shapes") {
    const { seed = 0, size = 32 } = options;
    return {
      train: shapesDataset({ split: "train", seed, size }),
      validation: shapesDataset({ split: "validation", seed, size }),
      test: shapesDataset({ split: "test", seed, size }),
    };
  }
  const named = namedDatasets.find((candidate) => candidate.name === name);
  if (named === undefined)
    throw new VitrineError("UNKNOWN_NAME", {
      rule: `a data set must be one of ${datasetNames.join(", ")}, or a folder of class folders, tar archives or parquet files, or a list of images`,
      evidence: `got ${name}`,
    });
  const usual = datasetCacheFromEnvironment(process.env);
  const cache = { folder: options.cache ?? usual.folder, offline: options.offline ?? usual.offline };
  return withTrain(await openNamed(named, { ...options, cache }), name);
}

/**
 * A data set by name or by path. A path is one of
 * - a folder of class folders, or of `train`, `val` and `test` folders of them;
 * - WebDataset archives (`.tar`, `.tar.gz`) or parquet files as on the Hugging Face hub: a file, a folder of them, or a pattern such as `data-{000000..000012}.tar`
 *   or `data/train-*.parquet`; splits by the words in their names;
 * - a list (`.csv`, `.tsv`, `.jsonl`) of paths and labels, or a folder with one called `metadata`, `labels` or `annotations`.
 *
 * A name wins over a folder of the same name; write `./shapes` for the folder.
 * @throws {VitrineError} UNKNOWN_NAME when it is none of these; what `openFolder`, `openShards` and `openList` throw.
 */
export async function openDataset(reference: string, options: OpenOptions = {}): Promise<DatasetSplits> {
  if (datasetNames.includes(reference)) return datasetByName(reference, options);
  const found = await stat(reference).catch(() => undefined);
  if (found === undefined && !/[/\\*?{]|^\.|\.(tar|t?gz|parquet|csv|tsv|jsonl)$/i.test(reference))
    return datasetByName(reference, options);
  const files = await findFiles(reference);
  if (files.kind === "list") return withTrain(await openList(files.path), files.path);
  if (files.kind === "shards") {
    const cache = join(options.cache ?? datasetCacheFromEnvironment(process.env).folder, "packs");
    return withTrain(await openShards(files.files, { cache, name: files.name }), reference);
  }
  const folders = await splitFolders(reference);
  const train = await openFolder(folders.train);
  const { classes } = train;
  return {
    train,
    ...(folders.validation ? { validation: await openFolder(folders.validation, { classes }) } : {}),
    ...(folders.test ? { test: await openFolder(folders.test, { classes }) } : {}),
  };
}

/** Where there is only one part, it is the one to learn from, whatever it is called. */
function withTrain(parts: Partial<Record<Split, Dataset>>, place: string): DatasetSplits {
  const { train, ...others } = parts;
  if (train) return { train, ...others };
  const [only, more] = Object.values(others);
  if (only && !more) return { train: only };
  throw new VitrineError("DATA_PROBLEM", {
    rule: "there must be images to learn from",
    evidence: `it has only ${Object.keys(others).join(" and ") || "images without labels"}`,
    place,
  });
}
