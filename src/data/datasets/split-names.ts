/** Which part of a data set a folder or file is, by its name. */

import type { Split } from "./dataset.ts";

/** The splits, in the order in which they are used. */
export const splits: readonly Split[] = ["train", "validation", "test"];

/** Names of each split's folder. */
export const splitNames: Readonly<Record<Split, readonly string[]>> = {
  train: ["train", "training"],
  validation: ["val", "valid", "validation"],
  test: ["test", "testing"],
};

/** The split of that name, in whatever case. */
export function splitOf(name: string): Split | undefined {
  const wanted = name.trim().toLowerCase();
  return splits.find((split) => splitNames[split].includes(wanted));
}

/** The split that a word of a file's name says, such as `train-00000-of-00002.parquet` and `imagenet_val_003.tar`. */
export function splitInName(file: string): Split | undefined {
  for (const word of file.split(/[^A-Za-z]+/)) {
    const split = splitOf(word);
    if (split) return split;
  }
  return undefined;
}
