/** Data sets by name or path. */

import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { VitrineError } from "../errors.ts";
import { cifar10Source } from "./datasets/cifar10.ts";
import type { Dataset, Split } from "./datasets/dataset.ts";
import { openFolder, splitFolders } from "./datasets/folder-node.ts";
import { idxSource, parseIdx } from "./datasets/idx.ts";
import { memoryDataset } from "./datasets/memory.ts";
import { shapesDataset } from "./datasets/shapes.ts";

/** Where and how to find a data set. */
export interface OpenOptions {
  /** Folder of the files of `mnist`, `fashion-mnist` or `cifar10`, or the folder above it; default `data`. */
  readonly dataDir?: string | undefined;
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

const digits = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
const garments = [
  "T-shirt/top",
  "Trouser",
  "Pullover",
  "Dress",
  "Coat",
  "Sandal",
  "Shirt",
  "Sneaker",
  "Bag",
  "Ankle boot",
];

const openers: Readonly<Record<string, (options: OpenOptions) => Promise<DatasetSplits>>> = {
  shapes: async ({ seed = 0, size = 32 }) => ({
    train: shapesDataset({ split: "train", seed, size }),
    validation: shapesDataset({ split: "validation", seed, size }),
    test: shapesDataset({ split: "test", seed, size }),
  }),
  mnist: ({ dataDir }) => openIdx("mnist", digits, ["MNIST/raw", "MNIST"], dataDir),
  "fashion-mnist": ({ dataDir }) => openIdx("fashion-mnist", garments, ["FashionMNIST/raw", "FashionMNIST"], dataDir),
  cifar10: ({ dataDir }) => openCifar10(dataDir),
};

/** Names that `datasetByName` knows. */
export const datasetNames: readonly string[] = Object.keys(openers);

/**
 * A data set by its name.
 * @throws {VitrineError} UNKNOWN_NAME, listing the names there are; NOT_FOUND when its files are not in `dataDir`; INVALID_FILE when they are broken.
 */
export async function datasetByName(name: string, options: OpenOptions = {}): Promise<DatasetSplits> {
  const open = openers[name];
  if (open === undefined || !datasetNames.includes(name))
    throw new VitrineError("UNKNOWN_NAME", {
      rule: `a data set must be one of ${datasetNames.join(", ")}, or a folder of class folders`,
      evidence: `got ${name}`,
    });
  return open(options);
}

/**
 * A data set by name, or by the path of a folder: of class folders, or of `train`, `val` and `test` folders of them. A name wins over a folder of the same name;
 * write `./shapes` for the folder.
 * @throws {VitrineError} UNKNOWN_NAME when it is neither; what `openFolder` throws.
 */
export async function openDataset(reference: string, options: OpenOptions = {}): Promise<DatasetSplits> {
  if (datasetNames.includes(reference)) return datasetByName(reference, options);
  const found = await stat(reference).catch(() => undefined);
  const looksLikePath = reference.includes("/") || reference.includes("\\") || reference.startsWith(".");
  if (found === undefined && !looksLikePath) return datasetByName(reference, options);
  const folders = await splitFolders(reference);
  const train = await openFolder(folders.train);
  const { classes } = train;
  return {
    train,
    ...(folders.validation ? { validation: await openFolder(folders.validation, { classes }) } : {}),
    ...(folders.test ? { test: await openFolder(folders.test, { classes }) } : {}),
  };
}

/** More than this is no file of these data sets (the largest, MNIST's training images, has 47 MB). */
const largestUnpacked = 512 * 2 ** 20;

/** A file's bytes, unpacked where it is gzip. */
async function readUnpacked(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  return promisify(gunzip)(bytes, { maxOutputLength: largestUnpacked }).catch((cause: Error) => {
    throw new VitrineError("INVALID_FILE", {
      rule: "a gzip file must be whole and at most 512 MiB unpacked",
      evidence: cause.message,
      place: path,
      cause,
    });
  });
}

/** Names in the first of some folders that has files accepted by `wanted`. */
async function findFiles(
  name: string,
  dataDir: string,
  subfolders: readonly string[],
  wanted: (file: string) => boolean,
): Promise<{ readonly folder: string; readonly files: readonly string[] }> {
  for (const folder of [dataDir, ...subfolders.map((sub) => join(dataDir, sub))]) {
    const files = (await readdir(folder).catch(() => [])).filter(wanted).sort();
    if (files.length > 0) return { folder, files };
  }
  throw new VitrineError("NOT_FOUND", {
    rule: `the files of ${name} must be in --data-dir or a folder ${[name, ...subfolders].join(" or ")} in it`,
    evidence: "found none",
    place: dataDir,
    next: "download them there",
  });
}

async function openIdx(
  name: string,
  classes: readonly string[],
  layouts: readonly string[],
  dataDir = "data",
): Promise<DatasetSplits> {
  const pattern = /^(train|t10k)-(images|labels)[-.]idx[13]-ubyte(\.gz)?$/;
  const { folder, files } = await findFiles(name, dataDir, [name, ...layouts], (file) => pattern.test(file));
  const open = async (prefix: "train" | "t10k", split: Split): Promise<Dataset | undefined> => {
    const part = async (kind: "images" | "labels"): Promise<{ place: string; bytes: Uint8Array } | undefined> => {
      const file = files.find((candidate) => candidate.startsWith(`${prefix}-${kind}`));
      return file === undefined ? file : { place: join(folder, file), bytes: await readUnpacked(join(folder, file)) };
    };
    const [images, labels] = [await part("images"), await part("labels")];
    if (!images || !labels) return undefined;
    const place = images.place;
    return memoryDataset(
      idxSource(
        `${name}/${split}`,
        classes,
        parseIdx(images.bytes, place),
        parseIdx(labels.bytes, labels.place),
        place,
      ),
    );
  };
  return withTrain(name, folder, await open("train", "train"), await open("t10k", "test"));
}

async function openCifar10(dataDir = "data"): Promise<DatasetSplits> {
  const pattern = /^(data_batch|train|test).*\.bin(\.gz)?$/;
  const { folder, files } = await findFiles("cifar10", dataDir, ["cifar10", "cifar-10-batches-bin"], (file) =>
    pattern.test(file),
  );
  const open = async (split: Split): Promise<Dataset | undefined> => {
    const names = files.filter((file) => file.startsWith("test") === (split === "test"));
    if (names.length === 0) return undefined;
    const batches = await Promise.all(
      names.map(async (file) => ({ place: join(folder, file), bytes: await readUnpacked(join(folder, file)) })),
    );
    return memoryDataset(cifar10Source(`cifar10/${split}`, batches));
  };
  return withTrain("cifar10", folder, await open("train"), await open("test"));
}

function withTrain(name: string, folder: string, train: Dataset | undefined, test: Dataset | undefined): DatasetSplits {
  if (train === undefined)
    throw new VitrineError("NOT_FOUND", {
      rule: `${name} must have training images and labels`,
      evidence: "one of the files is missing",
      place: folder,
    });
  return { train, ...(test ? { test } : {}) };
}
