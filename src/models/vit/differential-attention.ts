/**
 * Differential attention: the difference of two attentions, so that what both see by accident cancels.
 *
 * Ye et al., "Differential Transformer", arXiv:2410.05258, equations (1)–(3). Reference code and names: timm/layers/diff_attention.py.
 * Axes: a heads · k width of one of a head's two queries (half a head's width)
 */

import { type AttentionOptions, checkHeads } from "../../nn/attention.ts";
import { Dropout } from "../../nn/drop.ts";
import { normal } from "../../nn/init.ts";
import { Linear } from "../../nn/linear.ts";
import { type Mode, Module, type Parameter, parameter } from "../../nn/module.ts";
import { RmsNorm, type TokenNorm } from "../../nn/norm.ts";
import { dims, exp, rearrange, softmax, split, sum, type Tensor, tap } from "../../tensor/index.ts";

/** What weighs the second attention against the first. */
export interface DifferenceParts {
  readonly lambdaQ1: Parameter;
  readonly lambdaK1: Parameter;
  readonly lambdaQ2: Parameter;
  readonly lambdaK2: Parameter;
  readonly subNorm: TokenNorm;
}

/** The learned parts of a difference. @param k width of one query */
export function differenceParts(k: number): DifferenceParts {
  const lambda = (): Parameter => parameter([k], normal(0.1));
  const subNorm = new RmsNorm(2 * k, { eps: 1e-5 });
  return { lambdaQ1: lambda(), lambdaK1: lambda(), lambdaQ2: lambda(), lambdaK2: lambda(), subNorm };
}

/** λ_init of a block, from its position in the stack. */
export function initialLambda(index: number): number {
  return 0.8 - 0.6 * Math.exp(-0.3 * index);
}

/**
 * (softmax(q₁k₁ᵀ/√k) − λ softmax(q₂k₂ᵀ/√k)) v, normalised for each head.
 * @param q [b, 2a, n, k], each head's two queries side by side; k as q; v: [b, a, n, 2k]
 * @returns [b, a, n, 2k]; the difference [b, a, n, n] is tapped as `probs`
 */
export function attendDifferentially(
  [q, k, v]: readonly [Tensor, Tensor, Tensor],
  parts: DifferenceParts,
  lambdaInit: number,
  drop: Dropout,
  mode: Mode,
): Tensor {
  const { k: width } = dims(q, "b _ n k");
  const scores = q.mul(width ** -0.5).matmul(k.transpose([0, 1, 3, 2])); //      [b, 2a, n, n]
  const both = drop.forward(softmax(scores), mode);
  const pairs = rearrange(both, "b (a p) n m -> b a p n m", { p: 2 }); //        [b, a, 2, n, n]
  const [first, second] = split(pairs, 2, 2).map((t) => rearrange(t, "b a p n m -> b (a p) n m")) as [Tensor, Tensor];
  const lambda = exp(sum(parts.lambdaQ1.mul(parts.lambdaK1)))
    .sub(exp(sum(parts.lambdaQ2.mul(parts.lambdaK2))))
    .add(lambdaInit); //                                                         []
  const probs = tap("probs", first.sub(lambda.mul(second))); //                  [b, a, n, n]
  return parts.subNorm.forward(probs.matmul(v)).mul(1 - lambdaInit); //          [b, a, n, 2k]
}

/** Multi-head self-attention by differences. */
export class DifferentialAttention extends Module implements DifferenceParts {
  readonly qkv: Linear;
  readonly qNorm: TokenNorm | undefined;
  readonly kNorm: TokenNorm | undefined;
  readonly lambdaQ1: Parameter;
  readonly lambdaK1: Parameter;
  readonly lambdaQ2: Parameter;
  readonly lambdaK2: Parameter;
  readonly subNorm: TokenNorm;
  readonly norm: TokenNorm | undefined;
  readonly proj: Linear;
  readonly attnDrop: Dropout;
  readonly projDrop: Dropout;
  readonly #heads: number;
  readonly #lambdaInit: number;

  /** @param index position of the block in the stack, from 0 */
  constructor(width: number, heads: number, index: number, options: AttentionOptions = {}) {
    super();
    checkHeads(width, 2 * heads);
    const { qkvBias = true, projBias = true, init } = options;
    const k = width / heads / 2;
    this.qkv = new Linear(width, 3 * width, { bias: qkvBias, init });
    this.qNorm = options.qkNorm?.(k);
    this.kNorm = options.qkNorm?.(k);
    const parts = differenceParts(k);
    this.lambdaQ1 = parts.lambdaQ1;
    this.lambdaK1 = parts.lambdaK1;
    this.lambdaQ2 = parts.lambdaQ2;
    this.lambdaK2 = parts.lambdaK2;
    this.subNorm = parts.subNorm;
    this.norm = options.norm?.(width);
    this.proj = new Linear(width, width, { bias: projBias, init });
    this.attnDrop = new Dropout(options.attnDropout ?? 0);
    this.projDrop = new Dropout(options.dropout ?? 0);
    this.#heads = heads;
    this.#lambdaInit = initialLambda(index);
  }

  /** [b, n, d] → [b, n, d]. */
  forward(x: Tensor, mode: Mode): Tensor {
    const [a, twice] = [{ a: this.#heads }, { a: 2 * this.#heads }];
    const [q, k, v] = split(this.qkv.forward(x, mode), 3, -1) as [Tensor, Tensor, Tensor]; // [b, n, d] each
    const pattern = "b n (a k) -> b a n k";
    let [queries, keys] = [rearrange(q, pattern, twice), rearrange(k, pattern, twice)]; // [b, 2a, n, k] each
    if (this.qNorm) queries = this.qNorm.forward(queries);
    if (this.kNorm) keys = this.kNorm.forward(keys);
    const heads = [queries, keys, rearrange(v, pattern, a)] as const;
    const mixed = attendDifferentially(heads, this, this.#lambdaInit, this.attnDrop, mode);
    let y = rearrange(mixed, "b a n k -> b n (a k)"); //                                  [b, n, d]
    if (this.norm) y = this.norm.forward(y);
    return this.projDrop.forward(this.proj.forward(y, mode), mode); //                    [b, n, d]
  }
}
