/** Data sets by name: made here, read from a folder, or fetched once from their publishers into the cache. Node only. */

import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { createGunzip, gunzip } from "node:zlib";
import { VitrineError } from "../../errors.ts";
import { writeCached, writePieces } from "../../files/write-node.ts";
import { type CifarBatch, cifar10Source, cifar100Source } from "./cifar.ts";
import type { Dataset, Split } from "./dataset.ts";
import { type DatasetCache, type DownloadCall, download, type RemoteFile } from "./download-node.ts";
import { idxSource, parseIdx } from "./idx.ts";
import { memoryDataset } from "./memory.ts";
import { readTar, streamCursor } from "./tar.ts";

/** A data set that has a name. */
export interface NamedDataset {
  readonly name: string;
  /** Folders in `--data-dir` that are searched, after itself and one of the set's name. */
  readonly layouts: readonly string[];
  /** The files that are read. */
  readonly pattern: RegExp;
  /** Where its publisher has it. */
  readonly address: string;
  /** Files there, with their checksums. Archives (`.tar.gz`) are unpacked. */
  readonly files: readonly (readonly [file: string, ...checksum: RemoteFile["checksum"]])[];
  /** Reads the splits from a folder; undefined where its files are missing. */
  readonly read: (folder: string, files: readonly string[]) => Promise<Partial<Record<Split, Dataset>>>;
}

