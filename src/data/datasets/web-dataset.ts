/**
 * WebDataset: samples in tar archives, each a run of files whose names agree up to the first dot: `0001.jpg`, `0001.cls`.
 *
 * Reference: github.com/webdataset/webdataset, `tariterators.py` (`base_plus_ext`, `group_by_keys`).
 */

import { VitrineError } from "../../errors.ts";
import { imageExtensions } from "../image-format.ts";
import { labelColumns, pickColumn } from "./columns.ts";
import { type ByteCursor, readTar, type TarEntry } from "./tar.ts";

/** One image of an archive with what is said of it. */
export interface WebSample {
  /** Name up to the first dot of its last part. */
  readonly key: string;
  /** Name of the image within the archive. */
  readonly name: string;
  /** Number of bytes of the image file. */
  readonly size: number;
  /** Where the image file begins in the archive. */
  readonly start: number;
  /** The image file, where it was asked for. */
  readonly bytes?: Uint8Array | undefined;
  /** Class name or number as it is written there; undefined where nothing says it. */
  readonly label: string | undefined;
}

/** Where labels are looked for, in this order. */
const labelEndings = ["cls", "json", "txt"] as const;
/** A label has no need of more. */
const longestLabel = 2 ** 20;

/** Key and ending of a name, as WebDataset parts them; undefined where it has no ending. */
export function keyAndEnding(name: string): readonly [key: string, ending: string] | undefined {
  const match = /^((?:.*\/)?[^/.]+)\.([^/]*)$/.exec(name);
  return match ? [match[1]!, match[2]!.toLowerCase()] : undefined;
}

/**
 * The samples of an archive that have an image, in order, with the memory of one of them.
 * @param read - whether the images' bytes are wanted; otherwise they are passed over.
 * @throws {VitrineError} what `readTar` throws; INVALID_FILE for a sample with two images or two files of one ending, and for labels that cannot be read.
 */
export async function* readSamples(
  cursor: ByteCursor,
  place: string,
  read: boolean,
): AsyncGenerator<WebSample, void, undefined> {
  let key: string | undefined;
  let image: Omit<WebSample, "label" | "key"> | undefined;
  let labels = new Map<string, string | undefined>();
  const finished = (): WebSample | undefined => {
    if (key === undefined || image === undefined) return undefined;
    const ending = labelEndings.find((candidate) => labels.has(candidate));
    return { key, ...image, label: ending === undefined ? undefined : labels.get(ending) };
  };
  for await (const entry of readTar(cursor, place)) {
    const parts = keyAndEnding(entry.name);
    // What hides itself, such as `._0001.jpg` of macOS and `__MACOSX`, is no sample.
    if (parts === undefined || /(^|\/)(\.|__)/.test(entry.name.replace(/^\.\//, ""))) continue;
    const [entryKey, ending] = parts;
    if (entryKey !== key) {
      const sample = finished();
      if (sample) yield sample;
      [key, image, labels] = [entryKey, undefined, new Map()];
    }
    if (imageExtensions.includes(`.${ending}`)) {
      if (image) throw twice(entryKey, [image.name, entry.name], place);
      const { name, size, start } = entry;
      // Copied: the cursor may hold a larger block that should not stay.
      image = { name, size, start, bytes: read ? Uint8Array.from(await entry.read()) : undefined };
    } else if ((labelEndings as readonly string[]).includes(ending)) {
      if (labels.has(ending)) throw twice(entryKey, [entry.name, entry.name], place);
      labels.set(ending, await readLabel(entry, ending, place));
    }
  }
  const sample = finished();
  if (sample) yield sample;
}

async function readLabel(entry: TarEntry, ending: string, place: string): Promise<string | undefined> {
  const wrong = (rule: string, evidence: string): VitrineError =>
    new VitrineError("INVALID_FILE", { rule, evidence, place: `${place}/${entry.name}` });
  if (entry.size > longestLabel)
    throw wrong(`a label may have at most ${longestLabel} bytes`, `got ${entry.size} bytes`);
  const text = new TextDecoder().decode(await entry.read()).trim();
  if (ending !== "json") return text === "" ? undefined : text;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw wrong("what is said of a sample must be valid JSON", (error as Error).message);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const column = pickColumn(Object.keys(value), labelColumns);
    value = column === undefined ? undefined : (value as Record<string, unknown>)[column];
  }
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}

function twice(key: string, names: readonly string[], place: string): VitrineError {
  return new VitrineError("INVALID_FILE", {
    rule: "a sample must have one image and one file of each ending",
    evidence: `${key} has ${names.join(" and ")}`,
    place,
  });
}
