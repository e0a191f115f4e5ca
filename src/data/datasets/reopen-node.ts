/** A data set from its source, as worker threads open it. */

import type { Dataset, DatasetSource } from "./dataset.ts";
import { folderDataset } from "./folder-node.ts";
import { memoryDataset } from "./memory.ts";
import { reopenShapes } from "./shapes.ts";

/** Opens the data set that a source describes. */
export function reopenDataset(source: DatasetSource): Dataset {
  if (source.kind === "folder") return folderDataset(source);
  return source.kind === "memory" ? memoryDataset(source) : reopenShapes(source);
}
