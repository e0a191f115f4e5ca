/** The configuration of a masked autoencoder, and what others' arguments mean. */

import { VitrineError } from "../../errors.ts";
import type { GridSize } from "../../nn/positions.ts";
import { entryReader } from "../config-json.ts";
import type { Json, JsonObject } from "../json.ts";

/** A masked autoencoder in full. */
export interface MAEConfig {
  /** Images, in pixels [high, wide]. */
  readonly imageSize: GridSize;
  /** One patch, in pixels [high, wide]; divides the image. */
  readonly patchSize: GridSize;
  readonly channels: number;
  /** Token width of the encoder; a multiple of 4. */
  readonly width: number;
  /** Number of blocks of the encoder. */
  readonly depth: number;
  /** Attention heads of the encoder; divides `width`. */
  readonly heads: number;
  readonly mlpWidth: number;
  /** The same of the decoder. */
  readonly decoderWidth: number;
  readonly decoderDepth: number;
  readonly decoderHeads: number;
  readonly decoderMlpWidth: number;
  /** Share of the patches that are hidden, in (0, 1). */
  readonly maskRatio: number;
  /** Whether the target is each patch's pixels normalised by their own mean and deviation. */
  readonly normalizePixels: boolean;
  /** ε of all normalisations. */
  readonly eps: number;
}

/** What is given; the rest has defaults. Sizes may be one number for both sides. */
export type MAEOptions = Partial<Omit<MAEConfig, "imageSize" | "patchSize">> & {
  readonly imageSize?: number | GridSize;
  readonly patchSize?: number | GridSize;
};

type MAESize = Pick<MAEConfig, "width" | "depth" | "heads" | "patchSize">;

/** Encoders by their published letter; the decoder is the same for all. */
export const maeSizes: Readonly<Record<"B" | "L" | "H", MAESize>> = {
  B: { width: 768, depth: 12, heads: 12, patchSize: [16, 16] },
  L: { width: 1024, depth: 24, heads: 16, patchSize: [16, 16] },
  H: { width: 1280, depth: 32, heads: 16, patchSize: [14, 14] },
};

/**
 * A whole configuration. Without options: the paper's, with a ViT-B/16 at 224 pixels as encoder.
 * @throws {VitrineError} INVALID_ARGUMENT when choices contradict each other.
 */
export function maeConfig(options: MAEOptions = {}): MAEConfig {
  const { imageSize = 224, patchSize = 16, ...rest } = options;
  const config: MAEConfig = {
    channels: 3,
    width: 768,
    depth: 12,
    heads: 12,
    mlpWidth: 4 * (rest.width ?? 768),
    decoderWidth: 512,
    decoderDepth: 8,
    decoderHeads: 16,
    decoderMlpWidth: 4 * (rest.decoderWidth ?? 512),
    maskRatio: 0.75,
    normalizePixels: true,
    eps: 1e-6,
    ...rest,
    imageSize: typeof imageSize === "number" ? [imageSize, imageSize] : imageSize,
    patchSize: typeof patchSize === "number" ? [patchSize, patchSize] : patchSize,
  };
  check(config);
  return config;
}

/** Patches [high, wide] of an image. */
export function maeGrid({ imageSize, patchSize }: MAEConfig): GridSize {
  return [imageSize[0] / patchSize[0], imageSize[1] / patchSize[1]];
}

/** Patches of an image that the encoder sees. */
export function maeVisible(config: MAEConfig): number {
  const [h, w] = maeGrid(config);
  return Math.trunc(h * w * (1 - config.maskRatio));
}

function check(config: MAEConfig): void {
  const must = (holds: boolean, rule: string, evidence: unknown): void => {
    if (!holds) throw new VitrineError("INVALID_ARGUMENT", { rule: `MAE: ${rule}`, evidence: `got ${evidence}` });
  };
  const whole = (value: number, least: number): boolean => Number.isInteger(value) && value >= least;
  const { imageSize, patchSize, maskRatio } = config;
  for (const name of ["channels", "depth", "decoderDepth", "mlpWidth", "decoderMlpWidth"] as const)
    must(whole(config[name], 1), `${name} must be a positive integer`, config[name]);
  for (const [name, size] of Object.entries({ imageSize, patchSize }))
    must(
      size.every((side) => whole(side, 1)),
      `${name} must be positive pixels`,
      size.join(" × "),
    );
  must(
    maeGrid(config).every((side) => whole(side, 1)),
    "patches must fit the image",
    `patches of ${patchSize.join(" × ")} in ${imageSize.join(" × ")}`,
  );
  for (const [width, heads] of [
    [config.width, config.heads],
    [config.decoderWidth, config.decoderHeads],
  ] as const) {
    must(whole(width, 4) && width % 4 === 0, "widths must be multiples of 4, for positions", width);
    must(whole(heads, 1) && width % heads === 0, "heads must divide the width", `width ${width}, ${heads} heads`);
  }
  must(maskRatio > 0 && maskRatio < 1, "maskRatio must be between 0 and 1", maskRatio);
  const [visible, [h, w]] = [maeVisible(config), maeGrid(config)];
  must(visible >= 1 && visible < h * w, "some patches must be seen and some hidden", `${visible} of ${h * w} seen`);
  must(config.eps > 0, "eps must be positive", config.eps);
}

