/** Where a model's logits come from. */

import { familyNamed } from "../models/families.ts";
import { OnnxClassifier } from "./onnx-classifier.ts";
import type { Pretrained } from "./pretrained.ts";

/** Paths of the maps to the logits that a model has, the first with as many rows as there are labels. */
export async function headsOf({
  model,
  architecture,
}: Pick<Pretrained, "model" | "architecture">): Promise<readonly string[]> {
  const names = model instanceof OnnxClassifier ? ["head"] : (await familyNamed(architecture)).family.heads;
  return names.filter((head) => model.modules().has(head));
}
