/** The configuration of a Vision Transformer: every choice that the published ones differ in, and the paper's defaults. */

import { VitrineError } from "../../errors.ts";
import type { Activation } from "../../nn/activations.ts";
import type { GridSize, PositionRule } from "../../nn/positions.ts";

/** A Vision Transformer in full. */
export interface ViTConfig {
  /** Images, in pixels [high, wide]. */
  readonly imageSize: GridSize;
  /** One patch, in pixels [high, wide]; with a stem, in cells of its result. */
  readonly patchSize: GridSize;
  readonly channels: number;
  /** Classes; 0: no head, the pooled features are the result. */
  readonly labels: number;
  /** Token width D. */
  readonly width: number;
  /** Number of blocks L. */
  readonly depth: number;
  /** Attention heads; divides `width` unless `headWidth` is given. */
  readonly heads: number;
  /** Width of a head's queries, keys and values; width / heads without it. */
  readonly headWidth: number | undefined;
  /** Width between the two maps of an MLP; with `swiglu_packed`, of gate and value together. */
  readonly mlpWidth: number;
  readonly mlp: "mlp" | "swiglu" | "swiglu_packed";
  readonly activation: Activation;

  /** What comes before the patches: nothing, convolutions, or a ResNet. */
  readonly stem: Stem | undefined;
  readonly classToken: boolean;
  /** Register tokens, after the class token. */
  readonly registers: number;
  /** A second token and head that learn from a teacher (DeiT). */
  readonly distilled: boolean;
  /** `prefixed`: positions for the prefix tokens too; `patches`: for patches only; `none`. */
  readonly positions: "prefixed" | "patches" | "none";
  /** How positions follow an image of another size; without it such an image is refused. */
  readonly resizePositions: PositionRule | undefined;
  /** Pads an image that patches do not fit; only with `resizePositions`. */
  readonly padImages: boolean;

  readonly qkvBias: boolean;
  /** Biases of the attention's last map and of the MLP. */
  readonly projBias: boolean;
  /** Normalise each head's queries and keys. */
  readonly qkNorm: boolean;
  /** Normalise before the attention's last map, and inside the MLP. */
  readonly attnNorm: boolean;
  readonly mlpNorm: boolean;
  /** First value of the factors on each branch; without it there are none. */
  readonly layerScale: number | undefined;
  readonly block: "pre_norm" | "post_norm" | "parallel_scaling" | "parallel_things";
  readonly attention: "softmax" | "differential";

  readonly norm: "layer" | "rms";
  /** ε of all normalisations. */
  readonly eps: number;
  /** Normalise the patch tokens, with this ε, by root mean square. */
  readonly embedNormEps: number | undefined;
  /** Normalise the tokens before the first block; the patches then have no bias (CLIP). */
  readonly preNorm: boolean;
  /** Where the last normalisation stands: on all tokens before pooling, on the pooled features, or nowhere. */
  readonly finalNorm: "tokens" | "pooled" | "none";
  /** How tokens become features. `none`: logits for every token. */
  readonly pool: "token" | "avg" | "max" | "avgmax" | "map" | "none";
  /** Pool class and register tokens with the patches. */
  readonly poolPrefix: boolean;
  /** Width of the tanh layer before the head (the paper's pre-training head). */
  readonly representation: number | undefined;

  /** Rates of dropping: in the head, of tokens' numbers after positions, in maps, in attention weights, and of the last block's branches. */
  readonly headDropout: number;
  readonly posDropout: number;
  readonly dropout: number;
  readonly attnDropout: number;
  readonly dropPath: number;
  /** First weights as timm draws them, or as the paper's code (`jax_nlhb`: head bias −ln labels). */
  readonly init: "timm" | "jax" | "jax_nlhb";
}

/** Convolutions before the patches. */
export type Stem =
  /** Convolutions with normalisation and activation, the last one bare. @source Xiao et al., arXiv:2106.14881 */
  | {
      readonly kind: "conv";
      readonly widths: readonly number[];
      readonly kernels: readonly number[];
      readonly strides: readonly number[];
      readonly padding: number;
      readonly activation: Activation;
      /** A 1 × 1 map to the token width after it; without it the last width is the token width. */
      readonly proj: boolean;
    }
  /** The first stages of a ResNet with group normalisation; none: its first convolution only. @source Kolesnikov et al., arXiv:1912.11370 */
  | { readonly kind: "resnet"; readonly depths: readonly number[] }
  /** The first stages of a ResNet-D with batch normalisation. @source He et al., arXiv:1812.01187; timm/models/resnet.py resnet26d, resnet50d */
  | { readonly kind: "resnet_d"; readonly depths: readonly number[] };

