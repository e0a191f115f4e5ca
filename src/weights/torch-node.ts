/** PyTorch checkpoints on disk. Node only. */

import { openFileBytes } from "./file-bytes-node.ts";
import { type TorchFile, torchFile } from "./torch.ts";

/**
 * Opens a `.pt`, `.pth` or `.bin` file of PyTorch; storages are read when asked for.
 * @throws {VitrineError} NOT_FOUND, INVALID_FILE or UNSAFE_FILE, as the file deserves.
 */
export async function openTorch(path: string): Promise<TorchFile> {
  const bytes = await openFileBytes(path);
  try {
    return await torchFile(bytes);
  } catch (error) {
    await bytes.close();
    throw error;
  }
}
