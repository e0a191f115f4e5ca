/** The configuration of a residual network: every choice that the published ones differ in, and the paper's defaults. */

import { VitrineError } from "../../errors.ts";
import { type Activation, activationNamed } from "../../nn/activations.ts";
import type { GridSize } from "../../nn/positions.ts";
import type { ImageClassifierConfig } from "../classifier.ts";
import { noCounterpart } from "../config-json.ts";
import type { Json, JsonObject } from "../json.ts";

/** Two convolutions of 3 × 3, or 1 × 1, 3 × 3 and 1 × 1 with four times the channels. */
export type ResNetBlock = "basic" | "bottleneck";

/** A residual network in full. */
export interface ResNetConfig extends ImageClassifierConfig {
  /** Images the weights were made for, in pixels [high, wide]; others are taken as well. */
  readonly imageSize: GridSize;
  /** Kind of block of each of the four stages. */
  readonly blocks: readonly ResNetBlock[];
  /** Number of blocks of each stage. */
  readonly depths: readonly number[];
  /** Channels of each stage's 3 × 3 convolutions, before the bottleneck's factor of four. */
  readonly widths: readonly number[];
  /** One convolution of 7 × 7, or three of 3 × 3, of even or growing widths. */
  readonly stem: "conv7" | "deep" | "deep_tiered";
  /** Channels of the first convolutions of a deep stem, which ends with twice as many. */
  readonly stemWidth: number;
  /** Groups of channels in the 3 × 3 convolution of a bottleneck (ResNeXt). */
  readonly groups: number;
  /** Channels of one group where a stage has 64; 64 without groups, 128 in wide networks. */
  readonly groupWidth: number;
  /** Shortcuts halve the size by means of 2 × 2, not by leaving pixels out. */
  readonly averageDown: boolean;
  /** Which stages keep the size and widen their windows instead of halving the size. */
  readonly dilated: readonly boolean[];
  readonly activation: Activation;
  /** Statistics of batches, or fixed ones, in training too. Files do not keep this: a saved model is loaded with those of batches unless it is said again. */
  readonly norm: "batch" | "frozen";
  /** The last normalisation of each branch begins at 0, so that blocks begin as identities. */
  readonly zeroLast: boolean;
  readonly headDropout: number;
}

/** What is given; the rest has defaults. */
export type ResNetOptions = Partial<Omit<ResNetConfig, "imageSize" | "blocks">> & {
  readonly imageSize?: number | GridSize;
  readonly blocks?: ResNetBlock | readonly ResNetBlock[];
};

/**
 * A whole configuration. Without options: ResNet-50 for 224 pixels and 1000 classes.
 * @throws {VitrineError} INVALID_ARGUMENT when choices contradict each other.
 */
export function resnetConfig({ imageSize = 224, blocks = "bottleneck", ...rest }: ResNetOptions = {}): ResNetConfig {
  const depths = rest.depths ?? [3, 4, 6, 3];
  const config: ResNetConfig = {
    channels: 3,
    labels: 1000,
    depths,
    widths: [64, 128, 256, 512].slice(0, depths.length),
    stem: "conv7",
    stemWidth: 64,
    groups: 1,
    groupWidth: 64,
    averageDown: false,
    dilated: depths.map(() => false),
    activation: "relu",
    norm: "batch",
    zeroLast: false,
    headDropout: 0,
    dropPath: 0,
    ...rest,
    imageSize: typeof imageSize === "number" ? [imageSize, imageSize] : imageSize,
    blocks: typeof blocks === "string" ? depths.map(() => blocks) : blocks,
  };
  check(config);
  return config;
}

function check(config: ResNetConfig): void {
  const must = (holds: boolean, rule: string, evidence: unknown): void => {
    if (!holds) throw new VitrineError("INVALID_ARGUMENT", { rule: `ResNet: ${rule}`, evidence: `got ${evidence}` });
  };
  const whole = (value: number, least: number): boolean => Number.isInteger(value) && value >= least;
  const { depths, widths, blocks, dilated, labels } = config;
  must(depths.length >= 1 && depths.length <= 4, "there must be one to four stages", depths.length);
  for (const [name, list] of Object.entries({ widths, blocks, dilated }))
    must(list.length === depths.length, `${name} must have one entry for each stage`, list.length);
  for (const [name, list] of Object.entries({ depths, widths }))
    must(
      list.every((n) => whole(n, 1)),
      `${name} must be positive integers`,
      list.join(", "),
    );
  for (const name of ["channels", "stemWidth", "groups", "groupWidth"] as const)
    must(whole(config[name], 1), `${name} must be a positive integer`, config[name]);
  must(whole(labels, 0), "labels must be a whole number", labels);
  must(
    config.imageSize.every((side) => whole(side, 1)),
    "imageSize must be positive pixels",
    config.imageSize.join(" × "),
  );
  const plain = config.groups === 1 && config.groupWidth === 64;
  must(
    plain || !blocks.includes("basic"),
    "basic blocks have no groups",
    `groups ${config.groups}, groupWidth ${config.groupWidth}`,
  );
  for (const name of ["headDropout", "dropPath"] as const)
    must(config[name] >= 0 && config[name] < 1, `${name} must be in [0, 1)`, config[name]);
}

