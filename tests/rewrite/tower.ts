/** A small transformer encoder to rewrite. */

import type { Dim } from "../../src/graph/dim.ts";
import type { Graph } from "../../src/graph/graph.ts";
import type { Value } from "../../src/graph/value.ts";
import { Attention } from "../../src/nn/attention.ts";
import { Mlp } from "../../src/nn/mlp.ts";
import { evaluation, Module } from "../../src/nn/module.ts";
import { LayerNorm } from "../../src/nn/norm.ts";
import { input, type Tensor, trace } from "../../src/tensor/index.ts";
import { graphOf } from "./run.ts";

class Block extends Module {
  readonly norm1: LayerNorm = new LayerNorm(8);
  readonly attn: Attention = new Attention(8, 2);
  readonly norm2: LayerNorm = new LayerNorm(8);
  readonly mlp: Mlp = new Mlp(8, 16);

  forward(x: Tensor): Tensor {
    const y = x.add(this.attn.forward(this.norm1.forward(x), evaluation));
    return y.add(this.mlp.forward(this.norm2.forward(y), evaluation));
  }
}

/** Pre-norm blocks of width 8 with 2 heads, and a last norm. */
export class Tower extends Module {
  readonly blocks: readonly Block[];
  readonly norm: LayerNorm = new LayerNorm(8);

  constructor(depth: number) {
    super();
    this.blocks = Array.from({ length: depth }, () => new Block());
    this.initialize(5);
  }

  /** [b, n, 8] → [b, n, 8]. */
  forward(x: Tensor): Tensor {
    return this.norm.forward(this.blocks.reduce((z, block) => block.forward(z), x));
  }
}

/** The graph of results of a tower on `x` [b, 7, 8], and its taps. */
export function traceTower(
  depth: number,
  b: Dim,
  results: (y: Tensor) => Readonly<Record<string, Tensor>>,
): { readonly graph: Graph; readonly taps: ReadonlyMap<string, Value>; readonly tower: Tower } {
  const tower = new Tower(depth);
  const x = input("x", [b, 7, 8]);
  const { result, taps } = trace(() => results(tower.forward(x)));
  return { graph: graphOf([x], result), taps, tower };
}
