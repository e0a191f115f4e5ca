/** What a data set of labelled images is, wherever its pixels come from. */

import type { Image } from "../image.ts";
import type { FolderSource } from "./folder-node.ts";
import type { MemorySource } from "./memory.ts";
import type { RecordSource } from "./records.ts";
import type { ShapesSource } from "./shapes.ts";
import type { SubsetSource } from "./subset.ts";

/** One labelled image. */
export interface Sample {
  readonly image: Image;
  /** Index into the data set's classes. */
  readonly label: number;
  /** The file it came from; absent where the data set is not made of image files. */
  readonly file?: string | undefined;
}

/** Where an image comes from, and what changes when its file does. */
export interface Origin {
  /** What people call it: a file, or a file and the name within. */
  readonly file: string;
  /** Size of the file. */
  readonly bytes: number;
  /** Time of its last change, in milliseconds since 1970. */
  readonly modified: number;
  /** Whether it is turned as its orientation tag says. */
  readonly orientation: "exif" | "ignore";
}

/** A file or folder that was left out, and why. */
export interface Skipped {
  readonly file: string;
  readonly reason: string;
}

/** Labelled images that can be read in any order. */
export interface Dataset {
  /** For people: `hymenoptera/train`, `mnist`. */
  readonly name: string;
  /** Class names; a label is an index into them. */
  readonly classes: readonly string[];
  /** Number of images. */
  readonly length: number;
  /**
   * The image at `index`, 0 ≤ index < length.
   * @throws {VitrineError} INVALID_FILE, UNSAFE_FILE or NOT_FOUND, naming the file, when it cannot be read.
   */
  get(index: number): Promise<Sample>;
  /** The label at `index`, without reading the image. */
  labelOf(index: number): number;
  /** Where the image at `index` comes from; absent where images are made or held in memory, so that keeping them would save nothing. */
  originOf?(index: number): Promise<Origin>;
  /** What was left out when it was opened. */
  readonly skipped?: readonly Skipped[];
  /** Plain data from which a worker thread opens the same data set again. */
  readonly source: DatasetSource;
}

/** All that can be sent to a worker thread. */
export type DatasetSource = FolderSource | MemorySource | RecordSource | ShapesSource | SubsetSource;

/** Parts of a data set: to learn from, to choose by, to report on. */
export type Split = "train" | "validation" | "test";
