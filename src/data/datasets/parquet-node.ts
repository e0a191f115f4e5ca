/**
 * Parquet as the Hugging Face hub keeps data sets of images: a column of images (`bytes` and `path`) and one of labels, with the class names in the metadata of the schema.
 *
 * Reference: `datasets/features` (`Image`, `ClassLabel`) of Hugging Face datasets 5; the file format itself is hyparquet's matter.
 */

import { open } from "node:fs/promises";
import type { AsyncBuffer, FileMetaData, SchemaElement } from "hyparquet";
import { VitrineError } from "../../errors.ts";
import { imageColumns, labelColumns, pickColumn } from "./columns.ts";
import type { PackSample } from "./pack-node.ts";

/** Row groups are read whole; larger ones are refused (the hub's have about 100 images). */
const largestGroup = 2 ** 31 - 1;
/** Metadata of a file; larger is no data set of images. */
const largestFooter = 256 * 2 ** 20;

/** A file's images and the names of its classes. */
export interface ParquetImages {
  readonly classes: readonly string[] | undefined;
  /** The rows in order, with the memory of one row group. */
  readonly samples: AsyncIterable<PackSample>;
}

/** The feature types that matter here, as `datasets` writes them. */
interface Features {
  readonly [column: string]: { readonly _type?: string; readonly names?: readonly string[] } | undefined;
}

/**
 * The images of a parquet file.
 * @throws {VitrineError} INVALID_FILE when the file is broken; UNSAFE_FILE for row groups beyond 2 GiB; DATA_PROBLEM without a column of images or of labels.
 */
