/**
 * Vision Transformer (ViT), and its data-efficient form (DeiT).
 *
 * Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale", arXiv:2010.11929; Figure 1, equations (1)–(4), Table 1.
 * Touvron et al., "Training data-efficient image transformers & distillation through attention", arXiv:2012.12877; Figure 2.
 * Reference code: timm 1.0.29, timm/models/vision_transformer.py and deit.py; google-research/vision_transformer, vit_jax/models_vit.py.
 * Primary weights: timm's names. Others: Hugging Face, torchvision, JAX (.npz), by rules in weights/vit-rules.ts.
 *
 * Departs from the paper: LayerNorm epsilon 1e-6 (the paper is silent); no hidden layer in the head unless `representation` is set (the fine-tuned form);
 * later choices of the field are options of ViTConfig (registers arXiv:2309.16588, layer scale 2103.17239, pooling by attention 2106.04560, …).
 *
 * Axes: b batch · c channels · H W pixels high, wide · h w patch grid · n tokens (prefix + h·w) · d width · a heads · k width per head · e MLP width
 */

import { Dropout, dropPathRates } from "../../nn/drop.ts";
import { constant, lecunNormal, normal, truncatedNormal, xavierUniform, zeros } from "../../nn/init.ts";
import { Linear, type LinearInit } from "../../nn/linear.ts";
import { evaluation, type Mode, Module, type Parameter, parameter } from "../../nn/module.ts";
import { LayerNorm, RmsNorm, type TokenNorm, type TokenNormMaker } from "../../nn/norm.ts";
import { PatchEmbed } from "../../nn/patches.ts";
import { AttentionPool } from "../../nn/pool.ts";
import { type GridSize, resizePositions } from "../../nn/positions.ts";
import { at, concat, dims, expand, max, mean, slice, type Tensor, tanh, tap } from "../../tensor/index.ts";
import type { ImageClassifier, Readout, TokenLayout } from "../classifier.ts";
import { type Block, makeBlock } from "./blocks.ts";
import { prefixTokens, type ViTConfig, type ViTOptions, vitConfig } from "./config.ts";
import { StemEmbed } from "./stem.ts";

type ViTSize = Pick<ViTConfig, "width" | "depth" | "heads" | "mlpWidth">;

/** Sizes by their published letter: Table 1 of the paper, and Ti, S of DeiT's Table 1. */
export const vitSizes: Readonly<Record<"Ti" | "S" | "B" | "L" | "H", ViTSize>> = {
  Ti: { width: 192, depth: 12, heads: 3, mlpWidth: 768 },
  S: { width: 384, depth: 12, heads: 6, mlpWidth: 1536 },
  B: { width: 768, depth: 12, heads: 12, mlpWidth: 3072 },
  L: { width: 1024, depth: 24, heads: 16, mlpWidth: 4096 },
  H: { width: 1280, depth: 32, heads: 16, mlpWidth: 5120 },
};

/** Image in, logits out. */
export class ViT extends Module implements ImageClassifier {
  readonly config: ViTConfig;
  /** Its tokens are one row for each patch, in every block. */
  readonly stages: readonly never[] = [];
  readonly clsToken: Parameter | undefined; //  x_class
  readonly distToken: Parameter | undefined; // DeiT's distillation token
  readonly regToken: Parameter | undefined;
  readonly posEmbed: Parameter | undefined; //  E_pos
  readonly patchEmbed: PatchEmbed | StemEmbed; // E            (eq. 1)
  readonly posDrop: Dropout;
  readonly normPre: TokenNorm | undefined;
  readonly blocks: readonly Block[]; //                        (eqs. 2, 3)
  readonly norm: TokenNorm | undefined; //      LN             (eq. 4)
  readonly attnPool: AttentionPool | undefined;
  readonly fcNorm: TokenNorm | undefined;
  readonly preLogits: PreLogits | undefined;
  readonly headDrop: Dropout;
  readonly head: Linear | undefined;
  readonly headDist: Linear | undefined;

