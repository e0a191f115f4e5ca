/**
 * Decoded images, kept so that later epochs do not decode them again.
 *
 * What is kept is what random changes begin with: the decoded image, made smaller where the rules say so (`presize`); and where a plan has no random changes,
 * the resized and cropped one. So batches are the same with and without a store. Nothing is replaced: when there is no more room, the rest is decoded each time,
 * which for orders at random is as good as any rule.
 */

import { VitrineError } from "../errors.ts";
import type { Origin } from "./datasets/dataset.ts";
import { sharedBytes } from "./datasets/memory.ts";
import type { Channels, Image } from "./image.ts";

/** Where images are kept, and how many bytes of them. */
export interface ImageStoreOptions {
  /** Room for decoded images, in bytes; 3 for each pixel. */
  readonly bytes: number;
  /** Folder on disk, to keep them beyond the end of the program. Without it, they are in memory, shared by all threads. */
  readonly folder?: string | undefined;
}

/** Keeps decoded images. */
export interface ImageStore {
  /** The image at `index` of the data set, kept or else made; one whose file has changed is made anew. */
  get(index: number, origin: Origin, make: () => Promise<Image>): Promise<Image>;
}

/** A store in memory that all threads share. */
export interface MemoryStoreSource {
  readonly kind: "memory";
  readonly pixels: Uint8Array;
  /** Next free byte, in units of `grain`. */
  readonly next: Int32Array;
  /** For each image: state, start in units of `grain`, height, width, channels. */
  readonly entries: Int32Array;
  /** For each image: size and time of the file it was made of. */
  readonly origins: Float64Array;
}

const grain = 64;
const fields = 5;
const [absent, writing, present, noRoom] = [0, 1, 2, 3];
/** What a typed array may hold on every platform. */
const mostBytes = 2 ** 32 - grain;

/**
 * Room for images in memory; the system gives it out as it is used.
 * @throws {VitrineError} INVALID_ARGUMENT beyond 4 GiB.
 */
export function memoryStore(length: number, bytes: number): MemoryStoreSource {
  if (!Number.isInteger(bytes) || bytes < 0 || bytes > mostBytes)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "images in memory may have 0 to 4 GiB",
      evidence: `got ${bytes} bytes`,
      next: "keep more of them in a folder",
    });
  return {
    kind: "memory",
    pixels: sharedBytes(bytes),
    next: new Int32Array(sharedBytes(4).buffer),
    entries: new Int32Array(sharedBytes(4 * fields * length).buffer),
    origins: new Float64Array(sharedBytes(16 * length).buffer),
  };
}

/** The store of a source, in whatever thread. */
export function openMemoryStore({ pixels, next, entries, origins }: MemoryStoreSource): ImageStore {
  /** The start of `length` free bytes, in units of `grain`; undefined without room. */
  const reserve = (length: number): number | undefined => {
    const units = Math.ceil(length / grain);
    for (;;) {
      const start = Atomics.load(next, 0);
      if ((start + units) * grain > pixels.length) return undefined;
      if (Atomics.compareExchange(next, 0, start, start + units) === start) return start;
    }
  };
  return {
    async get(index, { bytes, modified }, make) {
      const at = fields * index;
      if (
        Atomics.load(entries, at) === present &&
        origins[2 * index] === bytes &&
        origins[2 * index + 1] === modified
      ) {
        const [start, height, width, channels] = entries.subarray(at + 1, at + fields) as unknown as [
          number,
          number,
          number,
          Channels,
        ];
        const first = start * grain;
        return { width, height, channels, data: pixels.subarray(first, first + width * height * channels) };
      }
      const image = await make();
      if (Atomics.compareExchange(entries, at, absent, writing) !== absent) return image;
      const start = reserve(image.data.length);
      if (start === undefined) {
        Atomics.store(entries, at, noRoom);
        return image;
      }
      pixels.set(image.data, start * grain);
      entries.set([start, image.height, image.width, image.channels], at + 1);
      origins.set([bytes, modified], 2 * index);
      // Written last: whoever sees it sees all the rest.
      Atomics.store(entries, at, present);
      return image;
    },
  };
}
