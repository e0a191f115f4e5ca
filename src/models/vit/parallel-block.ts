/**
 * The block of ViT-22B: attention and MLP side by side, fed by one map.
 *
 * Dehghani et al., "Scaling Vision Transformers to 22 Billion Parameters", arXiv:2302.05442, section 2.
 * Reference code and names: timm/models/vision_transformer.py ParallelScalingBlock and, with differential attention, DiffParallelScalingBlock.
 */

import { type Activation, activate } from "../../nn/activations.ts";
import { attend } from "../../nn/attention.ts";
import { Dropout, DropPath } from "../../nn/drop.ts";
import { zeros } from "../../nn/init.ts";
import { Linear } from "../../nn/linear.ts";
import { type Mode, Module, type Parameter, parameter } from "../../nn/module.ts";
import { LayerScale, type TokenNorm } from "../../nn/norm.ts";
import { concat, rearrange, split, type Tensor, tap } from "../../tensor/index.ts";
import type { BlockParts } from "./blocks.ts";
import type { ViTConfig } from "./config.ts";
import {
  attendDifferentially,
  type DifferenceParts,
  differenceParts,
  initialLambda,
} from "./differential-attention.ts";

/** z + out(attention(LN z), act(MLP half of LN z)). */
export class ParallelScalingBlock extends Module {
  readonly inNorm: TokenNorm;
  readonly inProj: Linear;
  /** The MLP's first bias where queries, keys and values have none. */
  readonly mlpBias: Parameter | undefined;
  readonly qNorm: TokenNorm | undefined;
  readonly kNorm: TokenNorm | undefined;
  readonly lambdaQ1: Parameter | undefined;
  readonly lambdaK1: Parameter | undefined;
  readonly lambdaQ2: Parameter | undefined;
  readonly lambdaK2: Parameter | undefined;
  readonly subNorm: TokenNorm | undefined;
  /** Both results through one map (differential) or through one map each. */
  readonly outProj: Linear | undefined;
  readonly attnOutProj: Linear | undefined;
  readonly mlpOutProj: Linear | undefined;
  readonly ls: LayerScale | undefined;
  readonly attnDrop: Dropout;
  readonly mlpDrop: Dropout;
  readonly dropPath: DropPath;
  readonly #mlpWidth: number;
  readonly #heads: number;
  readonly #activation: Activation;
  readonly #difference: DifferenceParts | undefined;
  readonly #lambdaInit: number;

  constructor(config: ViTConfig, { norm, init, dropPath, index }: BlockParts) {
    super();
    const { width, heads, mlpWidth, qkvBias, projBias, layerScale } = config;
    const differs = config.attention === "differential";
    const k = width / heads / (differs ? 2 : 1);
    this.inNorm = norm(width);
    this.inProj = new Linear(width, mlpWidth + 3 * width, { bias: qkvBias, init });
    this.mlpBias = qkvBias ? undefined : parameter([mlpWidth], zeros);
    this.qNorm = config.qkNorm ? norm(k) : undefined;
    this.kNorm = config.qkNorm ? norm(k) : undefined;
    this.#difference = differs ? differenceParts(k) : undefined;
    this.lambdaQ1 = this.#difference?.lambdaQ1;
    this.lambdaK1 = this.#difference?.lambdaK1;
    this.lambdaQ2 = this.#difference?.lambdaQ2;
    this.lambdaK2 = this.#difference?.lambdaK2;
    this.subNorm = this.#difference?.subNorm;
    const out = (from: number): Linear => new Linear(from, width, { bias: projBias, init });
    this.outProj = differs ? out(width + mlpWidth) : undefined;
    this.attnOutProj = differs ? undefined : out(width);
    this.mlpOutProj = differs ? undefined : out(mlpWidth);
    this.ls = layerScale === undefined ? undefined : new LayerScale(width, layerScale);
    this.attnDrop = new Dropout(config.attnDropout);
    this.mlpDrop = new Dropout(config.dropout);
    this.dropPath = new DropPath(dropPath);
    this.#mlpWidth = mlpWidth;
    this.#heads = heads;
    this.#activation = config.activation;
    this.#lambdaInit = initialLambda(index);
  }

  /** [b, n, d] → [b, n, d]. */
  forward(z: Tensor, mode: Mode): Tensor {
    const d = z.shape[2] as number;
    const parts = split(this.inProj.forward(this.inNorm.forward(z), mode), [this.#mlpWidth, d, d, d], -1);
    const [first, q, k, v] = parts as [Tensor, Tensor, Tensor, Tensor]; //             [b, n, e], [b, n, d] each
    const hidden = activate(this.mlpBias ? first.add(this.mlpBias) : first, this.#activation);
    const made = this.mlpDrop.forward(hidden, mode); //                                [b, n, e]
    const attended = this.#attend(q, k, v, mode); //                                   [b, n, d]
    let y = this.outProj
      ? this.outProj.forward(concat([attended, made], -1), mode)
      : this.attnOutProj!.forward(attended, mode).add(this.mlpOutProj!.forward(made, mode)); // [b, n, d]
    if (this.ls) y = this.ls.forward(y);
    return tap("", z.add(this.dropPath.forward(y, mode)));
  }

  #attend(q: Tensor, k: Tensor, v: Tensor, mode: Mode): Tensor {
    const difference = this.#difference;
    const apart = (t: Tensor, heads: number): Tensor => rearrange(t, "b n (a k) -> b a n k", { a: heads });
    const each = difference ? 2 * this.#heads : this.#heads;
    let [queries, keys] = [apart(q, each), apart(k, each)];
    if (this.qNorm) queries = this.qNorm.forward(queries);
    if (this.kNorm) keys = this.kNorm.forward(keys);
    const values = apart(v, this.#heads);
    const mixed = difference
      ? attendDifferentially([queries, keys, values], difference, this.#lambdaInit, this.attnDrop, mode)
      : attend(queries, keys, values, this.attnDrop, mode);
    return rearrange(mixed, "b a n k -> b n (a k)");
  }
}
