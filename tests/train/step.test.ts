import { expect, test } from "vitest";
import { createModel } from "../../src/models/registry.ts";
import { weightDecayGroups } from "../../src/optim/index.ts";
import { noWeightDecay, partsOf } from "../../src/train/step.ts";

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

const options = {
  imageSize: 32,
  patchSize: 2,
  width: 8,
  depths: [1, 1],
  heads: [2, 2],
  windows: 4,
  labels: 3,
} as const;

/** Not the networks and tables of positions, nor version 2's scales of attention: no_weight_decay_keywords of microsoft/Swin-Transformer. */
test.each(["swin_tiny_patch4_window7_224", "swinv2_tiny_window8_256"] as const)(
  "%s: weights decay that map tokens, and no others",
  (name) => {
    const parameters = createModel(name, { ...options, absolutePositions: true }).parameters();
    const decayed = weightDecayGroups(parameters, 0.05, noWeightDecay).filter(({ weightDecay }) => weightDecay > 0);
    const inBlocks = ["attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"];
    const wanted = [
      "patch_embed.proj",
      ...[0, 1].flatMap((i) => inBlocks.map((map) => `layers.${i}.blocks.0.${map}`)),
      "layers.1.downsample.reduction",
      "head.fc",
    ];
    expect(decayed.map(({ variable }) => variable.name).sort()).toEqual(wanted.map((map) => `${map}.weight`).sort());
  },
);
