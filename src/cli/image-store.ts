/** `--store`: where decoded pictures are kept for later epochs. */

import { mkdir, statfs } from "node:fs/promises";
import { totalmem } from "node:os";
import { join, resolve } from "node:path";
import type { ImageStoreOptions } from "../data/loader-store.ts";
import { VitrineError } from "../errors.ts";
import { systemReason } from "../files/write-node.ts";

/** Where each part of the data is kept. */
export interface ImageStores {
  readonly train: ImageStoreOptions;
  readonly validation: ImageStoreOptions;
}

/** The most that memory of one store may have. */
const mostInMemory = 4_000_000_000;
const mostOnDisk = 2 ** 40;

/**
 * The stores of a run, undefined for `none`: a quarter of the machine's memory for `memory`, else half of what is free where the folder is; nine tenths of
 * it for the training images.
 * @throws {VitrineError} STORAGE_FAILURE when the folder cannot be made.
 */
export async function imageStores(where: string): Promise<ImageStores | undefined> {
  if (where === "none") return undefined;
  const part = (all: number, most: number, share: number): number => Math.floor(Math.min(most, all * share));
  if (where === "memory") {
    const room = totalmem() / 4;
    return { train: { bytes: part(room, mostInMemory, 0.9) }, validation: { bytes: part(room, mostInMemory, 0.1) } };
  }
  const folder = resolve(where);
  try {
    await mkdir(folder, { recursive: true });
    const { bavail, bsize } = await statfs(folder);
    const room = (bavail * bsize) / 2;
    // Apart, so that neither makes room for itself among the other's images.
    return {
      train: { bytes: part(room, mostOnDisk, 0.9), folder: join(folder, "train") },
      validation: { bytes: part(room, mostOnDisk, 0.1), folder: join(folder, "validation") },
    };
  } catch (cause) {
    throw new VitrineError("STORAGE_FAILURE", {
      rule: "--store must be memory, none, or a folder that can be written to",
      evidence: systemReason(cause),
      place: folder,
      cause,
    });
  }
}
