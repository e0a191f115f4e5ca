/**
 * Masked autoencoder (MAE): a Vision Transformer that learns from images without labels, by painting (the paper: reconstructing, predicting) what it
 * was not shown.
 *
 * He et al., "Masked Autoencoders Are Scalable Vision Learners", arXiv:2111.06377; Figure 1, section 3.
 * Reference code and names: facebookresearch/mae, models_mae.py. Others: Hugging Face ViTMAE, by rules in weights/mae-rules.ts.
 *
 * Departs from the paper: nothing; positions are fixed tables, the sines of the column before those of the row, as the code has them.
 *
 * Axes: b batch · c channels · H W pixels high, wide · h w patch grid · p q pixels of a patch · n patches (h·w) · m patches that are seen ·
 * d encoder width · e decoder width
 */

import { sizeOf } from "../../graph/dtype.ts";
import { type Initializer, normal, torchBias, xavierUniform, zeros } from "../../nn/init.ts";
import { Linear } from "../../nn/linear.ts";
import { type Buffer, buffer, evaluation, Module, type Parameter, parameter } from "../../nn/module.ts";
import { LayerNorm } from "../../nn/norm.ts";
import { PatchEmbed } from "../../nn/patches.ts";
import type { GridSize } from "../../nn/positions.ts";
import {
  cast,
  concat,
  dims,
  expand,
  gatherNd,
  greaterOrEqual,
  mean,
  pow,
  random,
  rearrange,
  slice,
  square,
  sum,
  type Tensor,
  tap,
  topK,
  unsqueeze,
} from "../../tensor/index.ts";
import { type Block, makeBlock } from "../vit/blocks.ts";
import { vitConfig } from "../vit/config.ts";
import { type MAEConfig, type MAEOptions, maeConfig, maeGrid, maeVisible } from "./config.ts";

/** How linear maps begin. */
const init = { weight: xavierUniform, bias: zeros };

/** Which patches were hidden, and what was made of them. */
export interface MAEResult {
  /** Mean squared error of the hidden patches' pixels, []. */
  readonly loss: Tensor;
  /** The pixels of each patch as painted (the paper's reconstruction, the code's `pred`), [b, n, p·q·c]: colours of one pixel side by side; normalised where the target is. */
  readonly painted: Tensor;
  /** 1 for each patch that was hidden, 0 for each that was seen, [b, n]. */
  readonly mask: Tensor;
  /** What the encoder made of the class token and of the patches that it saw, [b, 1 + m, d]. */
  readonly latent: Tensor;
  /** The place of each patch in the order of the noise (the code's `ids_restore`), int64 [b, n]: those before m were seen. */
  readonly ranks: Tensor;
}

/** Image in, the same image painted from a quarter of itself out. */
export class MAE extends Module {
  readonly config: MAEConfig;
  readonly patchEmbed: PatchEmbed;
  readonly clsToken: Parameter;
  readonly posEmbed: Buffer;
  readonly blocks: readonly Block[];
  readonly norm: LayerNorm;
  readonly decoderEmbed: Linear;
  readonly maskToken: Parameter;
  readonly decoderPosEmbed: Buffer;
  readonly decoderBlocks: readonly Block[];
  readonly decoderNorm: LayerNorm;
  readonly decoderPred: Linear;

  /** @param options what differs from a ViT-B/16 at 224 pixels with the paper's decoder */
  constructor(options: MAEOptions = {}) {
    super();
    const config = maeConfig(options);
    const { imageSize, patchSize, channels, width, decoderWidth, eps } = config;
    const grid = maeGrid(config);
    const n = grid[0] * grid[1];
    const pixels = patchSize[0] * patchSize[1] * channels;
    this.config = config;
    const patches = { weight: asMatrix(xavierUniform), bias: torchBias([width, pixels]) };
    this.patchEmbed = new PatchEmbed({ imageSize, patchSize, channels, width, init: patches });
    this.clsToken = parameter([1, 1, width], normal(0.02));
    this.posEmbed = buffer([1, 1 + n, width], sineCosine(grid));
    this.blocks = blocksOf(config, width, config.depth, config.heads, config.mlpWidth);
    this.norm = new LayerNorm(width, { eps });
    this.decoderEmbed = new Linear(width, decoderWidth, { init });
    this.maskToken = parameter([1, 1, decoderWidth], normal(0.02));
    this.decoderPosEmbed = buffer([1, 1 + n, decoderWidth], sineCosine(grid));
    const { decoderDepth, decoderHeads, decoderMlpWidth } = config;
    this.decoderBlocks = blocksOf(config, decoderWidth, decoderDepth, decoderHeads, decoderMlpWidth);
    this.decoderNorm = new LayerNorm(decoderWidth, { eps });
    this.decoderPred = new Linear(decoderWidth, pixels, { init });
  }

  /**
   * Images [b, c, H, W] → what is painted where patches are hidden, and the loss.
   * Taps: `patch_embed`, `blocks.I`, `blocks.I.attn.probs`, `features`, `decoder_embed`, `decoder_blocks.I`, `decoder_blocks.I.attn.probs`,
   * `target_patches`.
   * @param noise [b, n]: the m patches with the least are seen; drawn anew at each run without it
   * @throws {VitrineError} SHAPE_MISMATCH for images of another size.
   */
  forward(images: Tensor, noise?: Tensor): MAEResult {
    const { b } = dims(images, "b c H W");
    const [h, w] = maeGrid(this.config);
    const ranks = ranksOf(noise ?? random("noise", [b, h * w], { kind: "uniform" })); // [b, n]
    const mask = cast(greaterOrEqual(ranks.ranks, maeVisible(this.config)), "float32"); //  [b, n]
    const latent = this.#encode(images, ranks.order); //                                   [b, 1 + m, d]
    const painted = this.#decode(latent, ranks.ranks); //                                  [b, n, p·q·c]
    const target = this.target(images); //                                                 [b, n, p·q·c]
    const errors = mean(square(painted.sub(target)), { axes: [-1] }); //                   [b, n]
    const loss = sum(errors.mul(mask)).div(sum(mask)); //                                  []
    return { loss, painted, mask, latent, ranks: ranks.ranks };
  }

