/**
 * The published masked autoencoders under the names that timm gives their encoders. A file of pre-training gives features; one of fine-tuning on
 * ImageNet-1k is a classifier.
 *
 * Sizes, preprocessing and accuracies after fine-tuning: facebookresearch/mae README.md, FINETUNE.md, models_vit.py, util/datasets.py.
 */

import { channelStats } from "../channel-stats.ts";
import type { TaggedModel } from "../family.ts";
import type { ViTOptions } from "../vit/config.ts";
import { maeSizes } from "./config.ts";
import { fineTuned } from "./encoder.ts";

/** [architecture, letter, what follows in the hub's id, accuracy after fine-tuning in percent]. */
const rows = [
  ["vit_base_patch16_224", "B", "base", 83.66],
  ["vit_large_patch16_224", "L", "large", 85.95],
  ["vit_huge_patch14_224", "H", "huge", 86.93],
] as const;

/** All three, by timm's name with its tag. */
export const maeEncoders: ReadonlyMap<string, TaggedModel<ViTOptions>> = new Map(
  rows.map(([name, letter, size, top1]) => {
    const tagged = `${name}.mae`;
    const entry: TaggedModel<ViTOptions> = {
      name,
      tagged,
      hub: [`facebook/vit-mae-${size}`, `timm/${tagged}`],
      options: { ...maeSizes[letter], imageSize: 224, ...fineTuned },
      headless: { pool: "token", finalNorm: "tokens" },
      preprocessing: {
        input_size: [3, 224, 224],
        interpolation: "bicubic",
        // 224 of 256 pixels.
        crop_pct: 0.875,
        crop_mode: "center",
        ...channelStats.imagenet,
      },
      published: { top1 },
    };
    return [tagged, entry];
  }),
);