/** What is given; the rest has defaults. Sizes may be one number for both sides. */
export type ViTOptions = Partial<Omit<ViTConfig, "imageSize" | "patchSize">> & {
  readonly imageSize?: number | GridSize;
  readonly patchSize?: number | GridSize;
};

/**
 * A whole configuration. Without options: ViT-B/16 at 224 pixels with 1000 classes.
 * @throws {VitrineError} INVALID_ARGUMENT when choices contradict each other.
 */
export function vitConfig(options: ViTOptions = {}): ViTConfig {
  const { imageSize = 224, patchSize = 16, ...rest } = options;
  const width = rest.width ?? 768;
  const pool = rest.pool ?? "token";
  const config: ViTConfig = {
    channels: 3,
    labels: 1000,
    width,
    depth: 12,
    heads: 12,
    headWidth: undefined,
    mlpWidth: 4 * width,
    mlp: "mlp",
    activation: "gelu",
    stem: undefined,
    classToken: true,
    registers: 0,
    distilled: false,
    positions: "prefixed",
    resizePositions: undefined,
    padImages: false,
    qkvBias: true,
    projBias: true,
    qkNorm: false,
    attnNorm: false,
    mlpNorm: false,
    layerScale: undefined,
    block: "pre_norm",
    attention: "softmax",
    norm: "layer",
    eps: 1e-6,
    embedNormEps: undefined,
    preNorm: false,
    finalNorm: pool === "avg" || pool === "max" || pool === "avgmax" ? "pooled" : "tokens",
    pool,
    poolPrefix: false,
    representation: undefined,
    headDropout: 0,
    posDropout: 0,
    dropout: 0,
    attnDropout: 0,
    dropPath: 0,
    init: "timm",
    ...rest,
    imageSize: pair(imageSize),
    patchSize: pair(patchSize),
  };
  check(config);
  return config;
}

/** Tokens before those of the patches: class, distillation, registers. */
export function prefixTokens(config: ViTConfig): number {
  return (config.classToken ? 1 : 0) + (config.distilled ? 1 : 0) + config.registers;
}

function pair(size: number | GridSize): GridSize {
  return typeof size === "number" ? [size, size] : size;
}

function check(config: ViTConfig): void {
  const must = (holds: boolean, rule: string, evidence: unknown): void => {
    if (!holds) throw new VitrineError("INVALID_ARGUMENT", { rule: `ViT: ${rule}`, evidence: `got ${evidence}` });
  };
  const whole = (value: number, least: number): boolean => Number.isInteger(value) && value >= least;
  const { width, heads, headWidth, pool, finalNorm, mlp, mlpWidth } = config;
  for (const name of ["channels", "width", "depth", "heads", "mlpWidth"] as const)
    must(whole(config[name], 1), `${name} must be a positive integer`, config[name]);
  for (const name of ["labels", "registers"] as const)
    must(whole(config[name], 0), `${name} must be a whole number`, config[name]);
  for (const name of ["imageSize", "patchSize"] as const)
    must(
      config[name].every((side) => whole(side, 1)),
      `${name} must be positive pixels`,
      config[name].join(" × "),
    );
  const fits = config.stem || config.imageSize.every((side, i) => side >= config.patchSize[i]!);
  must(!!fits, "an image must hold a patch", `${config.imageSize.join(" × ")} and ${config.patchSize.join(" × ")}`);
  if (headWidth === undefined)
    must(width % heads === 0, "heads must divide the width", `width ${width}, ${heads} heads`);
  else must(whole(headWidth, 1), "headWidth must be a positive integer", headWidth);
  must(mlp !== "swiglu_packed" || mlpWidth % 2 === 0, "mlpWidth of swiglu_packed must be even", mlpWidth);
  must(config.eps > 0, "eps must be positive", config.eps);
  must(config.classToken || pool !== "token", "pool token needs a class token", "classToken false");
  const plainHead = config.classToken && pool === "token" && finalNorm !== "pooled" && !config.representation;
  must(
    !config.distilled || plainHead,
    "distilled needs pool token and a plain head",
    `pool ${pool}, norm ${finalNorm}`,
  );
  for (const name of ["headDropout", "posDropout", "dropout", "attnDropout", "dropPath"] as const)
    must(config[name] >= 0 && config[name] < 1, `${name} must be in [0, 1)`, config[name]);
}