  /** @param options what differs from ViT-B/16 at 224 pixels with 1000 classes */
  constructor(options: ViTOptions = {}) {
    super();
    const config = vitConfig(options);
    const { width, depth, heads, labels, registers } = config;
    const norm = normOf(config);
    this.config = config;
    this.patchEmbed = patchEmbedOf(config);
    const n = this.patchEmbed.grid[0] * this.patchEmbed.grid[1];
    this.clsToken = config.classToken ? parameter([1, 1, width], normal(1e-6)) : undefined;
    this.distToken = config.distilled ? parameter([1, 1, width], truncatedNormal(0.02)) : undefined;
    this.regToken = registers > 0 ? parameter([1, registers, width], normal(1e-6)) : undefined;
    const positions = { none: 0, patches: n, prefixed: prefixTokens(config) + n }[config.positions];
    this.posEmbed = positions > 0 ? parameter([1, positions, width], truncatedNormal(0.02)) : undefined;
    this.posDrop = new Dropout(config.posDropout);
    this.normPre = config.preNorm ? norm(width) : undefined;
    this.blocks = dropPathRates(config.dropPath, depth).map((rate, i) =>
      makeBlock(config, { norm, init: linearInit(config), mlpInit: mlpInit(config), dropPath: rate, index: i }),
    );
    this.norm = config.finalNorm === "tokens" ? norm(width) : undefined;
    this.attnPool = config.pool === "map" ? attnPoolOf(config, heads, norm) : undefined;
    this.fcNorm = config.finalNorm === "pooled" ? norm(width) : undefined;
    this.preLogits = config.representation
      ? new PreLogits(width, config.representation, linearInit(config))
      : undefined;
    this.headDrop = new Dropout(config.headDropout);
    const features = config.representation ?? width;
    this.head = labels > 0 ? new Linear(features, labels, { init: headInit(config) }) : undefined;
    this.headDist =
      labels > 0 && config.distilled ? new Linear(features, labels, { init: headInit(config) }) : undefined;
  }

  get tokens(): TokenLayout {
    const { classToken, distilled, registers } = this.config;
    const prefix = [
      ...(classToken ? ["class token"] : []),
      ...(distilled ? ["distillation token"] : []),
      ...Array.from({ length: registers }, (_, i) => `register ${i + 1}`),
    ];
    return { grid: this.patchEmbed.grid, prefix, readout: readoutOf(this.config) };
  }

  /**
   * Images [b, c, H, W], normalised as the weights want them → logits [b, labels]; features [b, d] where there is no head.
   * Taps: `patch_embed`, `tokens`, `blocks.I`, `blocks.I.attn.probs`, `features`, `pooled` (what the head reads); with distillation, in its place,
   * `logits.class`, `logits.distillation`.
   * @throws {VitrineError} SHAPE_MISMATCH for images of a size the model cannot take.
   */
  forward(images: Tensor, mode: Mode = evaluation): Tensor {
    let z = tap("tokens", this.#embed(images, mode)); //                 [b, n, d]     z_0                 (1)
    if (this.normPre) z = this.normPre.forward(z);
    for (const block of this.blocks) z = block.forward(z, mode); //      [b, n, d]     z_L              (2, 3)
    z = tap("features", this.norm ? this.norm.forward(z) : z); //        [b, n, d]     LN(z_L)
    if (this.distToken) return this.#classifyTwice(z);
    return this.#classify(this.#pool(z, mode), mode); //                 [b, labels]
  }

  /** z_0 = [x_class; x_1 E; …; x_N E] + E_pos. */
  #embed(images: Tensor, mode: Mode): Tensor {
    const { width: d, resizePositions: rule } = this.config;
    const { b } = dims(images, "b c H W");
    const grid = this.patchEmbed.forward(images, mode); //               [b, h, w, d]  x E
    const { h, w } = dims(grid, "b h w d") as { h: number; w: number };
    let z = grid.reshape([b, h * w, d]); //                              [b, h·w, d]
    tap("patch_embed", rule ? grid : z); // timm keeps the grid where it resizes positions
    const prefix = [this.clsToken, this.distToken, this.regToken].filter((token) => token !== undefined);
    const prefixed = (patches: Tensor): Tensor =>
      concat([...prefix.map((token) => expand(token, [b, token.shape[1]!, d])), patches], 1); // [b, n, d]
    const positions = this.#positions([h, w]);
    if (!positions) return prefixed(z);
    z = this.config.positions === "patches" ? prefixed(z.add(positions)) : prefixed(z).add(positions);
    return this.posDrop.forward(z, mode);
  }

