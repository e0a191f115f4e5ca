/**
 * Between our configuration of a Swin Transformer and others': the arguments of timm's constructors, and transformers' `config.json`.
 *
 * Reference code: timm/models/swin_transformer.py, swin_transformer_v2.py; transformers configuration_swin.py, configuration_swinv2.py.
 */

import { VitrineError } from "../../errors.ts";
import { activationNamed } from "../../nn/activations.ts";
import type { GridSize } from "../../nn/positions.ts";
import { channelStats } from "../channel-stats.ts";
import { entryReader, labelsInFile, labelTables, noCounterpart, sizeFromJson } from "../config-json.ts";
import type { HuggingFaceMeaning } from "../family.ts";
import type { Json, JsonObject } from "../json.ts";
import { type SwinConfig, type SwinOptions, stageMap, swinConfig } from "./config.ts";

/** Which of the two papers. */
export type SwinVersion = 1 | 2;

/** Arguments of timm's classes that change nothing here. */
const silent: ReadonlySet<string> = new Set(["weight_init", "device", "dtype", "output_fmt"]);

/**
 * Our options for the arguments of timm's `SwinTransformer` or `SwinTransformerV2`; what is not given has timm's default.
 * @param args as JSON; layers by name (`"act_layer": "gelu"`)
 * @throws {VitrineError} INVALID_ARGUMENT for an argument or value that has no counterpart.
 */
export function swinOptions(args: JsonObject): SwinOptions {
  const given = new Map(Object.entries(args).filter(([, value]) => value !== null));
  const take = <T extends Json>(name: string, fallback: T): T => {
    const value = (given.get(name) ?? fallback) as T;
    given.delete(name);
    return value;
  };
  const depths = take<readonly number[]>("depths", [2, 2, 6, 2]);
  const norm = String(take<Json>("norm_layer", "LayerNorm"));
  const eps = /eps[ =]+([\d.]+(?:e-?\d+)?)/.exec(norm)?.[1];
  if (!/layer/i.test(norm)) throw unknown("norm_layer", norm);
  const pool = take("global_pool", "avg");
  if (pool !== "avg") throw unknown("global_pool", pool);
  const headWidth = take<Json>("head_dim", 0);
  if (typeof headWidth !== "number") throw unknown("head_dim", headWidth);
  const options: SwinOptions = {
    imageSize: sizeFromJson("Swin", "img_size", take<Json>("img_size", 224)),
    patchSize: sizeFromJson("Swin", "patch_size", take<Json>("patch_size", 4)),
    channels: take("in_chans", 3),
    labels: take("num_classes", 1000),
    width: take("embed_dim", 96),
    depths,
    // timm reads as many as there are stages.
    heads: take<readonly number[]>("num_heads", [3, 6, 12, 24]).slice(0, depths.length),
    headWidth: headWidth === 0 ? undefined : headWidth,
    windows: windowsOf(take<Json>("window_size", 7), depths.length),
    pretrainedWindows: sizesOf("pretrained window size", take<Json>("pretrained_window_sizes", 0), depths.length),
    mlpRatios: take<number | readonly number[]>("mlp_ratio", 4),
    alwaysShift: take("always_partition", false),
    otherSizes: take("strict_img_size", true) ? "refuse" : "fit",
    qkvBias: take("qkv_bias", true),
    activation: activationNamed(take("act_layer", "gelu")),
    eps: eps ? Number(eps) : 1e-5,
    headDropout: take("drop_rate", 0),
    dropout: take("proj_drop_rate", 0),
    attnDropout: take("attn_drop_rate", 0),
    dropPath: take("drop_path_rate", 0),
  };
  for (const [name, value] of given) if (!silent.has(name)) throw unknown(name, value);
  return options;
}

/**
 * All of timm's arguments for a configuration, by which two configurations can be compared.
 * @throws {VitrineError} INVALID_ARGUMENT for what timm's classes cannot express.
 */
export function swinArguments(config: SwinConfig, version: SwinVersion): JsonObject {
  if (config.absolutePositions) throw unknown("option", "absolutePositions");
  const foreign = config.padFirst || config.shrink !== "model";
  if (foreign && !fitsEverywhere(config)) throw unknown("way of filling windows", "padFirst");
  if (config.mergeEps !== config.eps) throw unknown("option", "mergeEps");
  const windows = perStage(config.windows);
  // timm would take two sizes for the sides of one window.
  if (config.depths.length === 2 && JSON.stringify(windows) !== JSON.stringify(side(config.windows[0]!)))
    throw unknown("difference of two windows", windows);
  return {
    img_size: side(config.imageSize),
    patch_size: side(config.patchSize),
    in_chans: config.channels,
    num_classes: config.labels,
    embed_dim: config.width,
    depths: config.depths,
    num_heads: config.heads,
    window_size: windows,
    mlp_ratio: new Set(config.mlpRatios).size === 1 ? config.mlpRatios[0]! : config.mlpRatios,
    always_partition: config.alwaysShift,
    strict_img_size: config.otherSizes === "refuse",
    qkv_bias: config.qkvBias,
    norm_layer: config.eps === 1e-5 ? "LayerNorm" : `LayerNorm, eps ${config.eps}`,
    ...(version === 1
      ? { head_dim: config.headWidth ?? null, act_layer: config.activation }
      : { pretrained_window_sizes: config.pretrainedWindows.map(side), act_layer: config.activation }),
  };
}

/** True where windows and merged patches fit each map, so that all codes agree. */
function fitsEverywhere(config: SwinConfig): boolean {
  return config.windows.every((window, stage) => {
    const map = stageMap(config, stage);
    const scale = 2 ** stage;
    return [0, 1].every((axis) => {
      const whole = map[axis]! * scale * config.patchSize[axis]! === config.imageSize[axis];
      return whole && map[0] === map[1] && map[axis]! % window[axis]! === 0;
    });
  });
}

