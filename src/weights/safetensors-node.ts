/** safetensors files on disk, whole or in shards. Node only. */

import { dirname, join } from "node:path";
import { VitrineError } from "../errors.ts";
import { writeFileAtomically } from "../files/write-node.ts";
import type { NdArray } from "../graph/dtype.ts";
import { openFileBytes } from "./file-bytes-node.ts";
import {
  type SafetensorsLimits,
  type SafetensorsSource,
  safetensorsLimits,
  safetensorsPieces,
  safetensorsSource,
} from "./safetensors.ts";
import { parseShardIndex, shardedSource } from "./shards.ts";
import type { WeightSource } from "./source.ts";

/**
 * Opens a file and reads its header; values are read when asked for.
 * @throws {VitrineError} NOT_FOUND, INVALID_FILE, UNSAFE_FILE or DTYPE_MISMATCH, as the file deserves.
 */
export async function openSafetensors(
  path: string,
  limits: SafetensorsLimits = safetensorsLimits,
): Promise<SafetensorsSource> {
  const bytes = await openFileBytes(path);
  try {
    return await safetensorsSource(bytes, limits);
  } catch (error) {
    await bytes.close();
    throw error;
  }
}

/**
 * Opens the shards that `model.safetensors.index.json` at `path` names, as one source.
 * @throws {VitrineError} INVALID_FILE for an index that breaks a rule or differs from its shards, UNSAFE_FILE for a shard outside the folder.
 */
export async function openShardedSafetensors(path: string): Promise<WeightSource> {
  const bytes = await openFileBytes(path);
  const index = await readIndex().finally(() => bytes.close());
  return shardedSource(index, (file) => openSafetensors(join(dirname(path), file)), path);

  async function readIndex() {
    if (bytes.size > safetensorsLimits.headerBytes)
      throw new VitrineError("UNSAFE_FILE", {
        rule: `a shard index may have ${safetensorsLimits.headerBytes} bytes`,
        evidence: `got ${bytes.size}`,
        place: path,
      });
    return parseShardIndex(await bytes.read(0, bytes.size), path);
  }
}

/**
 * Writes a file atomically; nothing is left behind on failure.
 * @throws {VitrineError} STORAGE_FAILURE, or NOT_FOUND when the folder does not exist.
 */
export async function saveSafetensors(
  path: string,
  tensors: Iterable<readonly [string, NdArray]>,
  metadata?: Iterable<readonly [string, string]>,
): Promise<void> {
  await writeFileAtomically(path, safetensorsPieces(tensors, metadata));
}
