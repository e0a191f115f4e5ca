/** Attention that gathers all tokens into one. */

import { at, dims, expand, rearrange, split, type Tensor } from "../tensor/index.ts";
import { attend, checkHeads } from "./attention.ts";
import { Dropout } from "./drop.ts";
import { truncatedNormalTf } from "./init.ts";
import { Linear, type LinearInit } from "./linear.ts";
import { Mlp, type MlpOptions } from "./mlp.ts";
import { type Mode, Module, type Parameter, parameter } from "./module.ts";
import type { TokenNorm, TokenNormMaker } from "./norm.ts";

/** What an attention pool may be told besides its sizes. */
export interface AttentionPoolOptions {
  readonly mlpWidth: number;
  readonly norm: TokenNormMaker;
  readonly mlp?: MlpOptions;
  readonly init?: LinearInit | undefined;
}

/**
 * A learned query attends to all tokens; its answer goes through an MLP with a residual. The attention itself has no residual.
 * @source Lee et al., "Set Transformer", arXiv:1810.00825; Zhai et al., arXiv:2106.04560; names as timm/layers/attention_pool.py AttentionPoolLatent
 */
export class AttentionPool extends Module {
  /** [1, 1, d]. */
  readonly latent: Parameter;
  readonly q: Linear;
  readonly kv: Linear;
  readonly proj: Linear;
  readonly norm: TokenNorm;
  readonly mlp: Mlp;
  readonly #heads: number;
  readonly #noDrop = new Dropout(0);

  /** @param heads divides `width` */
  constructor(width: number, heads: number, { mlpWidth, norm, mlp, init }: AttentionPoolOptions) {
    super();
    checkHeads(width, heads);
    this.latent = parameter([1, 1, width], truncatedNormalTf(width ** -0.5));
    this.q = new Linear(width, width, { init });
    this.kv = new Linear(width, 2 * width, { init });
    this.proj = new Linear(width, width, { init });
    this.norm = norm(width);
    this.mlp = new Mlp(width, mlpWidth, { init, ...mlp });
    this.#heads = heads;
  }

  /** [b, n, d] → [b, d]. */
  forward(x: Tensor, mode: Mode): Tensor {
    const { b, d } = dims(x, "b n d");
    const apart = (t: Tensor): Tensor => rearrange(t, "b n (a k) -> b a n k", { a: this.#heads });
    const q = apart(this.q.forward(expand(this.latent, [b, 1, d]), mode)); //             [b, a, 1, k]
    const [k, v] = split(this.kv.forward(x, mode), 2, -1).map(apart) as [Tensor, Tensor]; // [b, a, n, k] each
    const y = rearrange(attend(q, k, v, this.#noDrop, mode), "b a n k -> b n (a k)"); // [b, 1, d]
    const z = this.proj.forward(y, mode); //                                              [b, 1, d]
    return at(z.add(this.mlp.forward(this.norm.forward(z), mode)), 1, 0); //        [b, d]
  }
}
