/** TensorFlow's checkpoints on disk. Node only. */

import { VitrineError } from "../errors.ts";
import type { ByteSource } from "./byte-source.ts";
import { openFileBytes } from "./file-bytes-node.ts";
import type { WeightSource } from "./source.ts";
import { bundleShardName, parseBundleIndex, tensorBundleSource } from "./tensor-bundle.ts";

/** An index has some hundred bytes for each tensor. */
const indexLimit = 2 ** 26;

/**
 * Opens the checkpoint whose index is at `path` (`PREFIX.index`), with the data files beside it.
 * @throws {VitrineError} NOT_FOUND where the index or a data file is missing, INVALID_FILE, UNSAFE_FILE or DTYPE_MISMATCH, as the files deserve.
 */
export async function openTensorBundle(path: string): Promise<WeightSource> {
  const index = await readIndex(path);
  const prefix = path.replace(/\.index$/, "");
  const shards: ByteSource[] = [];
  try {
    for (let i = 0; i < index.shards; i++) shards.push(await openFileBytes(bundleShardName(prefix, i, index.shards)));
    return tensorBundleSource(index, shards, path);
  } catch (error) {
    for (const shard of shards) await shard.close();
    throw error;
  }
}

async function readIndex(path: string) {
  const bytes = await openFileBytes(path);
  try {
    if (bytes.size > indexLimit)
      throw new VitrineError("UNSAFE_FILE", {
        rule: `TensorFlow checkpoint: an index may have ${indexLimit} bytes`,
        evidence: `got ${bytes.size}`,
        place: path,
      });
    return parseBundleIndex(await bytes.read(0, bytes.size), path);
  } finally {
    await bytes.close();
  }
}
