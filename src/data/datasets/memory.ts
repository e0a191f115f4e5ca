/** Images held in memory, in one block that all threads share. */

import type { Channels, Image } from "../image.ts";
import type { Dataset } from "./dataset.ts";

/** Pixels of all images one after the other, each [height, width, channels]. */
export interface MemorySource {
  readonly kind: "memory";
  readonly name: string;
  readonly classes: readonly string[];
  readonly labels: Uint16Array;
  readonly channels: Channels;
  /** Height and width of each image in turn, or of all images where there is only one pair. */
  readonly sizes: Uint16Array;
  /** Where each image starts in `pixels`, in bytes; only where their sizes differ. */
  readonly starts?: Float64Array;
  readonly pixels: Uint8Array;
  /** The file of each image, where there was one. */
  readonly files?: readonly string[];
}

/** Bytes that worker threads see without a copy, where the platform allows it. */
export function sharedBytes(length: number): Uint8Array {
  return new Uint8Array(
    typeof SharedArrayBuffer === "undefined" ? new ArrayBuffer(length) : new SharedArrayBuffer(length),
  );
}

/** The data set of a block of pixels. Its images are views of the block, not copies. */
export function memoryDataset(source: MemorySource): Dataset {
  const { name, classes, labels, channels, sizes, starts, pixels, files } = source;
  const read = (index: number): Image => {
    const [height, width] = starts ? [sizes[2 * index]!, sizes[2 * index + 1]!] : [sizes[0]!, sizes[1]!];
    const length = height * width * channels;
    const start = starts ? starts[index]! : index * length;
    return { width, height, channels, data: pixels.subarray(start, start + length) };
  };
  return {
    name,
    classes,
    length: labels.length,
    source,
    labelOf: (index) => labels[index]!,
    get: async (index) => ({ image: read(index), label: labels[index]!, file: files?.[index] }),
  };
}

/**
 * The same data set with all images decoded into memory, for small sets of files that are read many times.
 * @param onBadFile - called for each image that cannot be read, which is then left out.
 */
export async function holdInMemory(dataset: Dataset, onBadFile: (error: unknown) => void): Promise<Dataset> {
  const images: Image[] = [];
  const labels: number[] = [];
  const files: string[] = [];
  for (let index = 0; index < dataset.length; index++)
    try {
      const sample = await dataset.get(index);
      images.push(sample.image);
      labels.push(sample.label);
      files.push(sample.file ?? "");
    } catch (error) {
      onBadFile(error);
    }
  const starts = new Float64Array(images.length);
  let total = 0;
  images.forEach((image, i) => {
    starts[i] = total;
    total += image.data.length;
  });
  const pixels = sharedBytes(total);
  images.forEach((image, i) => {
    pixels.set(image.data, starts[i]!);
  });
  return memoryDataset({
    kind: "memory",
    name: dataset.name,
    classes: dataset.classes,
    labels: Uint16Array.from(labels),
    channels: images[0]?.channels ?? 3,
    sizes: Uint16Array.from(images.flatMap((image) => [image.height, image.width])),
    starts,
    pixels,
    files,
  });
}
