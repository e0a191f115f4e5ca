/**
 * Every Transformer in Transformer that timm names: configuration, preprocessing and what was published.
 *
 * Names, sizes and preprocessing: timm 1.0.29, timm/models/tnt.py. Multiply-adds: timm's benchmark tables.
 */

import { channelStats } from "../channel-stats.ts";
import type { NamedModel, Published } from "../family.ts";
import type { TNTOptions } from "./config.ts";
import { tntSizes } from "./tnt.ts";

/** A named Transformer in Transformer. */
export type NamedTNT = NamedModel<TNTOptions>;

const { S, B } = tntSizes;

const rows: readonly (readonly [name: string, options: TNTOptions, published: Published])[] = [
  ["tnt_s_legacy_patch16_224", { ...S, legacy: true }, {}],
  ["tnt_s_patch16_224", S, { gmacs: 5.24 }],
  ["tnt_b_patch16_224", B, { gmacs: 14.09 }],
];

/** All named Transformers in Transformers, by name. */
export const namedTNTs: ReadonlyMap<string, NamedTNT> = new Map(
  rows.map(([name, options, published]) => {
    const preprocessing = {
      ...{ input_size: [3, 224, 224] as const, interpolation: "bicubic" as const },
      ...{ crop_pct: 0.9, crop_mode: "center" as const, ...channelStats.half },
    };
    return [name, { name, options, preprocessing, published }];
  }),
);
