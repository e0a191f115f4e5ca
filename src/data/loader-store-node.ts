/** Decoded images on disk, one file each, written whole or not at all. Node only. */

import { createHash } from "node:crypto";
import { mkdir, open, readdir, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { VitrineError } from "../errors.ts";
import { systemReason, writeCached, writePieces } from "../files/write-node.ts";
import type { Dataset, Origin } from "./datasets/dataset.ts";
import { sharedBytes } from "./datasets/memory.ts";
import type { Channels, Image } from "./image.ts";
import type { BatchPlan } from "./loader-batch.ts";
import {
  type ImageStore,
  type ImageStoreOptions,
  type MemoryStoreSource,
  memoryStore,
  openMemoryStore,
} from "./loader-store.ts";

/** A store on disk, as all threads see it. */
export interface DiskStoreSource {
  readonly kind: "disk";
  readonly folder: string;
  /** Kibibytes that may be there, and those that are. */
  readonly limit: number;
  readonly used: Int32Array;
}

/** All that a thread needs to open a store. */
export type ImageStoreSource = MemoryStoreSource | DiskStoreSource;

const version = 1;
const headerBytes = 16;
const kibibytes = (bytes: number): number => Math.ceil(bytes / 1024);
const entryPattern = /^[0-9a-f]{32}\.pixels$/;
/** A temporary file is older than this only if its writer is dead. */
const staleMs = 24 * 3600 * 1000;

/**
 * Makes the store of a loader, or undefined where the data set's images need no decoding.
 *
 * On disk, the images of each data set and preprocessing have a folder within `options.folder`. Before more are written, those of other data sets are removed, the
 * ones opened longest ago first, until they take at most half of the room.
 * @throws {VitrineError} INVALID_ARGUMENT for impossible sizes; STORAGE_FAILURE when the folder cannot be made.
 */
export async function makeImageStore(
  dataset: Dataset,
  plan: BatchPlan,
  options: ImageStoreOptions,
): Promise<ImageStoreSource | undefined> {
  if (dataset.originOf === undefined) return undefined;
  const { preprocessing, augmentation } = plan;
  const { inputSize } = preprocessing;
  if (options.folder === undefined) {
    const enough = dataset.length * (inputSize[0] * usualPixels(plan) + 64);
    return memoryStore(dataset.length, Math.min(options.bytes, enough));
  }
  if (!Number.isInteger(options.bytes) || options.bytes < 0 || options.bytes > 2 ** 40)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "images on disk may have 0 to 1 TiB",
      evidence: `got ${options.bytes} bytes`,
    });
  const transform = augmentation ? ["decoded", inputSize[0], augmentation.presize] : preprocessing;
  const name = hashOf([version, dataset.name, dataset.length, dataset.classes, transform]);
  const folder = join(options.folder, name);
  try {
    await mkdir(folder, { recursive: true });
    const now = new Date();
    await utimes(folder, now, now);
  } catch (cause) {
    throw new VitrineError("STORAGE_FAILURE", {
      rule: "the folder for decoded images must be writable",
      evidence: systemReason(cause),
      place: folder,
      cause,
    });
  }
  const limit = kibibytes(options.bytes);
  const others = await makeRoom(options.folder, name, limit / 2);
  const used = new Int32Array(sharedBytes(4).buffer);
  used[0] = others + (await tidy(folder));
  return { kind: "disk", folder, limit, used };
}

/** Pixels that an image to be kept has at most, but for panoramas. */
function usualPixels({ preprocessing, augmentation }: BatchPlan): number {
  if (augmentation === undefined) return preprocessing.inputSize[1] * preprocessing.inputSize[2];
  return augmentation.presize === undefined ? Number.POSITIVE_INFINITY : 2 * augmentation.presize ** 2;
}

/** Opens a store in this thread. */
export function openImageStore(source: ImageStoreSource): ImageStore {
  return source.kind === "memory" ? openMemoryStore(source) : openDiskStore(source);
}

function hashOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 32);
}

/** Kibibytes of a folder's images, after files of dead writers are removed. */
async function tidy(folder: string): Promise<number> {
  let total = 0;
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (!found) continue;
    if (entryPattern.test(name)) total += kibibytes(found.size);
    else if (name.endsWith(".tmp") && Date.now() - found.mtimeMs > staleMs) await rm(path, { force: true });
  }
  return total;
}

/** Removes folders of other data sets until they take at most `limit` kibibytes; gives what they take. */
async function makeRoom(root: string, own: string, limit: number): Promise<number> {
  const folders: { readonly path: string; readonly opened: number; readonly size: number }[] = [];
  for (const name of await readdir(root)) {
    // Nothing that is not ours is touched.
    if (name === own || !/^[0-9a-f]{32}$/.test(name)) continue;
    const path = join(root, name);
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory()) folders.push({ path, opened: found.mtimeMs, size: await tidy(path) });
  }
  folders.sort((a, b) => b.opened - a.opened);
  let total = 0;
  for (const { path, size } of folders)
    if (total + size <= limit) total += size;
    else await rm(path, { recursive: true, force: true });
  return total;
}

function openDiskStore({ folder, limit, used }: DiskStoreSource): ImageStore {
  const pathOf = ({ file, bytes, modified, orientation }: Origin): string =>
    join(folder, `${hashOf([file, bytes, modified, orientation])}.pixels`);
  return {
    async get(_, origin, make) {
      const path = pathOf(origin);
      const known = await readImage(path);
      if (known) return known;
      const image = await make();
      const size = kibibytes(headerBytes + image.data.length);
      if (Atomics.add(used, 0, size) + size > limit) {
        Atomics.sub(used, 0, size);
        return image;
      }
      const header = new DataView(new ArrayBuffer(headerBytes));
      for (const [i, value] of [image.width, image.height, image.channels, version].entries())
        header.setUint32(4 * i, value, true);
      try {
        await writeCached(path, (file) => writePieces(file, [new Uint8Array(header.buffer), image.data]));
      } catch (error) {
        if (!(error instanceof VitrineError) || error.code !== "STORAGE_FAILURE") throw error;
        // A full disk is no reason to end a training that needs nothing from it: from here on, images are decoded each time.
        Atomics.store(used, 0, limit);
      }
      return image;
    },
  };
}

/** The image in a file, or undefined where there is none that is whole. */
async function readImage(path: string): Promise<Image | undefined> {
  const file = await open(path, "r").catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat();
    if (size < headerBytes || size > 2 ** 31) return undefined;
    const bytes = new Uint8Array(size);
    for (let done = 0; done < size; ) {
      const { bytesRead } = await file.read(bytes, done, size - done, done);
      if (bytesRead === 0) return undefined;
      done += bytesRead;
    }
    const header = new DataView(bytes.buffer);
    const [width, height, channels, written] = [0, 4, 8, 12].map((at) => header.getUint32(at, true)) as [
      number,
      number,
      Channels,
      number,
    ];
    if (written !== version || size !== headerBytes + width * height * channels) return undefined;
    return { width, height, channels, data: bytes.subarray(headerBytes) };
  } finally {
    await file.close();
  }
}
