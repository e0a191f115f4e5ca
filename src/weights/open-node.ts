/** Opens weights of any format, told by what the file holds and not by its name. Node only. */

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { VitrineError } from "../errors.ts";
import { openFileBytes } from "./file-bytes-node.ts";
import { npzSource } from "./npz.ts";
import { safetensorsSource } from "./safetensors.ts";
import { openShardedSafetensors } from "./safetensors-node.ts";
import { endsAsTable } from "./sorted-table.ts";
import type { WeightSource } from "./source.ts";
import { openTensorBundle } from "./tensor-bundle-node.ts";
import { torchFile, torchSource } from "./torch.ts";
import { readZipDirectory } from "./zip.ts";

/** Weights that a model's folder may have, best first. */
export const weightFileNames: readonly string[] = [
  "model.safetensors",
  "model.safetensors.index.json",
  "pytorch_model.bin",
  "model.ckpt.index",
];

/**
 * The weights at a path: a file of safetensors, PyTorch or NumPy, a shard index, the index of a TensorFlow checkpoint, or a folder with one of `weightFileNames`.
 * @throws {VitrineError} NOT_FOUND, INVALID_FILE, UNSAFE_FILE or DTYPE_MISMATCH, as the file deserves.
 */
export async function openWeights(path: string): Promise<WeightSource> {
  if (await isDirectory(path)) {
    for (const name of weightFileNames) {
      const file = join(path, name);
      if (await stat(file).catch(() => undefined)) return openWeights(file);
    }
    throw new VitrineError("NOT_FOUND", {
      rule: `a model's folder must have weights (${weightFileNames.join(", ")})`,
      place: path,
    });
  }
  if (path.endsWith(".index.json")) return openShardedSafetensors(path);
  const bytes = await openFileBytes(path);
  try {
    const start = await bytes.read(0, Math.min(4, bytes.size));
    const begins = (...mark: number[]) => mark.every((byte, i) => start[i] === byte);
    // Neither mark can begin safetensors: as a header length both are beyond the limit.
    if (begins(0x50, 0x4b, 0x03, 0x04)) {
      const names = [...(await readZipDirectory(bytes)).keys()];
      return names.some((name) => name.endsWith(".npy")) ? await npzSource(bytes) : torchSource(await torchFile(bytes));
    }
    // PyTorch before 1.6 wrote bare pickles; the reader says what to do about them.
    if (begins(0x80, 0x02, 0x8a, 0x0a)) return torchSource(await torchFile(bytes));
    const end = Math.min(8, bytes.size);
    if (endsAsTable(await bytes.read(bytes.size - end, end))) {
      await bytes.close();
      return await openTensorBundle(path);
    }
    return await safetensorsSource(bytes);
  } catch (error) {
    await bytes.close();
    throw error;
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}