/**
 * Our options for the arguments of the official `MaskedAutoencoderViT`; what is not given has its default.
 * @param args as JSON, with `mask_ratio` of its `forward` among them
 * @throws {VitrineError} INVALID_ARGUMENT for an argument or value that has no counterpart.
 * @source facebookresearch/mae models_mae.py
 */
export function maeOptions(args: JsonObject): MAEOptions {
  const given = new Map(Object.entries(args).filter(([, value]) => value !== null));
  const take = <T extends Json>(name: string, fallback: T): T => {
    const value = (given.get(name) ?? fallback) as T;
    given.delete(name);
    return value;
  };
  const [width, decoderWidth] = [take("embed_dim", 1024), take("decoder_embed_dim", 512)];
  const ratio = take("mlp_ratio", 4);
  const norm = take("norm_layer", "LayerNorm");
  if (!/layer/i.test(norm)) throw unknown("norm_layer", norm);
  const eps = /eps[ =]+([\d.]+(?:e-?\d+)?)/.exec(norm)?.[1];
  const options: MAEOptions = {
    imageSize: take("img_size", 224),
    patchSize: take("patch_size", 16),
    channels: take("in_chans", 3),
    width,
    depth: take("depth", 24),
    heads: take("num_heads", 16),
    mlpWidth: Math.trunc(width * ratio),
    decoderWidth,
    decoderDepth: take("decoder_depth", 8),
    decoderHeads: take("decoder_num_heads", 16),
    decoderMlpWidth: Math.trunc(decoderWidth * ratio),
    maskRatio: take("mask_ratio", 0.75),
    normalizePixels: take("norm_pix_loss", false),
    eps: eps ? Number(eps) : 1e-5,
  };
  for (const [name, value] of given) throw unknown(name, value);
  return options;
}

/**
 * The configuration that transformers' `config.json` of a `ViTMAEForPreTraining` means.
 * @param place file name, for messages
 * @throws {VitrineError} INVALID_FILE for a value of the wrong kind, INVALID_ARGUMENT for what has no counterpart.
 * @source transformers, models/vit_mae/configuration_vit_mae.py
 */
export function maeFromHuggingFace(json: JsonObject, place: string): MAEConfig {
  const read = entryReader(json, place);
  for (const [name, only] of [
    ["hidden_act", "gelu"],
    ["qkv_bias", true],
  ] as const)
    if (read<Json>(name, only) !== only) throw unknown(name, json[name]!);
  return maeConfig({
    imageSize: sizeOf("image_size", json.image_size ?? 224),
    patchSize: sizeOf("patch_size", json.patch_size ?? 16),
    channels: read("num_channels", 3),
    width: read("hidden_size", 768),
    depth: read("num_hidden_layers", 12),
    heads: read("num_attention_heads", 12),
    mlpWidth: read("intermediate_size", 3072),
    decoderWidth: read("decoder_hidden_size", 512),
    decoderDepth: read("decoder_num_hidden_layers", 8),
    decoderHeads: read("decoder_num_attention_heads", 16),
    decoderMlpWidth: read("decoder_intermediate_size", 2048),
    maskRatio: read("mask_ratio", 0.75),
    normalizePixels: read("norm_pix_loss", false),
    eps: read("layer_norm_eps", 1e-12),
  });
}

/** `config.json` from which transformers builds the model again. @source transformers, models/vit_mae/configuration_vit_mae.py */
export function maeForHuggingFace(config: MAEConfig): JsonObject {
  const size = ([high, wide]: GridSize): Json => (high === wide ? high : [high, wide]);
  return {
    architectures: ["ViTMAEForPreTraining"],
    model_type: "vit_mae",
    image_size: size(config.imageSize),
    patch_size: size(config.patchSize),
    num_channels: config.channels,
    hidden_size: config.width,
    num_hidden_layers: config.depth,
    num_attention_heads: config.heads,
    intermediate_size: config.mlpWidth,
    decoder_hidden_size: config.decoderWidth,
    decoder_num_hidden_layers: config.decoderDepth,
    decoder_num_attention_heads: config.decoderHeads,
    decoder_intermediate_size: config.decoderMlpWidth,
    mask_ratio: config.maskRatio,
    norm_pix_loss: config.normalizePixels,
    layer_norm_eps: config.eps,
    hidden_act: "gelu",
    qkv_bias: true,
  };
}

function sizeOf(name: string, value: Json): number | GridSize {
  if (typeof value === "number") return value;
  if (Array.isArray(value) && value.length === 2 && value.every((one) => typeof one === "number"))
    return [value[0] as number, value[1] as number];
  throw unknown(name, value);
}

function unknown(name: string, value: Json): VitrineError {
  return new VitrineError("INVALID_ARGUMENT", {
    rule: `MAE: this ${name} has no counterpart`,
    evidence: `got ${JSON.stringify(value)}`,
  });
}
