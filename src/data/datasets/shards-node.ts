/**
 * Data sets in a few large files: WebDataset's tar archives (plain or gzip) and the hub's parquet files. Node only.
 *
 * Plain archives are read where they lie: one pass over their headers finds where each image is. The others are unpacked once into the cache (`pack-node.ts`).
 * So all images can be drawn in any order, by any number of threads, in the memory of one image each.
 */

import { createReadStream } from "node:fs";
import { type FileHandle, open, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createGunzip } from "node:zlib";
import { VitrineError } from "../../errors.ts";
import { systemReason } from "../../files/write-node.ts";
import { classesOf, LabelCollector } from "./class-labels.ts";
import type { Dataset, Skipped, Split } from "./dataset.ts";
import { type PackSample, packOf } from "./pack-node.ts";
import { parquetImages } from "./parquet-node.ts";
import { RecordCollector, type RecordSource } from "./records.ts";
import { recordsDataset } from "./records-node.ts";
import { splits } from "./split-names.ts";
import { type ByteCursor, streamCursor } from "./tar.ts";
import { readSamples } from "./web-dataset.ts";

/** The files of each split. */
export type SplitFiles = Partial<Readonly<Record<Split, readonly string[]>>>;

/** How to open files of images. */
export interface ShardOptions {
  /** Folder for what is unpacked. */
  readonly cache: string;
  /** What to call the data set. */
  readonly name: string;
}

/** As many left-out samples are listed one by one. */
const mostListed = 1000;

/**
 * The data sets of archives and parquet files, all with the same classes: the names in the schema or in a file `classes.txt` beside the first, one a line;
 * else the labels themselves.
 * @throws {VitrineError} NOT_FOUND when a file is missing; INVALID_FILE or UNSAFE_FILE when it is broken or hostile; DATA_PROBLEM without images, labels or two classes.
 */
export async function openShards(files: SplitFiles, options: ShardOptions): Promise<Partial<Record<Split, Dataset>>> {
  const written = new LabelCollector();
  let names = await namesBeside(files);
  const found: {
    split: Split;
    records: RecordCollector;
    opened: string[];
    places: readonly string[];
    skipped: Skipped[];
  }[] = [];
  for (const split of splits) {
    const places = files[split] ?? [];
    const records = new RecordCollector();
    const opened: string[] = [];
    const skipped: Skipped[] = [];
    for (const [number, place] of places.entries()) {
      const add = (start: number, length: number, label: string | undefined, name: string): void => {
        if (label !== undefined) records.add(number, start, length, written.add(label, place), name);
        else if (skipped.length < mostListed) skipped.push({ file: `${place}/${name}`, reason: "no label" });
      };
      const shard = await indexShard(place, options.cache, add);
      opened.push(shard.path);
      if (names && shard.classes && names.join("\n") !== shard.classes.join("\n"))
        throw new VitrineError("DATA_PROBLEM", {
          rule: "all files of a data set must have the same classes",
          evidence: `got ${brief(names)} and ${brief(shard.classes)}`,
          place,
        });
      names ??= shard.classes;
    }
    if (places.length === 0) continue;
    // Where the test labels are kept secret, that part is of no use here.
    if (records.length > 0) found.push({ split, records, opened, places, skipped });
    else if (split === "train" || skipped.length === 0)
      throw new VitrineError("DATA_PROBLEM", {
        rule: "a data set must have images with labels",
        evidence: skipped.length > 0 ? "its images have none" : `no image in ${places.length} files`,
        place: places[0],
        next: "each image needs a label of the same name: 0001.jpg with 0001.cls, .json or .txt",
      });
  }
  const { classes, classOf } = classesOf(written.written, names, options.name);
  const out: Partial<Record<Split, Dataset>> = {};
  for (const { split, records, opened, places, skipped } of found) {
    const source: RecordSource = {
      kind: "records",
      name: found.length > 1 ? `${options.name}/${split}` : options.name,
      classes,
      files: opened,
      places,
      ...records.finish(classOf),
      orientation: "exif",
    };
    out[split] = { ...recordsDataset(source), skipped };
  }
  return out;
}

const brief = (names: readonly string[]): string => `${names.slice(0, 3).join(", ")} … (${names.length})`;

async function namesBeside(files: SplitFiles): Promise<readonly string[] | undefined> {
  const first = splits.flatMap((split) => files[split] ?? [])[0];
  if (first === undefined) return undefined;
  const text = await readFile(join(dirname(first), "classes.txt"), "utf8").catch(() => undefined);
  const names = text?.split(/\r?\n/).map((line) => line.trim());
  return names?.slice(0, names.findLastIndex((name) => name !== "") + 1);
}

