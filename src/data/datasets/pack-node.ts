/**
 * Packs: the encoded images of a file that can only be read from its front (gzip, parquet), unpacked once into the cache so that they can be read in any order.
 *
 * A pack is the images one after the other, then JSON that tells their lengths, names and labels, then the length of the JSON in bytes (8, little-endian) and
 * eight bytes that mark the format. The name of a pack tells path, size and time of the file that it was made from: a file that changes gets a new pack.
 */

import { createHash } from "node:crypto";
import { open, readdir, realpath, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { VitrineError } from "../../errors.ts";
import { writeCached, writePieces } from "../../files/write-node.ts";

/** An encoded image on its way into a pack. */
export interface PackSample {
  /** Name within the file it comes from. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Class as it is written there; undefined where nothing says it. */
  readonly label: string | undefined;
}

/** What a pack holds. */
export interface Pack {
  readonly path: string;
  /** Names of the classes, where the file's schema tells them. */
  readonly classes?: readonly string[] | undefined;
  /** The different labels, as they are written. */
  readonly written: readonly string[];
  /** For each image: bytes, position in `written` (-1 without label), name. */
  readonly images: readonly (readonly [length: number, label: number, name: string])[];
}

const mark = "vitpack1";
const digest = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16);

/**
 * The pack of a file: the one in the cache if it is of the file as it is now, else a new one.
 * @param folder - where packs are kept; made where needed.
 * @param samples - the images of the file, and the names of its classes if it has them.
 * @throws {VitrineError} STORAGE_FAILURE when the disk refuses; what `samples` throws. Nothing is left behind.
 */
export async function packOf(
  file: string,
  folder: string,
  samples: () => Promise<{
    readonly classes?: readonly string[] | undefined;
    readonly samples: AsyncIterable<PackSample>;
  }>,
): Promise<Pack> {
  const { size, mtimeMs } = await stat(file);
  const stem = `${basename(file)}-${digest(await realpath(file))}-`;
  const path = join(folder, `${stem}${digest(`${size} ${mtimeMs}`)}.pack`);
  const known = await readPack(path);
  if (known) return known;
  const pack = await writeCached(path, async (handle) => {
    const source = await samples();
    const numbers = new Map<string, number>();
    const images: [number, number, string][] = [];
    for await (const { name, bytes, label } of source.samples) {
      if (label !== undefined && !numbers.has(label)) numbers.set(label, numbers.size);
      await writePieces(handle, [bytes]);
      images.push([bytes.length, label === undefined ? -1 : numbers.get(label)!, name]);
    }
    const contents = { classes: source.classes, written: [...numbers.keys()], images };
    const json = new TextEncoder().encode(JSON.stringify(contents));
    const end = new DataView(new ArrayBuffer(16));
    end.setBigUint64(0, BigInt(json.length), true);
    for (let i = 0; i < 8; i++) end.setUint8(8 + i, mark.charCodeAt(i));
    await writePieces(handle, [json, new Uint8Array(end.buffer)]);
    return { path, ...contents };
  });
  // Packs of the file as it was before are of no more use.
  for (const name of await readdir(folder))
    if (name.startsWith(stem) && name.endsWith(".pack") && join(folder, name) !== path)
      await rm(join(folder, name), { force: true });
  return pack;
}

/** The contents of a pack, or undefined where there is none that is whole. */
async function readPack(path: string): Promise<Pack | undefined> {
  const handle = await open(path, "r").catch(() => undefined);
  if (handle === undefined) return undefined;
  try {
    const { size } = await handle.stat();
    const read = async (start: number, length: number): Promise<Buffer> =>
      (await handle.read(Buffer.alloc(length), 0, length, start)).buffer;
    if (size < 16) return undefined;
    const end = await read(size - 16, 16);
    const length = Number(end.readBigUInt64LE(0));
    if (end.toString("latin1", 8) !== mark || length > size - 16) return undefined;
    return { path, ...(JSON.parse((await read(size - 16 - length, length)).toString()) as Omit<Pack, "path">) };
  } catch (cause) {
    throw new VitrineError("INVALID_FILE", {
      rule: "a pack in the cache must be as it was written",
      evidence: (cause as Error).message,
      place: path,
      next: "delete it",
      cause,
    });
  } finally {
    await handle.close();
  }
}
