/** The configuration of a Transformer in Transformer, and timm's arguments for it. */

import { VitrineError } from "../../errors.ts";
import type { GridSize } from "../../nn/positions.ts";
import type { ImageClassifierConfig } from "../classifier.ts";
import { noCounterpart, sizeFromJson } from "../config-json.ts";
import type { Json, JsonObject } from "../json.ts";

/** A Transformer in Transformer in full. */
export interface TNTConfig extends ImageClassifierConfig {
  /** One patch, a visual sentence, in pixels [high, wide]. */
  readonly patchSize: GridSize;
  /** Pixels from one visual word of a patch to the next. */
  readonly stride: number;
  /** Sentence width d. */
  readonly width: number;
  /** Word width e, the paper's c. */
  readonly innerWidth: number;
  /** Number of blocks L. */
  readonly depth: number;
  /** Attention heads between sentences; divides `width`. */
  readonly heads: number;
  /** Attention heads between the words of a sentence; divides `innerWidth`. */
  readonly innerHeads: number;
  /** Width inside the MLP of sentences; that of words is four times `innerWidth`. */
  readonly mlpWidth: number;
  /** Biases of queries, keys and values. */
  readonly qkvBias: boolean;
  /**
   * The form of timm's first weights: the convolution sees the whole image, not one patch at a time, and blocks add words to sentences by a
   * map with a bias that is normalised word by word before, and not after.
   */
  readonly legacy: boolean;
  /** ε of all normalisations. */
  readonly eps: number;
  /** What the head reads: the class token, or the mean of the sentences. */
  readonly pool: "token" | "avg";
  /** Rates of dropping: in the head, of sentences' numbers after positions, in maps, in attention weights. */
  readonly headDropout: number;
  readonly posDropout: number;
  readonly dropout: number;
  readonly attnDropout: number;
}

/** What is given; the rest has defaults. Sizes may be one number for both sides. */
export type TNTOptions = Partial<Omit<TNTConfig, "imageSize" | "patchSize">> & {
  readonly imageSize?: number | GridSize;
  readonly patchSize?: number | GridSize;
};

/**
 * A whole configuration. Without options: TNT-S at 224 pixels with 1000 classes.
 * @throws {VitrineError} INVALID_ARGUMENT when choices contradict each other.
 */
export function tntConfig(options: TNTOptions = {}): TNTConfig {
  const { imageSize = 224, patchSize = 16, ...rest } = options;
  const config: TNTConfig = {
    channels: 3,
    labels: 1000,
    stride: 4,
    width: 384,
    innerWidth: 24,
    depth: 12,
    heads: 6,
    innerHeads: 4,
    mlpWidth: 4 * (rest.width ?? 384),
    qkvBias: false,
    legacy: false,
    eps: 1e-5,
    pool: "token",
    headDropout: 0,
    posDropout: 0,
    dropout: 0,
    attnDropout: 0,
    dropPath: 0,
    ...rest,
    imageSize: pair(imageSize),
    patchSize: pair(patchSize),
  };
  check(config);
  return config;
}

/** Patches [high, wide] of an image. */
export function tntGrid({ imageSize, patchSize }: TNTConfig): GridSize {
  return [imageSize[0] / patchSize[0], imageSize[1] / patchSize[1]];
}

/** Words [high, wide] of a patch. */
export function tntWords({ patchSize, stride }: TNTConfig): GridSize {
  return [Math.ceil(patchSize[0] / stride), Math.ceil(patchSize[1] / stride)];
}

function pair(size: number | GridSize): GridSize {
  return typeof size === "number" ? [size, size] : size;
}

