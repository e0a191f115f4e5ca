/** A data set from its source, as worker threads open it. */

import type { Dataset, DatasetSource } from "./dataset.ts";
import { folderDataset } from "./folder-node.ts";
import { memoryDataset } from "./memory.ts";
import { recordsDataset } from "./records-node.ts";
import { reopenShapes } from "./shapes.ts";
import { subset } from "./subset.ts";

/** Opens the data set that a source describes. */
export function reopenDataset(source: DatasetSource): Dataset {
  switch (source.kind) {
    case "folder":
      return folderDataset(source);
    case "memory":
      return memoryDataset(source);
    case "records":
      return recordsDataset(source);
    case "shapes":
      return reopenShapes(source);
    case "subset":
      return subset(reopenDataset(source.of), source.indices, source.name);
  }
}