export async function parquetImages(path: string): Promise<ParquetImages> {
  const [{ parquetMetadataAsync }, { compressors }] = await Promise.all([
    import("hyparquet"),
    import("hyparquet-compressors"),
  ]);
  const file = await openBuffer(path);
  let metadata: FileMetaData;
  try {
    const tail = new DataView(await file.slice(Math.max(0, file.byteLength - 8)));
    // Without this check, the length that the file says would be reserved first.
    if (tail.byteLength === 8 && tail.getUint32(0, true) > largestFooter)
      throw broken(path, `its metadata have ${tail.getUint32(0, true)} bytes`);
    metadata = await parquetMetadataAsync(file);
  } catch (cause) {
    await file.close();
    throw cause instanceof VitrineError ? cause : broken(path, (cause as Error).message, cause);
  }
  try {
    const { image, label, classes } = columnsOf(metadata, path);
    for (const [number, group] of metadata.row_groups.entries()) {
      const size = Number(group.total_byte_size);
      if (size > largestGroup || size < 0)
        throw new VitrineError("UNSAFE_FILE", {
          rule: `a row group may have at most ${largestGroup} bytes`,
          evidence: `number ${number} has ${size}`,
          place: path,
          next: "write it with fewer rows in a group",
        });
    }
    return { classes, samples: rows(path, file, metadata, compressors, image, label, classes) };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function* rows(
  path: string,
  file: OpenBuffer,
  metadata: FileMetaData,
  compressors: typeof import("hyparquet-compressors")["compressors"],
  image: string,
  label: string,
  classes: readonly string[] | undefined,
): AsyncGenerator<PackSample, void, undefined> {
  const { parquetReadObjects } = await import("hyparquet");
  try {
    let rowStart = 0;
    for (const group of metadata.row_groups) {
      const rowEnd = rowStart + Number(group.num_rows);
      const objects = await parquetReadObjects({
        file,
        metadata,
        columns: [image, label],
        rowStart,
        rowEnd,
        utf8: false,
        compressors,
      }).catch((cause: Error) => {
        throw broken(path, cause.message, cause);
      });
      if (objects.length !== rowEnd - rowStart)
        throw broken(path, `rows ${rowStart} to ${rowEnd} are ${objects.length} rows`);
      for (const [i, row] of objects.entries()) {
        const number = rowStart + i;
        const { bytes, name } = imageOf(row[image], path, number);
        yield { name: `${number}${name === undefined ? "" : `:${name}`}`, bytes, label: labelOf(row[label], number) };
      }
      rowStart = rowEnd;
    }
  } finally {
    await file.close();
  }

  function labelOf(value: unknown, row: number): string | undefined {
    if (value === null || value === undefined) return undefined;
    if (value instanceof Uint8Array) return new TextDecoder().decode(value);
    if (typeof value === "string") return value;
    const number = Number(value);
    // The hub writes -1 where test labels are kept secret.
    if (number === -1) return undefined;
    if (!Number.isInteger(number) || number < 0)
      throw problem("a label must be a class name or number", `row ${row} has ${String(value)}`, path);
    if (classes === undefined) return String(number);
    if (number >= classes.length)
      throw problem(`labels must be below the number of classes, ${classes.length}`, `row ${row} has ${number}`, path);
    return classes[number];
  }
}

function imageOf(value: unknown, path: string, row: number): { bytes: Uint8Array; name: string | undefined } {
  if (value instanceof Uint8Array) return { bytes: value, name: undefined };
  if (typeof value === "object" && value !== null) {
    const { bytes, path: name } = value as { bytes?: unknown; path?: unknown };
    if (bytes instanceof Uint8Array) return { bytes, name: typeof name === "string" ? name : undefined };
    if (typeof name === "string")
      throw problem(
        "images must be in the file itself",
        `row ${row} only names ${name}`,
        path,
        "give the folder of images, or a file as `push_to_hub` writes it",
      );
  }
  // A row without an image is an image that cannot be read, named with the others when its turn comes.
  return { bytes: new Uint8Array(0), name: undefined };
}

/** Columns of images and labels: by the types that `datasets` notes in the schema, else by their names. */
function columnsOf(
  metadata: FileMetaData,
  path: string,
): { readonly image: string; readonly label: string; readonly classes: readonly string[] | undefined } {
  const columns = topColumns(metadata.schema);
  const features = featuresOf(metadata, path);
  const ofType = (type: string): readonly string[] =>
    columns.filter((column) => Object.hasOwn(features, column) && features[column]?._type === type);
  const one = (candidates: readonly string[], wanted: readonly string[]): string | undefined =>
    pickColumn(candidates, wanted) ?? candidates[0];
  const image = one(ofType("Image"), imageColumns) ?? pickColumn(columns, imageColumns);
  const label = one(ofType("ClassLabel"), labelColumns) ?? pickColumn(columns, labelColumns);
  const missing = (what: string, wanted: readonly string[]): VitrineError =>
    problem(`there must be a column of ${what}`, `got ${columns.join(", ")}`, path, `call it ${wanted[0]}`);
  if (image === undefined) throw missing("images", imageColumns);
  if (label === undefined) throw missing("labels", labelColumns);
  const names = Object.hasOwn(features, label) ? features[label]?.names : undefined;
  if (names !== undefined && !(Array.isArray(names) && names.every((name) => typeof name === "string")))
    throw broken(path, `the names of ${label} are no list of texts`);
  return { image, label, classes: names };
}

function featuresOf(metadata: FileMetaData, path: string): Features {
  const text = metadata.key_value_metadata?.find(({ key }) => key === "huggingface")?.value;
  if (text === undefined) return {};
  try {
    const noted = JSON.parse(text) as { info?: { features?: Features } } | null;
    return noted?.info?.features ?? {};
  } catch (cause) {
    throw broken(path, "what `datasets` notes in the schema is no JSON", cause);
  }
}

/** Names of the columns, of which some are groups of others. */
function topColumns(schema: readonly SchemaElement[]): readonly string[] {
  const names: string[] = [];
  // Depth first: the children of an element follow it.
  const pass = (at: number): number => {
    let next = at + 1;
    for (let child = 0; child < (schema[at]?.num_children ?? 0); child++) next = pass(next);
    return next;
  };
  for (let at = 1; at < schema.length; at = pass(at)) names.push(schema[at]!.name);
  return names;
}

interface OpenBuffer extends AsyncBuffer {
  close(): Promise<void>;
}

async function openBuffer(path: string): Promise<OpenBuffer> {
  const handle = await open(path, "r");
  const { size } = await handle.stat();
  return {
    byteLength: size,
    async slice(start, end = size) {
      const out = new Uint8Array(Math.max(0, Math.min(end, size) - start));
      for (let done = 0; done < out.length; ) {
        const { bytesRead } = await handle.read(out, done, out.length - done, start + done);
        if (bytesRead === 0) throw broken(path, `it ends at byte ${start + done}`);
        done += bytesRead;
      }
      return out.buffer;
    },
    close: () => handle.close(),
  };
}

function broken(place: string, evidence: string, cause?: unknown): VitrineError {
  return new VitrineError("INVALID_FILE", {
    rule: "a parquet file must be whole and valid",
    evidence,
    place,
    next: "copy or download it again",
    cause,
  });
}

function problem(rule: string, evidence: string, place: string, next?: string): VitrineError {
  return new VitrineError("DATA_PROBLEM", { rule, evidence, place, next });
}
