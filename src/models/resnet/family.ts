/** Residual networks, as loading and saving see them. */

import { VitrineError } from "../../errors.ts";
import { activationNamed } from "../../nn/activations.ts";
import { huggingFaceResNetRules, resnetNamings } from "../../weights/resnet-rules.ts";
import { invertRules } from "../../weights/rules.ts";
import { channelStats } from "../channel-stats.ts";
import {
  argumentsInFile,
  entryReader,
  labelsInFile,
  labelTables,
  type TimmArguments,
  timmFile,
} from "../config-json.ts";
import type { Family, HuggingFaceMeaning } from "../family.ts";
import type { JsonObject } from "../json.ts";
import { type ResNetConfig, type ResNetOptions, resnetArguments, resnetConfig, resnetOptions } from "./config.ts";
import { namedResNets } from "./names.ts";
import { ResNet } from "./resnet.ts";

const files: TimmArguments<ResNetConfig, ResNetOptions> = {
  models: namedResNets,
  config: resnetConfig,
  argumentsOf: resnetArguments,
  fixed: ["block"],
};

/** ResNet, ResNeXt and wide networks. */
export const resnetFamily: Family<ResNetConfig, ResNetOptions> = {
  models: namedResNets,
  heads: ["fc"],
  namings: resnetNamings,
  config: resnetConfig,
  create: (config) => new ResNet(config),
  blocks: "convolution",
  // The last map has a cell for 32 pixels: two of them at least.
  smallImages: (_, side) => ({ imageSize: Math.max(64, 32 * Math.ceil(side / 32)) }),
  takesAnySize: () => true,
  describe: ({ depths, widths, groups }) =>
    `${groups > 1 ? "ResNeXt" : "ResNet"} of depths ${depths.join(", ")}, widths ${widths.join(", ")}`,
  resizeWeights: (source) => source,
  configFromTimm: (json) => {
    const size = json.input_size as readonly number[] | undefined;
    const named = namedResNets.get(String(json.architecture))!;
    const imageSize = size ? ([size[1]!, size[2]!] as const) : named.options.imageSize!;
    return resnetConfig({ ...resnetOptions(argumentsInFile(files, json)), imageSize });
  },
  configForTimm: (config, options) =>
    timmFile(files, config, options, {
      features: features(config),
      firstConv: config.stem === "conv7" ? "conv1" : "conv1.0",
      classifier: "fc",
    }),
  configFromHuggingFace,
  configForHuggingFace,
  huggingFaceNames: () => invertRules(huggingFaceResNetRules()),
};

/** Width of the last map. */
function features({ widths, blocks }: ResNetConfig): number {
  return widths.at(-1)! * (blocks.at(-1) === "basic" ? 1 : 4);
}

/** @source transformers, models/resnet/configuration_resnet.py */
function configFromHuggingFace(json: JsonObject, place: string): HuggingFaceMeaning<ResNetConfig> {
  const read = entryReader(json, place);
  const kind = read<string>("layer_type", "bottleneck");
  const outs = read<readonly number[]>("hidden_sizes", [256, 512, 1024, 2048]);
  for (const name of ["downsample_in_first_stage", "downsample_in_bottleneck"])
    if (read(name, false)) throw unsupported(`${name} true`, place);
  if (read("embedding_size", 64) !== 64) throw unsupported(`embedding_size ${json.embedding_size}`, place);
  if (kind !== "basic" && kind !== "bottleneck") throw unsupported(`layer_type "${kind}"`, place);
  const config = resnetConfig({
    channels: read("num_channels", 3),
    labels: labelsInFile(json, "ResNet", place),
    blocks: kind,
    depths: read<readonly number[]>("depths", [3, 4, 6, 3]),
    widths: kind === "basic" ? outs : outs.map((out) => out / 4),
    activation: activationNamed(read("hidden_act", "relu")),
  });
  const { mean, std } = channelStats.imagenet;
  return {
    architecture: kind === "basic" ? "resnet18" : "resnet50",
    config,
    processor: {
      ...{ image_processor_type: "BitImageProcessor", size: { shortest_edge: 256 }, crop_size: 224 },
      ...{ image_mean: mean, image_std: std },
    },
  };
}

function unsupported(evidence: string, place?: string): VitrineError {
  return new VitrineError("INVALID_ARGUMENT", {
    rule: "transformers' ResNet and this one have no such model in common",
    evidence: `got ${evidence}`,
    place,
  });
}

function configForHuggingFace(config: ResNetConfig, labels: readonly string[]): JsonObject {
  const { channels, depths, widths, blocks, activation, imageSize } = config;
  const [kind] = blocks;
  const plain = resnetConfig({
    ...{ imageSize, channels, labels: config.labels, depths, widths, blocks: kind!, activation },
    ...{ zeroLast: config.zeroLast, headDropout: config.headDropout, dropPath: config.dropPath },
  });
  const extra = (Object.keys(config) as (keyof ResNetConfig)[]).filter(
    (name) => JSON.stringify(config[name]) !== JSON.stringify(plain[name]),
  );
  if (extra.length > 0) throw unsupported(extra.map((name) => `${name} ${JSON.stringify(config[name])}`).join(", "));
  return {
    architectures: ["ResNetForImageClassification"],
    model_type: "resnet",
    num_channels: channels,
    embedding_size: 64,
    depths,
    hidden_sizes: kind === "basic" ? widths : widths.map((width) => 4 * width),
    layer_type: kind!,
    hidden_act: activation,
    ...labelTables(labels),
  };
}
