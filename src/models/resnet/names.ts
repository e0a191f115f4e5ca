/**
 * The residual networks that timm names, torchvision's among them: configuration, preprocessing and what was published.
 *
 * Names, sizes and preprocessing: timm 1.0.29, timm/models/resnet.py, each name's default weights; not the ones with attention or other norms.
 * Multiply-adds, and what is under `torchvision`: torchvision 0.28.
 */

import { channelStats } from "../channel-stats.ts";
import type { NamedModel, Published } from "../family.ts";
import type { ResNetOptions } from "./config.ts";
import { resnetSizes } from "./resnet.ts";

/** A named residual network. */
export type NamedResNet = NamedModel<ResNetOptions>;

interface Recipe {
  readonly side?: number;
  readonly crop?: number;
  readonly interpolation?: "bicubic" | "bilinear";
  readonly stats?: keyof typeof channelStats;
}

const { 18: r18, 34: r34, 50: r50, 101: r101, 152: r152 } = resnetSizes;
const r10: ResNetOptions = { blocks: "basic", depths: [1, 1, 1, 1] };
const r14: ResNetOptions = { depths: [1, 1, 1, 1] };
const r26: ResNetOptions = { depths: [2, 2, 2, 2] };
const r200: ResNetOptions = { depths: [3, 24, 36, 3] };
/** The stems and shortcuts that Gluon's letters stand for. */
const c: ResNetOptions = { stem: "deep", stemWidth: 32 };
const s: ResNetOptions = { stem: "deep", stemWidth: 64 };
const d: ResNetOptions = { ...c, averageDown: true };
const t: ResNetOptions = { stem: "deep_tiered", stemWidth: 32, averageDown: true };
const grouped = (groups: number, groupWidth: number): ResNetOptions => ({ groups, groupWidth });
const wide: ResNetOptions = { groupWidth: 128 };
const usual: Recipe = {};
const strong: Recipe = { crop: 0.95 };
const bilinear: Recipe = { interpolation: "bilinear" };

const rows: readonly (readonly [string, ResNetOptions, Recipe, Published?])[] = [
  ["resnet10t", { ...r10, ...t }, { side: 176 }],
  ["resnet14t", { ...r14, ...t }, { side: 176 }],
  ["resnet18", r18, strong, { gmacs: 1.814, torchvision: { tv_in1k: 69.758 } }],
  ["resnet18d", { ...r18, ...d }, usual],
  ["resnet26", r26, usual],
  ["resnet26d", { ...r26, ...d }, usual],
  ["resnet26t", { ...r26, ...t }, { side: 256, crop: 0.94 }],
  ["resnet34", r34, strong, { gmacs: 3.664, torchvision: { tv_in1k: 73.314 } }],
  ["resnet34d", { ...r34, ...d }, usual],
  ["resnet50", r50, strong, { gmacs: 4.089, torchvision: { tv2_in1k: 80.858, tv_in1k: 76.13 } }],
  ["resnet50c", { ...r50, ...c }, usual],
  ["resnet50d", { ...r50, ...d }, usual],
  ["resnet50s", { ...r50, ...s }, usual],
  ["resnet50t", { ...r50, ...t }, usual],
  ["resnet101", r101, strong, { gmacs: 7.801, torchvision: { tv2_in1k: 81.886, tv_in1k: 77.374 } }],
  ["resnet101c", { ...r101, ...c }, usual],
  ["resnet101d", { ...r101, ...d }, { side: 256, crop: 0.95 }],
  ["resnet101s", { ...r101, ...s }, usual],
  ["resnet152", r152, strong, { gmacs: 11.514, torchvision: { tv2_in1k: 82.284, tv_in1k: 78.312 } }],
  ["resnet152c", { ...r152, ...c }, usual],
  ["resnet152d", { ...r152, ...d }, { side: 256, crop: 0.95 }],
  ["resnet152s", { ...r152, ...s }, usual],
  ["resnet200", r200, usual],
  ["resnet200d", { ...r200, ...d }, { side: 256, crop: 0.95 }],
  [
    "wide_resnet50_2",
    { ...r50, ...wide },
    usual,
    { gmacs: 11.398, torchvision: { tv2_in1k: 81.602, tv_in1k: 78.468 } },
  ],
  [
    "wide_resnet101_2",
    { ...r101, ...wide },
    bilinear,
    { gmacs: 22.753, torchvision: { tv2_in1k: 82.51, tv_in1k: 78.848 } },
  ],
  [
    "resnext50_32x4d",
    { ...r50, ...grouped(32, 4) },
    strong,
    { gmacs: 4.23, torchvision: { tv2_in1k: 81.198, tv_in1k: 77.618 } },
  ],
  ["resnext50d_32x4d", { ...r50, ...grouped(32, 4), ...d }, usual],
  ["resnext101_32x4d", { ...r101, ...grouped(32, 4) }, bilinear],
  [
    "resnext101_32x8d",
    { ...r101, ...grouped(32, 8) },
    bilinear,
    { gmacs: 16.414, torchvision: { tv2_in1k: 82.834, tv_in1k: 79.312 } },
  ],
  ["resnext101_32x16d", { ...r101, ...grouped(32, 16) }, bilinear],
  ["resnext101_32x32d", { ...r101, ...grouped(32, 32) }, bilinear],
  ["resnext101_64x4d", { ...r101, ...grouped(64, 4) }, strong, { gmacs: 15.46, torchvision: { tv_in1k: 83.246 } }],
  // A very small one with real weights, for tests.
  [
    "test_resnet",
    {
      ...{ blocks: ["basic", "basic", "bottleneck", "basic"], depths: [1, 1, 1, 1], widths: [32, 48, 48, 96] },
      ...{ stem: "deep", stemWidth: 16, averageDown: true },
    },
    { side: 160, crop: 0.95, interpolation: "bilinear", stats: "half" },
  ],
];

/** All named residual networks, by name. */
export const namedResNets: ReadonlyMap<string, NamedResNet> = new Map(
  rows.map(([name, options, recipe, published = {}]) => {
    const { side = 224, crop = 0.875, interpolation = "bicubic", stats = "imagenet" } = recipe;
    const preprocessing = {
      ...{ input_size: [3, side, side] as const, interpolation, crop_pct: crop, crop_mode: "center" as const },
      ...channelStats[stats],
    };
    return [name, { name, options: { ...options, imageSize: side }, preprocessing, published }];
  }),
);
