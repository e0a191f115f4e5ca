/** NumPy archives on disk. Node only. */

import { openFileBytes } from "./file-bytes-node.ts";
import { npzSource } from "./npz.ts";
import type { WeightSource } from "./source.ts";

/**
 * Opens a `.npz` file.
 * @throws {VitrineError} NOT_FOUND, INVALID_FILE, UNSAFE_FILE or DTYPE_MISMATCH, as the file deserves.
 */
export async function openNpz(path: string): Promise<WeightSource> {
  const bytes = await openFileBytes(path);
  try {
    return await npzSource(bytes);
  } catch (error) {
    await bytes.close();
    throw error;
  }
}