/** Arguments of timm's and torchvision's classes that change nothing here. */
const silent: ReadonlySet<string> = new Set(["zero_init_last", "zero_init_residual", "device", "dtype", "img_size"]);

const blockNames: Readonly<Record<string, ResNetBlock>> = { BasicBlock: "basic", Bottleneck: "bottleneck" };

/**
 * Our options for the arguments of timm's or torchvision's `ResNet`; what is not given has their defaults, which are the same.
 * @param args as JSON; layers by name (`"block": "Bottleneck"`)
 * @throws {VitrineError} INVALID_ARGUMENT for an argument or value that has no counterpart.
 * @source timm/models/resnet.py, torchvision/models/resnet.py
 */
export function resnetOptions(args: JsonObject): ResNetOptions {
  const given = new Map(Object.entries(args).filter(([, value]) => value !== null));
  const take = <T extends Json>(name: string, fallback: T): T => {
    const value = (given.get(name) ?? fallback) as T;
    given.delete(name);
    return value;
  };
  const kinds = [take<Json>("block", "Bottleneck")].flat().map((name) => {
    const kind = blockNames[String(name).split(".").at(-1)!];
    if (!kind) throw unknown("block", name);
    return kind;
  });
  const depths = take<readonly number[]>("layers", [3, 4, 6, 3]);
  const norm = String(take<Json>("norm_layer", "BatchNorm2d"));
  if (!/batch/i.test(norm)) throw unknown("norm_layer", norm);
  const stem = take("stem_type", "");
  if (!["", "deep", "deep_tiered"].includes(stem)) throw unknown("stem_type", stem);
  for (const [name, only] of [
    ["global_pool", "avg"],
    ["replace_stem_pool", false],
    ["block_reduce_first", 1],
    ["down_kernel_size", 1],
    ["drop_block_rate", 0],
  ] as const) {
    const value = take<Json>(name, only);
    if (value !== only) throw unknown(name, value);
  }
  const widths = take<readonly number[] | null>("channels", null);
  const outputStride = take("output_stride", 32);
  const instead = take<readonly boolean[]>("replace_stride_with_dilation", []);
  const options: ResNetOptions = {
    blocks: kinds.length === 1 ? kinds[0]! : kinds,
    depths,
    ...(widths ? { widths } : {}),
    labels: take("num_classes", 1000),
    channels: take("in_chans", 3),
    groups: take("cardinality", take("groups", 1)),
    groupWidth: take("base_width", take("width_per_group", 64)),
    stem: stem === "" ? "conv7" : (stem as ResNetConfig["stem"]),
    stemWidth: take("stem_width", 64),
    averageDown: take("avg_down", false),
    // Stages after the wanted stride is reached; torchvision says it stage by stage.
    dilated: depths.map((_, i) => i > 0 && (instead[i - 1] ?? 2 ** (i + 2) > outputStride)),
    activation: activationNamed(String(take("act_layer", "relu")).replace(/^nn\./, "").toLowerCase()),
    norm: /frozen/i.test(norm) ? "frozen" : "batch",
    headDropout: take("drop_rate", 0),
    dropPath: take("drop_path_rate", 0),
  };
  for (const [name, value] of given) if (!silent.has(name)) throw unknown(name, value);
  return options;
}

/**
 * All of timm's arguments for a configuration, by which two configurations can be compared. Fixed statistics are none of them: in use they are what timm's
 * normalisation computes, under the same names.
 * @throws {VitrineError} INVALID_ARGUMENT for what timm's class cannot express.
 */
export function resnetArguments(config: ResNetConfig): JsonObject {
  const firstDilated = config.dilated.indexOf(true);
  if (firstDilated >= 0 && !config.dilated.slice(firstDilated).every(Boolean))
    throw unknown("dilated", config.dilated as readonly boolean[]);
  const named = Object.entries(blockNames);
  const block = config.blocks.map((kind) => named.find(([, ours]) => ours === kind)![0]);
  return {
    block,
    layers: config.depths,
    channels: config.widths,
    num_classes: config.labels,
    in_chans: config.channels,
    cardinality: config.groups,
    base_width: config.groupWidth,
    stem_type: config.stem === "conv7" ? "" : config.stem,
    stem_width: config.stemWidth,
    avg_down: config.averageDown,
    output_stride: firstDilated < 0 ? 32 : 2 ** (firstDilated + 1),
    act_layer: config.activation,
  };
}

const unknown = (name: string, value: Json): VitrineError => noCounterpart("ResNet", name, value);