/**
 * The configuration that transformers' `config.json` of a Swin or Swin V2 means.
 * @param place file name, for messages
 * @throws {VitrineError} INVALID_FILE for a value of the wrong kind; INVALID_ARGUMENT for another task.
 */
export function swinFromHuggingFace(
  json: JsonObject,
  place: string,
  version: SwinVersion,
): HuggingFaceMeaning<SwinConfig> {
  const read = entryReader(json, place);
  const depths = read<readonly number[]>("depths", [2, 2, 6, 2]);
  const pretrained = json.pretrained_window_sizes ?? 0;
  const config = swinConfig({
    imageSize: sizeFromJson("Swin", "image_size", json.image_size ?? 224),
    patchSize: sizeFromJson("Swin", "patch_size", json.patch_size ?? 4),
    channels: read("num_channels", 3),
    labels: labelsInFile(json, version === 1 ? "Swin" : "Swinv2", place),
    width: read("embed_dim", 96),
    depths,
    heads: read<readonly number[]>("num_heads", [3, 6, 12, 24]),
    windows: windowsOf(json.window_size ?? 7, depths.length),
    pretrainedWindows: version === 1 ? 0 : sizesOf("pretrained window size", pretrained, depths.length),
    mlpRatios: read("mlp_ratio", 4),
    shrink: version === 1 ? "map" : "model",
    padFirst: true,
    otherSizes: "pad",
    absolutePositions: read("use_absolute_embeddings", false),
    qkvBias: read("qkv_bias", true),
    activation: activationNamed(read("hidden_act", "gelu")),
    eps: read("layer_norm_eps", 1e-5),
    mergeEps: 1e-5,
    dropout: read("hidden_dropout_prob", 0),
    attnDropout: read("attention_probs_dropout_prob", 0),
    dropPath: read("drop_path_rate", 0.1),
  });
  const { mean, std } = channelStats.imagenet;
  return {
    architecture: version === 1 ? "swin_tiny_patch4_window7_224" : "swinv2_tiny_window8_256",
    config,
    processor: { image_processor_type: "ViTImageProcessor", resample: 3, image_mean: mean, image_std: std },
  };
}

/**
 * `config.json` from which transformers builds the model again.
 * @param labels a name for each class
 * @throws {VitrineError} INVALID_ARGUMENT for a model that transformers cannot express.
 */
export function swinForHuggingFace(config: SwinConfig, labels: readonly string[], version: SwinVersion): JsonObject {
  const window = perStage(config.windows);
  const refuse = (what: string, value: Json): never => {
    throw new VitrineError("INVALID_ARGUMENT", {
      rule: "transformers' Swin cannot express this model",
      evidence: `it has ${what} ${JSON.stringify(value)}`,
      next: "save in timm's form",
    });
  };
  const likeTheirs = config.padFirst && config.shrink === (version === 1 ? "map" : "model");
  if (!likeTheirs && !fitsEverywhere(config)) refuse("padFirst", config.padFirst);
  if (config.alwaysShift) refuse("alwaysShift", true);
  if (config.headWidth !== undefined) refuse("headWidth", config.headWidth);
  if (typeof window !== "number") refuse("windows", window);
  if (new Set(config.mlpRatios).size > 1) refuse("mlpRatios", config.mlpRatios);
  if (config.mergeEps !== 1e-5) refuse("mergeEps", config.mergeEps);
  const name = version === 1 ? "Swin" : "Swinv2";
  return {
    architectures: [`${name}ForImageClassification`],
    model_type: name.toLowerCase(),
    image_size: side(config.imageSize),
    patch_size: side(config.patchSize),
    num_channels: config.channels,
    embed_dim: config.width,
    depths: config.depths,
    num_heads: config.heads,
    window_size: window,
    ...(version === 2 ? { pretrained_window_sizes: config.pretrainedWindows.map(side) } : {}),
    mlp_ratio: config.mlpRatios[0]!,
    qkv_bias: config.qkvBias,
    hidden_act: config.activation === "gelu_tanh" ? "gelu_pytorch_tanh" : config.activation,
    use_absolute_embeddings: config.absolutePositions,
    layer_norm_eps: config.eps,
    hidden_dropout_prob: config.dropout,
    attention_probs_dropout_prob: config.attnDropout,
    drop_path_rate: config.dropPath,
    initializer_range: 0.02,
    ...labelTables(labels),
  };
}

/** `7`, `[7, 9]` (the sides of all stages' windows), or a size for each stage. @source timm/models/swin_transformer.py SwinTransformer */
function windowsOf(value: Json, stages: number): number | readonly (number | GridSize)[] {
  if (Array.isArray(value) && value.length === 2 && value.every((size) => typeof size === "number"))
    return Array.from({ length: stages }, () => [value[0] as number, value[1] as number] as const);
  return sizesOf("window size", value, stages);
}

/** One size for all stages, or a size for each. */
function sizesOf(name: string, value: Json, stages: number): number | readonly (number | GridSize)[] {
  if (typeof value === "number") return value;
  if (!Array.isArray(value)) throw unknown(name, value);
  return (value as readonly Json[]).slice(0, stages).map((size) => sizeFromJson("Swin", name, size));
}

/** One value where all stages have the same. */
function perStage(windows: readonly GridSize[]): Json {
  const sides = windows.map(side);
  return new Set(sides.map((size) => JSON.stringify(size))).size === 1 ? sides[0]! : sides;
}

function side([high, wide]: GridSize): Json {
  return high === wide ? high : [high, wide];
}

const unknown = (name: string, value: Json): VitrineError => noCounterpart("Swin", name, value);