/** Where to look for the files of a data set. */
export interface NamedOptions extends DownloadCall {
  /** Folder of the files, or one above it; nothing is fetched then. Default: `data`, then the cache, then the web. */
  readonly dataDir?: string | undefined;
  readonly cache: DatasetCache;
  /** Address to fetch from in place of the publisher's. */
  readonly mirror?: string | undefined;
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
const idxPattern = /^(train|t10k)-(images|labels)[-.]idx[13]-ubyte(\.gz)?$/;

/**
 * The data sets that are files somewhere. Checksums of MNIST and Fashion-MNIST are of the original files, whose MD5 their mirrors publish; those of CIFAR are the
 * MD5 of https://www.cs.toronto.edu/~kriz/cifar.html.
 */
export const namedDatasets: readonly NamedDataset[] = [
  {
    name: "mnist",
    layouts: ["MNIST/raw", "MNIST"],
    pattern: idxPattern,
    // The mirror that torchvision uses; the first publisher's server asks for a password.
    address: "https://ossci-datasets.s3.amazonaws.com/mnist/",
    files: [
      ["train-images-idx3-ubyte.gz", "sha256", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"],
      ["train-labels-idx1-ubyte.gz", "sha256", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"],
      ["t10k-images-idx3-ubyte.gz", "sha256", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"],
      ["t10k-labels-idx1-ubyte.gz", "sha256", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"],
    ],
    read: (folder, files) => readIdx("mnist", digits, folder, files),
  },
  {
    name: "fashion-mnist",
    layouts: ["FashionMNIST/raw", "FashionMNIST"],
    pattern: idxPattern,
    address: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    files: [
      ["train-images-idx3-ubyte.gz", "sha256", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"],
      ["train-labels-idx1-ubyte.gz", "sha256", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"],
      ["t10k-images-idx3-ubyte.gz", "sha256", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"],
      ["t10k-labels-idx1-ubyte.gz", "sha256", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"],
    ],
    read: (folder, files) => readIdx("fashion-mnist", garments, folder, files),
  },
  {
    name: "cifar10",
    layouts: ["cifar-10-batches-bin"],
    pattern: /^(data_batch|train|test).*\.bin(\.gz)?$/,
    address: "https://www.cs.toronto.edu/~kriz/",
    files: [["cifar-10-binary.tar.gz", "md5", "c32a1d4ab5d03f1284b67883e8d87530"]],
    read: (folder, files) =>
      readCifar(folder, files, async (split, batches) => cifar10Source(`cifar10/${split}`, batches)),
  },
  {
    name: "cifar100",
    layouts: ["cifar-100-binary"],
    pattern: /^(train|test)\.bin(\.gz)?$/,
    address: "https://www.cs.toronto.edu/~kriz/",
    files: [["cifar-100-binary.tar.gz", "md5", "03b5dce01913d631647c71ecec9e9cb8"]],
    read: async (folder, files) => {
      const list = join(folder, "fine_label_names.txt");
      const text = await readFile(list, "utf8").catch((cause: Error) => {
        throw new VitrineError("NOT_FOUND", {
          rule: "the class names of cifar100 must be beside its images",
          place: list,
          cause,
        });
      });
      const classes = text.split(/\r?\n/).filter((name) => name.trim() !== "");
      return readCifar(folder, files, async (split, batches) => cifar100Source(`cifar100/${split}`, classes, batches));
    },
  },
];

/**
 * Opens a named data set.
 * @throws {VitrineError} NOT_FOUND when `dataDir` has not its files, or offline; DOWNLOAD_FAILURE when they cannot be fetched, saying which files to put where;
 * INVALID_FILE when they are broken; STORAGE_FAILURE when the disk refuses.
 */
export async function openNamed(
  set: NamedDataset,
  options: NamedOptions,
): Promise<Partial<Record<Split, Dataset>> & { readonly train: Dataset }> {
  const { name } = set;
  const kept = join(options.cache.folder, "datasets", name);
  let found = await search(set, options.dataDir ?? "data");
  if (!found && options.dataDir !== undefined)
    throw new VitrineError("NOT_FOUND", {
      rule: `the files of ${name} must be in --data-dir or a folder ${[name, ...set.layouts].join(" or ")} in it`,
      evidence: "found none",
      place: options.dataDir,
      next: `put ${fileNames(set)} there (from ${set.address}), or leave out --data-dir to have them fetched`,
    });
  if (!found) {
    await fetchNamed(set, kept, options);
    found = await search(set, kept);
  }
  const folder = found?.folder ?? kept;
  const { train, ...others } = await set.read(folder, found?.files ?? []);
  if (train === undefined)
    throw new VitrineError("NOT_FOUND", {
      rule: `${name} must have training images and labels`,
      evidence: "one of the files is missing",
      place: folder,
    });
  return { train, ...others };
}

const fileNames = ({ files }: NamedDataset): string => files.map(([file]) => file).join(", ");

/** The first of the folders that has files of a data set. */
async function search(
  { name, layouts, pattern }: NamedDataset,
  root: string,
): Promise<{ readonly folder: string; readonly files: readonly string[] } | undefined> {
  for (const folder of [root, ...[name, ...layouts].map((sub) => join(root, sub))]) {
    const files = (await readdir(folder).catch(() => [])).filter((file) => pattern.test(file)).sort();
    if (files.length > 0) return { folder, files };
  }
  return undefined;
}

/** Fetches the files of a data set, and unpacks its archives. What is there already stays. */
async function fetchNamed(set: NamedDataset, folder: string, options: NamedOptions): Promise<void> {
  const { address, name } = set;
  const byHand = `put ${fileNames(set)} into a folder (from ${address}) and give it by --data-dir`;
  const base = options.mirror ?? address;
  for (const [file, ...checksum] of set.files) {
    const archive = /^(.*)\.tar\.gz$/.exec(file);
    const path = join(folder, file);
    const unpacked = join(folder, set.layouts[0]!);
    if (await stat(archive ? unpacked : path).catch(() => undefined)) continue;
    if (options.cache.offline)
      throw new VitrineError("NOT_FOUND", {
        rule: `offline, ${name} must be in the cache`,
        evidence: `${file} is not`,
        place: folder,
        next: `go online once (unset HF_HUB_OFFLINE), or ${byHand}`,
      });
    try {
      await download({ url: new URL(file, base).href, checksum }, path, options);
    } catch (error) {
      if (!(error instanceof VitrineError) || error.code !== "DOWNLOAD_FAILURE") throw error;
      const { next } = error.fields;
      throw new VitrineError("DOWNLOAD_FAILURE", {
        ...error.fields,
        next: next === undefined ? byHand : `${next}, or ${byHand}`,
      });
    }
    if (archive) {
      await unpack(path, unpacked);
      await rm(path);
    }
  }
}

/** Writes the files of an archive into one folder, which has its name only when all are there; folders within are left out. */
async function unpack(path: string, folder: string): Promise<void> {
  const temporary = `${folder}.${process.pid}-${randomBytes(4).toString("hex")}.tmp`;
  try {
    await mkdir(temporary, { recursive: true });
    const source = createReadStream(path);
    const chunks = source.pipe(createGunzip()) as AsyncIterable<Uint8Array>;
    for await (const entry of readTar(streamCursor(chunks), path)) {
      const bytes = await entry.read();
      await writeCached(join(temporary, basename(entry.name)), (file) => writePieces(file, [bytes]));
    }
    await rename(temporary, folder);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** More than this is no file of these data sets (the largest, CIFAR-100's training images, has 154 MB). */
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

async function readIdx(
  name: string,
  classes: readonly string[],
  folder: string,
  files: readonly string[],
): Promise<Partial<Record<Split, Dataset>>> {
  const out: Partial<Record<Split, Dataset>> = {};
  for (const [prefix, split] of [
    ["train", "train"],
    ["t10k", "test"],
  ] as const) {
    const part = async (kind: "images" | "labels"): Promise<CifarBatch | undefined> => {
      const file = files.find((candidate) => candidate.startsWith(`${prefix}-${kind}`));
      return file === undefined ? file : { place: join(folder, file), bytes: await readUnpacked(join(folder, file)) };
    };
    const [images, labels] = [await part("images"), await part("labels")];
    if (!images || !labels) continue;
    const [pictures, numbers] = [parseIdx(images.bytes, images.place), parseIdx(labels.bytes, labels.place)];
    out[split] = memoryDataset(idxSource(`${name}/${split}`, classes, pictures, numbers, images.place));
  }
  return out;
}

async function readCifar(
  folder: string,
  files: readonly string[],
  source: (split: Split, batches: readonly CifarBatch[]) => Promise<Parameters<typeof memoryDataset>[0]>,
): Promise<Partial<Record<Split, Dataset>>> {
  const out: Partial<Record<Split, Dataset>> = {};
  for (const split of ["train", "test"] as const) {
    const names = files.filter((file) => file.startsWith("test") === (split === "test"));
    if (names.length === 0) continue;
    const batches = await Promise.all(
      names.map(async (file) => ({ place: join(folder, file), bytes: await readUnpacked(join(folder, file)) })),
    );
    out[split] = memoryDataset(await source(split, batches));
  }
  return out;
}
