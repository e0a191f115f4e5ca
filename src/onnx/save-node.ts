/** Models as files on a disk. */

import { randomBytes } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { VitrineError } from "../errors.ts";
import type { Graph } from "../graph/graph.ts";
import { type EncodedModel, type EncodeOptions, encodeModel } from "./encode.ts";

/**
 * Writes a graph to `path`, and its large tensors to `<path>.data` where one file would exceed protobuf's limit. A file that is there is
 * replaced only once the new one is complete.
 * @throws {VitrineError} STORAGE_FAILURE when writing fails; then nothing is left behind.
 */
export async function saveModel(
  path: string,
  graph: Graph,
  options: Pick<EncodeOptions, "maxBytes" | "metadata"> = {},
): Promise<EncodedModel> {
  const model = encodeModel(graph, { ...options, externalLocation: `${basename(path)}.data` });
  const parts = [
    // Tensors first: a model is never there without them.
    ...model.files.map((file) => ({ path: join(dirname(path), file.location), chunks: file.chunks })),
    { path, chunks: model.chunks },
  ];
  const written: { readonly temporary: string; readonly path: string }[] = [];
  try {
    for (const part of parts) {
      const temporary = `${part.path}.${randomBytes(6).toString("hex")}.tmp`;
      written.push({ temporary, path: part.path });
      await writeChunks(temporary, part.chunks);
    }
    for (const part of written) await rename(part.temporary, part.path);
  } catch (cause) {
    for (const { temporary } of written) await rm(temporary, { force: true });
    throw new VitrineError("STORAGE_FAILURE", {
      rule: "the model could not be written",
      // Its message would show the temporary name.
      evidence: (cause as NodeJS.ErrnoException).code ?? String(cause),
      place: path,
      cause,
    });
  }
  return model;
}

async function writeChunks(path: string, chunks: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, "wx");
  try {
    for (const chunk of chunks) await writeAll(file, chunk);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** One call writes at most 2 GB. */
async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let offset = 0; offset < chunk.byteLength; ) {
    const { bytesWritten } = await file.write(chunk, offset, Math.min(chunk.byteLength - offset, 2 ** 30));
    offset += bytesWritten;
  }
}