  #positions(to: GridSize): Tensor | undefined {
    const { config, posEmbed } = this;
    const prefix = config.positions === "prefixed" ? prefixTokens(config) : 0;
    const rule = config.resizePositions;
    return posEmbed && rule ? resizePositions(posEmbed, { from: this.patchEmbed.grid, to, prefix, rule }) : posEmbed;
  }

  /** [b, n, d] → [b, d]; `none`: all tokens. */
  #pool(z: Tensor, mode: Mode): Tensor {
    const { pool, poolPrefix } = this.config;
    const prefix = prefixTokens(this.config);
    const chosen = poolPrefix || prefix === 0 || pool === "token" || pool === "none" ? z : slice(z, 1, prefix);
    switch (pool) {
      case "token":
        return at(z, 1, 0); // y before its norm in equation (4)
      case "avg":
        return mean(chosen, { axes: [1] });
      case "max":
        return max(chosen, { axes: [1] });
      case "avgmax":
        return mean(chosen, { axes: [1] })
          .add(max(chosen, { axes: [1] }))
          .mul(0.5);
      case "map":
        return this.attnPool!.forward(chosen, mode);
      case "none":
        return z;
    }
  }

  /** [b, d] → [b, labels]. */
  #classify(pooled: Tensor, mode: Mode): Tensor {
    let y = this.fcNorm ? this.fcNorm.forward(pooled) : pooled;
    if (this.preLogits) y = this.preLogits.forward(y);
    y = tap("pooled", this.headDrop.forward(y, mode));
    return this.head ? this.head.forward(y) : y;
  }

  /** DeiT: the mean of what the class token and the distillation token say. @source arXiv:2012.12877, section 4 */
  #classifyTwice(z: Tensor): Tensor {
    const say = (name: string, head: Linear | undefined, token: number): Tensor =>
      tap(`logits.${name}`, head ? head.forward(at(z, 1, token)) : at(z, 1, token)); // [b, labels]
    return say("class", this.head, 0)
      .add(say("distillation", this.headDist, 1))
      .mul(0.5);
  }
}

/** How the tokens after the last block become logits. */
function readoutOf(config: ViTConfig): Readout {
  const prefix = prefixTokens(config);
  const first = config.poolPrefix ? 0 : prefix;
  switch (config.pool) {
    case "token":
      return config.distilled
        ? { kind: "tokens", tokens: [0, 1], name: "class and distillation token" }
        : { kind: "tokens", tokens: [0], name: "class token" };
    case "avg":
      return { kind: "mean", first, name: first === 0 && prefix > 0 ? "mean of all tokens" : "mean of all patches" };
    case "map":
      return { kind: "attention", tap: "attn_pool.probs", first, name: "pooling query" };
    case "max":
    case "avgmax":
      return { kind: "none", reason: "max pooling reads every feature from another token" };
    case "none":
      return { kind: "none", reason: "without pooling every token has logits of its own" };
  }
}

/** tanh(fc x): the hidden layer of the pre-training head. @source arXiv:2010.11929, section 3.1 */
class PreLogits extends Module {
  readonly fc: Linear;

  constructor(width: number, out: number, init: LinearInit) {
    super();
    this.fc = new Linear(width, out, { init });
  }

  /** [b, d] → [b, representation]. */
  forward(x: Tensor): Tensor {
    return tanh(this.fc.forward(x));
  }
}

function patchEmbedOf(config: ViTConfig): PatchEmbed | StemEmbed {
  const { imageSize, patchSize, channels, width, embedNormEps, preNorm, stem } = config;
  const init = config.init === "timm" ? undefined : { weight: lecunNormal, bias: zeros };
  if (stem) return new StemEmbed(config, stem, init);
  const norm: TokenNormMaker | undefined = embedNormEps ? (d) => new RmsNorm(d, { eps: embedNormEps }) : undefined;
  const otherSizes = !config.resizePositions ? "refuse" : config.padImages ? "pad" : "fit";
  return new PatchEmbed({ imageSize, patchSize, channels, width, bias: !preNorm, norm, otherSizes, init });
}

function attnPoolOf(config: ViTConfig, heads: number, norm: TokenNormMaker): AttentionPool {
  const { width, mlpWidth, activation } = config;
  const mlp = { activation, init: mlpInit(config) };
  return new AttentionPool(width, heads, { mlpWidth, norm, mlp, init: linearInit(config) });
}

function normOf({ norm, eps }: ViTConfig): TokenNormMaker {
  return norm === "layer"
    ? (width, scale) => new LayerNorm(width, { eps, scale })
    : (width, scale) => new RmsNorm(width, { eps, scale });
}

/** @source timm/models/vision_transformer.py init_weights_vit_timm, init_weights_vit_jax */
function linearInit({ init }: ViTConfig): LinearInit {
  return { weight: init === "timm" ? truncatedNormal(0.02) : xavierUniform, bias: zeros };
}

function mlpInit(config: ViTConfig): LinearInit {
  return config.init === "timm" ? linearInit(config) : { weight: xavierUniform, bias: normal(1e-6) };
}

function headInit(config: ViTConfig): LinearInit {
  if (config.init === "timm") return linearInit(config);
  return { weight: zeros, bias: config.init === "jax_nlhb" ? constant(-Math.log(config.labels)) : zeros };
}
