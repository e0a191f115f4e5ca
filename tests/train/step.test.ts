import { expect, test } from "vitest";
import { createModel } from "../../src/models/registry.ts";
import { partsOf } from "../../src/train/step.ts";

/** Where all blocks are alike, by their hidden layer; where stages differ, by the work of each: the widest map of Swin-T alone would give 8. */
test.each([
  ["vit_small_patch16_224", 32, 8],
  ["vit_small_patch16_224", 8, 2],
  ["vit_tiny_patch16_224", 32, 4],
  ["swin_tiny_patch4_window7_224", 8, 2],
  ["resnet50", 32, 1],
])("%s: a batch of %i is cut into %i parts", (name, batchSize, parts) => {
  const model = createModel(name, { labels: 10 });
  expect(partsOf(model, { batchSize, imageShape: [3, 224, 224] })).toBe(parts);
});