  /** What is to be painted: each patch's pixels, [b, c, H, W] → [b, n, p·q·c]. @source section 3, "Reconstruction target" */
  target(images: Tensor): Tensor {
    const [p, q] = this.config.patchSize;
    const pixels = tap("target_patches", rearrange(images, "b c (h p) (w q) -> b (h w) (p q c)", { p, q }));
    if (!this.config.normalizePixels) return pixels;
    const centred = pixels.sub(mean(pixels, { axes: [-1], keepDims: true }));
    const count = pixels.shape[2] as number;
    // Of a sample: divided by one less than there are.
    const variance = sum(square(centred), { axes: [-1], keepDims: true }).mul(1 / (count - 1));
    return centred.mul(pow(variance.add(1e-6), -0.5));
  }

  /** Only what is seen enters the encoder: [b, c, H, W] → [b, 1 + m, d]. */
  #encode(images: Tensor, order: Tensor): Tensor {
    const { b } = dims(images, "b c H W");
    const { width: d } = this.config;
    const [h, w] = maeGrid(this.config);
    const patches = tap("patch_embed", this.patchEmbed.forward(images).reshape([b, h * w, d]));
    const placed = patches.add(slice(this.posEmbed.tensor, 1, 1)); //               [b, n, d]
    const seen = pick(placed, slice(order, 1, 0, maeVisible(this.config))); //      [b, m, d]
    const first = this.clsToken.add(slice(this.posEmbed.tensor, 1, 0, 1)); //       [1, 1, d]
    let z = concat([expand(first, [b, 1, d]), seen], 1); //                         [b, 1 + m, d]
    for (const block of this.blocks) z = block.forward(z, evaluation);
    return tap("features", this.norm.forward(z));
  }

  /** Mask tokens take the places of what was hidden: [b, 1 + m, d] → [b, n, p·q·c]. */
  #decode(latent: Tensor, ranks: Tensor): Tensor {
    const { b } = dims(latent, "b _ d");
    const n = ranks.shape[1] as number;
    const known = tap("decoder_embed", this.decoderEmbed.forward(latent)); //       [b, 1 + m, e]
    const e = known.shape[2] as number;
    const hidden = expand(this.maskToken, [b, n - maeVisible(this.config), e]); //  [b, n − m, e]
    const patches = pick(concat([slice(known, 1, 1), hidden], 1), ranks); //        [b, n, e]
    let z = concat([slice(known, 1, 0, 1), patches], 1).add(this.decoderPosEmbed.tensor); // [b, 1 + n, e]
    for (const block of this.decoderBlocks) z = block.forward(z, evaluation);
    return slice(this.decoderPred.forward(this.decoderNorm.forward(z)), 1, 1); //   [b, n, p·q·c]
  }
}

/** The patches from the one with the least noise on, and each one's place in that order: int64 [b, n] both. */
function ranksOf(noise: Tensor): { readonly order: Tensor; readonly ranks: Tensor } {
  const n = noise.shape[1] as number;
  const order = topK(noise.mul(-1), n).indices;
  return { order, ranks: topK(cast(order, "float32").mul(-1), n).indices };
}

/** Rows of each image by number: [b, n, d] at [b, k] → [b, k, d]. */
function pick(rows: Tensor, numbers: Tensor): Tensor {
  return gatherNd(rows, unsqueeze(numbers, 2), 1);
}

function blocksOf({ eps }: MAEConfig, width: number, depth: number, heads: number, mlpWidth: number): readonly Block[] {
  const config = vitConfig({ width, depth, heads, mlpWidth });
  const norm = (d: number): LayerNorm => new LayerNorm(d, { eps });
  return Array.from({ length: depth }, (_, index) =>
    makeBlock(config, { norm, init, mlpInit: init, dropPath: 0, index }),
  );
}

/** A convolution's weight drawn as the matrix that it is on a patch. */
function asMatrix(initializer: Initializer): Initializer {
  return (key, shape) => initializer(key, [shape[0]!, sizeOf(shape.slice(1))]);
}

/**
 * Positions of a grid in sines and cosines, row by row after zeros for the class token: of the column, then of the row; for each first the
 * sines of all frequencies 10000^(−4k / width), then the cosines.
 * @source facebookresearch/mae util/pos_embed.py get_2d_sincos_pos_embed
 */
function sineCosine([h, w]: GridSize): Initializer {
  return (_, [, n, width]) => {
    const [half, quarter] = [width! / 2, width! / 4];
    return Float32Array.from({ length: n! * width! }, (_, i) => {
      const [token, k] = [Math.floor(i / width!) - 1, i % width!];
      if (token < 0 || token >= h * w) return 0;
      const place = k < half ? token % w : Math.floor(token / w);
      const angle = place * 10000 ** (-(k % quarter) / quarter);
      return k % half < quarter ? Math.sin(angle) : Math.cos(angle);
    });
  };
}
