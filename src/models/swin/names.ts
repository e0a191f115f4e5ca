/**
 * The Swin Transformers that timm names: configuration, preprocessing and what was published. Its swinv2_cr_*, another reading of V2, are not here.
 *
 * Names, sizes and preprocessing: timm 1.0.29, timm/models/{swin_transformer,swin_transformer_v2}.py, each name's default weights.
 * Multiply-adds: timm's benchmark tables, for the same default weights.
 */

import { channelStats } from "../channel-stats.ts";
import type { NamedModel, Published } from "../family.ts";
import type { SwinOptions } from "./config.ts";
import { swinSizes } from "./swin.ts";

/** A named Swin Transformer. */
export type NamedSwin = NamedModel<SwinOptions>;

const { T, S, B, L } = swinSizes;

type Row = readonly [name: string, options: SwinOptions, side: number, published?: Published];

const swins: readonly Row[] = [
  ["swin_tiny_patch4_window7_224", T, 224, { gmacs: 4.51 }],
  ["swin_small_patch4_window7_224", S, 224, { gmacs: 8.77 }],
  ["swin_base_patch4_window7_224", B, 224, { gmacs: 15.47 }],
  ["swin_base_patch4_window12_384", { ...B, windows: 12 }, 384, { gmacs: 47.19 }],
  ["swin_large_patch4_window7_224", L, 224, { gmacs: 34.53 }],
  ["swin_large_patch4_window12_384", { ...L, windows: 12 }, 384, { gmacs: 104.08 }],
  // Sizes found by search, arXiv:2111.14725.
  ["swin_s3_tiny_224", { ...T, windows: [7, 7, 14, 7] }, 224, { gmacs: 4.64 }],
  ["swin_s3_small_224", { ...S, windows: [14, 14, 14, 7] }, 224, { gmacs: 9.43 }],
  ["swin_s3_base_224", { ...S, depths: [2, 2, 30, 2], windows: [7, 7, 14, 7] }, 224, { gmacs: 13.69 }],
];

/** Trained with windows of 12 at 192 pixels, and of 6 in the last stage. */
const pretrained: SwinOptions = { pretrainedWindows: [12, 12, 12, 6] };
const bigger: SwinOptions = { labels: 21841 };

const swinV2s: readonly Row[] = [
  ["swinv2_tiny_window8_256", { ...T, windows: 8 }, 256, { gmacs: 5.96 }],
  ["swinv2_tiny_window16_256", { ...T, windows: 16 }, 256, { gmacs: 6.68 }],
  ["swinv2_small_window8_256", { ...S, windows: 8 }, 256, { gmacs: 11.58 }],
  ["swinv2_small_window16_256", { ...S, windows: 16 }, 256, { gmacs: 12.82 }],
  ["swinv2_base_window8_256", { ...B, windows: 8 }, 256, { gmacs: 20.37 }],
  ["swinv2_base_window16_256", { ...B, windows: 16 }, 256, { gmacs: 22.02 }],
  ["swinv2_base_window12_192", { ...B, windows: 12, ...bigger }, 192, { gmacs: 11.9 }],
  ["swinv2_base_window12to16_192to256", { ...B, windows: 16, ...pretrained }, 256, { gmacs: 22.02 }],
  ["swinv2_base_window12to24_192to384", { ...B, windows: 24, ...pretrained }, 384, { gmacs: 55.25 }],
  ["swinv2_large_window12_192", { ...L, windows: 12, ...bigger }, 192],
  ["swinv2_large_window12to16_192to256", { ...L, windows: 16, ...pretrained }, 256, { gmacs: 47.81 }],
  ["swinv2_large_window12to24_192to384", { ...L, windows: 24, ...pretrained }, 384, { gmacs: 116.15 }],
];

/** All named Swin Transformers of the first version, by name. */
export const namedSwins: ReadonlyMap<string, NamedSwin> = new Map(swins.map(named));

/** All named Swin Transformers V2, by name. */
export const namedSwinV2s: ReadonlyMap<string, NamedSwin> = new Map(swinV2s.map(named));

function named([name, options, side, published = {}]: Row): readonly [string, NamedSwin] {
  const preprocessing = {
    input_size: [3, side, side] as const,
    interpolation: "bicubic" as const,
    crop_pct: side === 384 ? 1 : 0.9,
    crop_mode: "center" as const,
    ...channelStats.imagenet,
  };
  return [name, { name, options: { ...options, imageSize: side }, preprocessing, published }];
}
