/** The blocks of a Vision Transformer: the paper's, and the other arrangements that published weights use. */

import { Attention } from "../nn/attention.ts";
import { DropPath } from "../nn/drop.ts";
import type { LinearInit } from "../nn/linear.ts";
import { Mlp, PackedSwiGlu, SwiGlu } from "../nn/mlp.ts";
import { type Mode, Module } from "../nn/module.ts";
import { LayerScale, type TokenNorm, type TokenNormMaker } from "../nn/norm.ts";
import { type Tensor, tap } from "../tensor/index.ts";
import type { ViTConfig } from "./vit-config.ts";

/** Tokens [b, n, d] → tokens [b, n, d], tapped under the block's own name. */
export type Block = Module & { forward(z: Tensor, mode: Mode): Tensor };

/** What the blocks of one model share, and what is one block's own. */
export interface BlockParts {
  readonly norm: TokenNormMaker;
  readonly init: LinearInit;
  readonly mlpInit: LinearInit;
  /** Rate at which this block's branches are dropped. */
  readonly dropPath: number;
  /** Position in the stack, from 0. */
  readonly index: number;
}

/** The block that a configuration asks for. */
export function makeBlock(config: ViTConfig, parts: BlockParts): Block {
  return new PreNormBlock(config, parts);
}

/** The paper's block. */
class PreNormBlock extends Module {
  readonly norm1: TokenNorm;
  readonly attn: Attention;
  readonly ls1: LayerScale | undefined;
  readonly dropPath1: DropPath;
  readonly norm2: TokenNorm;
  readonly mlp: Mlp | SwiGlu | PackedSwiGlu;
  readonly ls2: LayerScale | undefined;
  readonly dropPath2: DropPath;

  constructor(config: ViTConfig, parts: BlockParts) {
    super();
    const { width, layerScale } = config;
    this.norm1 = parts.norm(width);
    this.attn = attentionOf(config, parts);
    this.ls1 = layerScale ? new LayerScale(width, layerScale) : undefined;
    this.dropPath1 = new DropPath(parts.dropPath);
    this.norm2 = parts.norm(width);
    this.mlp = mlpOf(config, parts);
    this.ls2 = layerScale ? new LayerScale(width, layerScale) : undefined;
    this.dropPath2 = new DropPath(parts.dropPath);
  }

  forward(z: Tensor, mode: Mode): Tensor {
    let y = this.attn.forward(this.norm1.forward(z), mode);
    if (this.ls1) y = this.ls1.forward(y);
    const between = z.add(this.dropPath1.forward(y, mode)); //          z'_l = MSA(LN(z_{l-1})) + z_{l-1}   (2)
    y = this.mlp.forward(this.norm2.forward(between), mode);
    if (this.ls2) y = this.ls2.forward(y);
    return tap("", between.add(this.dropPath2.forward(y, mode))); //    z_l = MLP(LN(z'_l)) + z'_l          (3)
  }
}

function attentionOf(config: ViTConfig, { norm, init }: BlockParts): Attention {
  return new Attention(config.width, config.heads, {
    qkvBias: config.qkvBias,
    projBias: config.projBias,
    qkNorm: config.qkNorm ? norm : undefined,
    norm: config.attnNorm ? norm : undefined,
    attnDropout: config.attnDropout,
    dropout: config.dropout,
    init,
  });
}

function mlpOf(config: ViTConfig, { norm, mlpInit }: BlockParts): Mlp | SwiGlu | PackedSwiGlu {
  const options = {
    activation: config.activation,
    bias: config.projBias,
    norm: config.mlpNorm ? norm : undefined,
    dropout: config.dropout,
    init: mlpInit,
  };
  const make = { mlp: Mlp, swiglu: SwiGlu, swiglu_packed: PackedSwiGlu }[config.mlp];
  return new make(config.width, config.mlpWidth, options);
}
