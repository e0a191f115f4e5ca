/** Names of labels where a model's files give none. */

import { VitrineError } from "../errors.ts";
import type { Pretrained } from "./pretrained.ts";

/**
 * Names of a model's labels: the given ones, those of ImageNet for 1000 labels, else their indices; and whether it came to that.
 * @throws {VitrineError} INVALID_ARGUMENT when there are not as many names as labels.
 */
export async function labelsFor(
  count: number,
  given: readonly string[] | undefined,
  place: string,
): Promise<Required<Pick<Pretrained, "labels" | "unnamedLabels">>> {
  if (given && given.length !== count)
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: `the model has ${count} labels, and as many names are needed`,
      evidence: `got ${given.length}`,
      place,
    });
  if (given) return { labels: given, unnamedLabels: false };
  if (count === 1000) return { labels: (await import("./imagenet-labels.ts")).imagenetLabels, unnamedLabels: false };
  return { labels: Array.from({ length: count }, (_, i) => String(i)), unnamedLabels: count > 0 };
}
