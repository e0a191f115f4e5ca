/** The blocks of a Vision Transformer: the paper's, and the other arrangements that published weights use. */

import { Attention } from "../../nn/attention.ts";
import { DropPath } from "../../nn/drop.ts";
import { constant } from "../../nn/init.ts";
import type { LinearInit } from "../../nn/linear.ts";
import { Mlp, PackedSwiGlu, SwiGlu } from "../../nn/mlp.ts";
import { type Mode, Module } from "../../nn/module.ts";
import { LayerScale, type TokenNorm, type TokenNormMaker } from "../../nn/norm.ts";
import { type Tensor, tap } from "../../tensor/index.ts";
import type { ViTConfig } from "./config.ts";
import { DifferentialAttention } from "./differential-attention.ts";
import { ParallelScalingBlock } from "./parallel-block.ts";

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
  const make = {
    pre_norm: PreNormBlock,
    post_norm: PostNormBlock,
    parallel_things: ParallelThingsBlock,
    parallel_scaling: ParallelScalingBlock,
  }[config.block];
  return new make(config, parts);
}

/** The paper's block. */
class PreNormBlock extends Module {
  readonly norm1: TokenNorm;
  readonly attn: SelfAttention;
  readonly ls1: LayerScale | undefined;
  readonly dropPath1: DropPath;
  readonly norm2: TokenNorm;
  readonly mlp: TokenMlp;
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

/** Normalises what each branch adds. @source timm/models/vision_transformer.py ResPostBlock; Liu et al., arXiv:2111.09883, Figure 1 */
class PostNormBlock extends Module {
  readonly attn: SelfAttention;
  readonly norm1: TokenNorm;
  readonly dropPath1: DropPath;
  readonly mlp: TokenMlp;
  readonly norm2: TokenNorm;
  readonly dropPath2: DropPath;

  constructor(config: ViTConfig, parts: BlockParts) {
    super();
    const { width, layerScale } = config;
    const scale = layerScale === undefined ? undefined : constant(layerScale);
    this.attn = attentionOf(config, parts);
    this.norm1 = parts.norm(width, scale);
    this.dropPath1 = new DropPath(parts.dropPath);
    this.mlp = mlpOf(config, parts);
    this.norm2 = parts.norm(width, scale);
    this.dropPath2 = new DropPath(parts.dropPath);
  }

  forward(z: Tensor, mode: Mode): Tensor {
    const attended = this.norm1.forward(this.attn.forward(z, mode));
    const between = z.add(this.dropPath1.forward(attended, mode));
    const made = this.norm2.forward(this.mlp.forward(between, mode));
    return tap("", between.add(this.dropPath2.forward(made, mode)));
  }
}

/** Two attentions side by side, then two MLPs side by side. @source Touvron et al., "Three things everyone should know about Vision Transformers", arXiv:2203.09795, section 3 */
class ParallelThingsBlock extends Module {
  readonly attns: readonly AttentionBranch[];
  readonly ffns: readonly MlpBranch[];

  constructor(config: ViTConfig, parts: BlockParts) {
    super();
    this.attns = [0, 1].map(() => new AttentionBranch(config, parts));
    this.ffns = [0, 1].map(() => new MlpBranch(config, parts));
  }

  forward(z: Tensor, mode: Mode): Tensor {
    const side = (branches: readonly (AttentionBranch | MlpBranch)[], x: Tensor): Tensor =>
      branches.map((branch) => branch.forward(x, mode)).reduce((sum, y) => sum.add(y));
    const between = z.add(side(this.attns, z));
    return tap("", between.add(side(this.ffns, between)));
  }
}

class AttentionBranch extends Module {
  readonly norm: TokenNorm;
  readonly attn: SelfAttention;
  readonly ls: LayerScale | undefined;
  readonly dropPath: DropPath;

  constructor(config: ViTConfig, parts: BlockParts) {
    super();
    this.norm = parts.norm(config.width);
    this.attn = attentionOf(config, parts);
    this.ls = config.layerScale ? new LayerScale(config.width, config.layerScale) : undefined;
    this.dropPath = new DropPath(parts.dropPath);
  }

  forward(z: Tensor, mode: Mode): Tensor {
    const y = this.attn.forward(this.norm.forward(z), mode);
    return this.dropPath.forward(this.ls ? this.ls.forward(y) : y, mode);
  }
}

class MlpBranch extends Module {
  readonly norm: TokenNorm;
  readonly mlp: TokenMlp;
  readonly ls: LayerScale | undefined;
  readonly dropPath: DropPath;

  constructor(config: ViTConfig, parts: BlockParts) {
    super();
    this.norm = parts.norm(config.width);
    this.mlp = mlpOf(config, parts);
    this.ls = config.layerScale ? new LayerScale(config.width, config.layerScale) : undefined;
    this.dropPath = new DropPath(parts.dropPath);
  }

  forward(z: Tensor, mode: Mode): Tensor {
    const y = this.mlp.forward(this.norm.forward(z), mode);
    return this.dropPath.forward(this.ls ? this.ls.forward(y) : y, mode);
  }
}

type SelfAttention = Attention | DifferentialAttention;
type TokenMlp = Mlp | SwiGlu | PackedSwiGlu;

function attentionOf(config: ViTConfig, { norm, init, index }: BlockParts): SelfAttention {
  const options = {
    headWidth: config.headWidth,
    qkvBias: config.qkvBias,
    projBias: config.projBias,
    qkNorm: config.qkNorm ? norm : undefined,
    norm: config.attnNorm ? norm : undefined,
    attnDropout: config.attnDropout,
    dropout: config.dropout,
    init,
  };
  return config.attention === "softmax"
    ? new Attention(config.width, config.heads, options)
    : new DifferentialAttention(config.width, config.heads, index, options);
}

function mlpOf(config: ViTConfig, { norm, mlpInit }: BlockParts): TokenMlp {
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