function check(config: TNTConfig): void {
  const must = (holds: boolean, rule: string, evidence: unknown): void => {
    if (!holds) throw new VitrineError("INVALID_ARGUMENT", { rule: `TNT: ${rule}`, evidence: `got ${evidence}` });
  };
  const whole = (value: number, least: number): boolean => Number.isInteger(value) && value >= least;
  const { imageSize, patchSize, stride, width, innerWidth, heads, innerHeads, labels, legacy } = config;
  const counts = ["channels", "stride", "width", "innerWidth", "depth", "heads", "innerHeads", "mlpWidth"] as const;
  for (const name of counts) must(whole(config[name], 1), `${name} must be a positive integer`, config[name]);
  must(whole(labels, 0), "labels must be a whole number", labels);
  for (const [name, size] of Object.entries({ imageSize, patchSize }))
    must(
      size.every((side) => whole(side, 1)),
      `${name} must be positive pixels`,
      size.join(" × "),
    );
  must(
    tntGrid(config).every((side) => whole(side, 1)),
    "patches must fit the image",
    `patches of ${patchSize.join(" × ")} in ${imageSize.join(" × ")}`,
  );
  must(
    !legacy || patchSize.every((side) => side % stride === 0),
    "in the legacy form the stride must divide the patch",
    `stride ${stride}, patches of ${patchSize.join(" × ")}`,
  );
  must(width % heads === 0, "heads must divide the width", `width ${width}, ${heads} heads`);
  must(innerWidth % innerHeads === 0, "heads must divide the width", `inner width ${innerWidth}, ${innerHeads} heads`);
  must(config.eps > 0, "eps must be positive", config.eps);
  for (const name of ["headDropout", "posDropout", "dropout", "attnDropout", "dropPath"] as const)
    must(config[name] >= 0 && config[name] < 1, `${name} must be in [0, 1)`, config[name]);
}

/** Arguments of timm's class that change nothing here. */
const silent: ReadonlySet<string> = new Set(["device", "dtype", "out_indices"]);

/**
 * Our options for the arguments of timm's `TNT`; what is not given has timm's default.
 * @param args as JSON
 * @throws {VitrineError} INVALID_ARGUMENT for an argument or value that has no counterpart.
 * @source timm/models/tnt.py TNT
 */
export function tntOptions(args: JsonObject): TNTOptions {
  const given = new Map(Object.entries(args).filter(([, value]) => value !== null));
  const take = <T extends Json>(name: string, fallback: T): T => {
    const value = (given.get(name) ?? fallback) as T;
    given.delete(name);
    return value;
  };
  const width = take("embed_dim", 768);
  const norm = take("norm_layer", "LayerNorm");
  if (!/layer/i.test(norm)) throw unknown("norm_layer", norm);
  const eps = /eps[ =]+([\d.]+(?:e-?\d+)?)/.exec(norm)?.[1];
  const pool = take("global_pool", "token");
  if (pool !== "token" && pool !== "avg") throw unknown("global_pool", pool);
  const options: TNTOptions = {
    imageSize: sizeFromJson("TNT", "img_size", take<Json>("img_size", 224)),
    patchSize: sizeFromJson("TNT", "patch_size", take<Json>("patch_size", 16)),
    channels: take("in_chans", 3),
    labels: take("num_classes", 1000),
    stride: take("first_stride", 4),
    width,
    innerWidth: take("inner_dim", 48),
    depth: take("depth", 12),
    heads: take("num_heads_outer", 12),
    innerHeads: take("num_heads_inner", 4),
    mlpWidth: Math.trunc(width * take("mlp_ratio", 4)),
    qkvBias: take("qkv_bias", false),
    legacy: take("legacy", false),
    eps: eps ? Number(eps) : 1e-5,
    pool,
    headDropout: take("drop_rate", 0),
    posDropout: take("pos_drop_rate", 0),
    dropout: take("proj_drop_rate", 0),
    attnDropout: take("attn_drop_rate", 0),
    dropPath: take("drop_path_rate", 0),
  };
  for (const [name, value] of given) if (!silent.has(name)) throw unknown(name, value);
  return options;
}

/** All of timm's arguments for a configuration, by which two configurations can be compared. */
export function tntArguments(config: TNTConfig): JsonObject {
  const size = ([high, wide]: GridSize): Json => (high === wide ? high : [high, wide]);
  const ratio = config.mlpWidth / config.width;
  return {
    img_size: size(config.imageSize),
    patch_size: size(config.patchSize),
    in_chans: config.channels,
    num_classes: config.labels,
    global_pool: config.pool,
    embed_dim: config.width,
    inner_dim: config.innerWidth,
    depth: config.depth,
    num_heads_inner: config.innerHeads,
    num_heads_outer: config.heads,
    // timm takes the whole part of width · ratio.
    mlp_ratio: Math.trunc(config.width * ratio) === config.mlpWidth ? ratio : (config.mlpWidth + 0.5) / config.width,
    qkv_bias: config.qkvBias,
    norm_layer: config.eps === 1e-5 ? "LayerNorm" : `LayerNorm, eps ${config.eps}`,
    first_stride: config.stride,
    legacy: config.legacy,
  };
}

const unknown = (name: string, value: Json): VitrineError => noCounterpart("TNT", name, value);
