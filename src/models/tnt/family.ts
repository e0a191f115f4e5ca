/** Transformers in Transformers, as loading and saving see them. */

import { VitrineError } from "../../errors.ts";
import { toFloat32 } from "../../graph/dtype.ts";
import { type PositionRule, resizeLoadedPositions } from "../../nn/positions.ts";
import type { WeightSource } from "../../weights/source.ts";
import { tntNamings } from "../../weights/tnt-rules.ts";
import { argumentsInFile, type TimmArguments, timmFile } from "../config-json.ts";
import type { Family } from "../family.ts";
import { type TNTConfig, type TNTOptions, tntArguments, tntConfig, tntGrid, tntOptions } from "./config.ts";
import { namedTNTs } from "./names.ts";
import { TNT } from "./tnt.ts";

const files: TimmArguments<TNTConfig, TNTOptions> = {
  models: namedTNTs,
  config: tntConfig,
  argumentsOf: tntArguments,
  fixed: ["norm_layer"],
};

/** Transformers in Transformers. */
export const tntFamily: Family<TNTConfig, TNTOptions> = {
  models: namedTNTs,
  heads: ["head"],
  namings: tntNamings,
  config: tntConfig,
  create: (config) => new TNT(config),
  blocks: "attention",
  // Patches of 4 × 4 words, as the published ones.
  smallImages: (_, side) => {
    const stride = side <= 32 ? 1 : side <= 64 ? 2 : 4;
    return { stride, patchSize: 4 * stride, imageSize: 16 * Math.ceil(side / 16) };
  },
  takesAnySize: () => false,
  describe: ({ width, innerWidth, depth, patchSize }) =>
    `TNT of widths ${width} and ${innerWidth}, depth ${depth}, patch ${patchSize[0]}`,
  resizeWeights,
  configFromTimm: (json) => tntConfig(tntOptions(argumentsInFile(files, json))),
  configForTimm: (config, options) => ({
    ...timmFile(files, config, options, {
      features: config.width,
      firstConv: "pixel_embed.proj",
      classifier: "head",
    }),
    global_pool: config.pool,
  }),
  configFromHuggingFace: (_, place) => {
    throw notThere(place);
  },
  configForHuggingFace: () => {
    throw notThere();
  },
  huggingFaceNames: () => [],
};

function notThere(place?: string): VitrineError {
  return new VitrineError("INVALID_ARGUMENT", {
    rule: "transformers has no Transformer in Transformer",
    place,
    next: "save in timm's form",
  });
}

/** The source, its positions of sentences those of the wanted grid. */
function resizeWeights(source: WeightSource, before: TNTConfig, after: TNTConfig, rule: PositionRule): WeightSource {
  const [from, to] = [tntGrid(before), tntGrid(after)];
  const isPositions = (name: string): boolean => name === "patch_pos";
  return {
    ...source,
    info: (name) => {
      const info = source.info(name);
      return isPositions(name) ? { ...info, shape: [1, 1 + to[0] * to[1], info.shape[2]!] } : info;
    },
    read: async (name) => {
      const array = await source.read(name);
      return isPositions(name) ? resizeLoadedPositions(toFloat32(array), { from, to, prefix: 1, rule }) : array;
    },
  };
}