/** Finds the images of a file; `add` gets each in turn. Gives the file to read them from, and the classes where a schema names them. */
async function indexShard(
  place: string,
  cache: string,
  add: (start: number, length: number, label: string | undefined, name: string) => void,
): Promise<{ readonly path: string; readonly classes?: readonly string[] | undefined }> {
  const handle = await open(place, "r").catch((cause: NodeJS.ErrnoException) => {
    throw new VitrineError(cause.code === "ENOENT" ? "NOT_FOUND" : "INVALID_FILE", {
      rule: "a file of a data set must be readable",
      evidence: systemReason(cause),
      place,
      cause,
    });
  });
  let kind: "tar" | "gzip" | "parquet";
  try {
    const start = Buffer.alloc(4);
    await handle.read(start, 0, 4, 0);
    kind = start.toString("latin1") === "PAR1" ? "parquet" : start.readUInt16BE(0) === 0x1f8b ? "gzip" : "tar";
    if (kind === "tar") {
      for await (const { start, size, label, name } of readSamples(
        fileCursor(handle, (await handle.stat()).size),
        place,
        false,
      ))
        add(start, size, label, name);
      return { path: place };
    }
  } finally {
    await handle.close();
  }
  const pack = await packOf(place, cache, async () =>
    kind === "parquet" ? parquetImages(place) : { samples: unzippedSamples(place) },
  );
  let start = 0;
  for (const [length, label, name] of pack.images) {
    add(start, length, label < 0 ? undefined : pack.written[label], name);
    start += length;
  }
  return pack;
}

/** A cursor over an open file that passes over bytes without reading them. */
function fileCursor(file: FileHandle, size: number): ByteCursor {
  const buffer = new Uint8Array(2 ** 16);
  let position = 0;
  let held = { start: 0, end: 0 };
  const fill = async (into: Uint8Array, from: number): Promise<number> => {
    let done = 0;
    while (done < into.length) {
      const { bytesRead } = await file.read(into, done, into.length - done, from + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  };
  return {
    get position() {
      return position;
    },
    async read(length) {
      const start = position;
      if (length > buffer.length) {
        // What a header says is no reason to reserve memory that the file cannot fill.
        const there = Math.max(0, Math.min(length, size - start));
        const out = new Uint8Array(there);
        position += await fill(out, start);
        return out.subarray(0, position - start);
      }
      if (start < held.start || start + length > held.end) held = { start, end: start + (await fill(buffer, start)) };
      const out = buffer.subarray(start - held.start, Math.min(start + length, held.end) - held.start);
      position += out.length;
      return out;
    },
    async skip(length) {
      const there = Math.max(0, Math.min(length, size - position));
      position += there;
      return there;
    },
  };
}

/** The samples of an archive in gzip, with the images' bytes. */
async function* unzippedSamples(place: string): AsyncGenerator<PackSample, void, undefined> {
  const packed = createReadStream(place);
  const unpacked = packed.pipe(createGunzip());
  packed.on("error", (error) => unpacked.destroy(error));
  try {
    const limited = limitedChunks(unpacked as AsyncIterable<Uint8Array>, (await stat(place)).size, place);
    for await (const { name, bytes, label } of readSamples(streamCursor(limited), place, true))
      yield { name, bytes: bytes!, label };
  } catch (cause) {
    if (cause instanceof VitrineError) throw cause;
    throw new VitrineError("INVALID_FILE", {
      rule: "an archive in gzip must be whole",
      evidence: (cause as Error).message,
      place,
      next: "copy or download it again",
      cause,
    });
  } finally {
    packed.destroy();
    unpacked.destroy();
  }
}

/** Images hardly shrink under gzip: what grows more than this is made to fill the disk. */
const mostGrowth = 100;

async function* limitedChunks(
  chunks: AsyncIterable<Uint8Array>,
  packedBytes: number,
  place: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  let total = 0;
  for await (const chunk of chunks) {
    total += chunk.length;
    if (total > 2 ** 24 + mostGrowth * packedBytes)
      throw new VitrineError("UNSAFE_FILE", {
        rule: `an archive in gzip may grow at most ${mostGrowth} times`,
        evidence: `${packedBytes} bytes give more than ${total - chunk.length}`,
        place,
      });
    yield chunk;
  }
}
