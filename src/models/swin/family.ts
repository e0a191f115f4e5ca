/** Swin Transformers of both versions, as loading and saving see them. */

import { toFloat32 } from "../../graph/dtype.ts";
import { type BiasTableRule, resizeBiasTable } from "../../nn/bias-table.ts";
import { type GridSize, type PositionRule, resizeLoadedPositions } from "../../nn/positions.ts";
import { invertRules } from "../../weights/rules.ts";
import type { WeightSource } from "../../weights/source.ts";
import { huggingFaceSwinRules, huggingFaceSwinV2Rules, swinNamings, swinV2Namings } from "../../weights/swin-rules.ts";
import { argumentsInFile, type TimmArguments, timmFile } from "../config-json.ts";
import type { Family } from "../family.ts";
import { type SwinConfig, type SwinOptions, stageMap, stageWidth, stageWindows, swinConfig } from "./config.ts";
import {
  type SwinVersion,
  swinArguments,
  swinForHuggingFace,
  swinFromHuggingFace,
  swinOptions,
} from "./config-files.ts";
import { namedSwins, namedSwinV2s } from "./names.ts";
import { Swin } from "./swin.ts";
import { SwinV2 } from "./swin-v2.ts";

/** Swin Transformers. */
export const swinFamily: Family<SwinConfig, SwinOptions> = familyOf(1);

/** Swin Transformers V2. */
export const swinV2Family: Family<SwinConfig, SwinOptions> = familyOf(2);

function familyOf(version: SwinVersion): Family<SwinConfig, SwinOptions> {
  const first = version === 1;
  const files: TimmArguments<SwinConfig, SwinOptions> = {
    models: first ? namedSwins : namedSwinV2s,
    config: swinConfig,
    argumentsOf: (config) => swinArguments(config, version),
    fixed: ["norm_layer"],
  };
  return {
    models: files.models,
    heads: ["head.fc"],
    namings: first ? swinNamings : swinV2Namings,
    config: swinConfig,
    create: (config) => (first ? new Swin(config) : new SwinV2(config)),
    blocks: "attention",
    // Windows of a quarter of the first map: the last but one of four stages is one window, as in the published ones.
    smallImages: (_, side) => {
      const imageSize = 32 * Math.ceil(side / 32);
      const patchSize = imageSize === 32 ? 2 : 4;
      return { imageSize, patchSize, windows: imageSize / patchSize / 4, pretrainedWindows: 0 };
    },
    takesAnySize: ({ otherSizes }) => otherSizes !== "refuse",
    describe: ({ width, depths, windows }) =>
      `${first ? "Swin" : "Swin V2"} of width ${width}, depths ${depths.join(", ")}, windows ${[...new Set(windows.map(([h]) => h))].join(", ")}`,
    resizeWeights,
    configFromTimm: (json) => swinConfig(swinOptions(argumentsInFile(files, json))),
    configForTimm: (config, options) =>
      timmFile(files, config, options, {
        features: stageWidth(config, config.depths.length - 1),
        firstConv: "patch_embed.proj",
        classifier: "head.fc",
      }),
    configFromHuggingFace: (json, place) => swinFromHuggingFace(json, place, version),
    configForHuggingFace: (config, labels) => swinForHuggingFace(config, labels, version),
    huggingFaceNames: () => invertRules(first ? huggingFaceSwinRules() : huggingFaceSwinV2Rules()),
  };
}

/**
 * The source, its tables of biases those of the wanted windows, and its positions those of the wanted map. The network of version 2 needs
 * nothing: it makes biases for any offset.
 */
function resizeWeights(source: WeightSource, from: SwinConfig, to: SwinConfig, rule: PositionRule): WeightSource {
  const biasRule: BiasTableRule = rule === "timm" ? "geometric" : "bicubic";
  /** The windows before and after of the stage that a table is of. */
  const windowsOf = (name: string): readonly [GridSize, GridSize] | undefined => {
    const [, stage] = /^layers\.(\d+)\.blocks\.\d+\.attn\.relative_position_bias_table$/.exec(name) ?? [];
    if (stage === undefined || Number(stage) >= Math.min(from.depths.length, to.depths.length)) return undefined;
    return [stageWindows(from, Number(stage)).window, stageWindows(to, Number(stage)).window];
  };
  const isPositions = (name: string): boolean => name === "absolute_pos_embed";
  const [before, after] = [stageMap(from, 0), stageMap(to, 0)];
  return {
    ...source,
    info: (name) => {
      const info = source.info(name);
      const windows = windowsOf(name);
      if (windows) return { ...info, shape: [(2 * windows[1][0] - 1) * (2 * windows[1][1] - 1), info.shape[1]!] };
      return isPositions(name) ? { ...info, shape: [1, after[0] * after[1], info.shape[2]!] } : info;
    },
    read: async (name) => {
      const array = await source.read(name);
      const windows = windowsOf(name);
      if (windows) return resizeBiasTable(toFloat32(array), windows[0], windows[1], biasRule);
      if (!isPositions(name)) return array;
      return resizeLoadedPositions(toFloat32(array), { from: before, to: after, prefix: 0, rule });
    },
  };
}
