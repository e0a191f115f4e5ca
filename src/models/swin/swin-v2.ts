/**
 * Swin Transformer V2: cosine attention, positions from a small network of log-spaced offsets, normalisation after each branch.
 *
 * Liu et al., "Swin Transformer V2: Scaling Up Capacity and Resolution", arXiv:2111.09883; Figure 1, equations (1)–(4).
 * Reference code and names: timm 1.0.29, timm/models/swin_transformer_v2.py. Others: microsoft/Swin-Transformer, Hugging Face, by rules in
 * weights/swin-rules.ts. Stages, and the way through them: pyramid.ts.
 *
 * Departs from the paper: what the authors' code adds, as 16 · sigmoid around the small network, a factor of 8 in its log-spaced input, no bias of the keys.
 *
 * Axes: b batch · h w map of tokens · d width · g windows · n places of a window · a heads · k width per head. Where windows are shifted, nn/windows.ts lays
 * them along heads, not images, for speed: [b, n, g, d] and [b, g·a, n, k]. Nothing here depends on it.
 */

import { Dropout, DropPath } from "../../nn/drop.ts";
import { constant, zeros } from "../../nn/init.ts";
import { Linear } from "../../nn/linear.ts";
import { Mlp } from "../../nn/mlp.ts";
import { type Mode, Module, type Parameter, parameter } from "../../nn/module.ts";
import { LayerNorm } from "../../nn/norm.ts";
import type { GridSize } from "../../nn/positions.ts";
import {
  forEachWindow,
  fromWindows,
  joinWindowHeads,
  toWindows,
  type Windows,
  windowBias,
  windowHeads,
} from "../../nn/windows.ts";
import {
  clip,
  concat,
  dims,
  exp,
  full,
  linear,
  maximum,
  norm,
  relu,
  sigmoid,
  softmax,
  split,
  type Tensor,
  tap,
  tensor,
} from "../../tensor/index.ts";
import { type SwinConfig, type SwinOptions, stageWidth, stageWindows, swinConfig } from "./config.ts";
import { type BlockPlace, init, mergeNeighbours, SwinPyramid } from "./pyramid.ts";
import { windowsAt } from "./windows.ts";

/** The pyramid of version 1, of other parts. */
export class SwinV2 extends SwinPyramid {
  /** @param options what differs from SwinV2-T with windows of 7 at 224 pixels with 1000 classes */
  constructor(options: SwinOptions = {}) {
    super(swinConfig(options), {
      block: (config, place) => new Block(config, place),
      merging: (width, eps) => new PatchMerging(width, eps),
    });
  }
}

/** As in version 1, but normalised after the map. */
class PatchMerging extends Module {
  readonly reduction: Linear;
  readonly norm: LayerNorm;

  constructor(width: number, eps: number) {
    super();
    this.reduction = new Linear(4 * width, 2 * width, { bias: false, init });
    this.norm = new LayerNorm(2 * width, { eps });
  }

  /** [b, h, w, d] → [b, ⌈h/2⌉, ⌈w/2⌉, 2d]. */
  forward(x: Tensor): Tensor {
    return tap("", this.norm.forward(this.reduction.forward(mergeNeighbours(x))));
  }
}

/** Normalises what each branch adds: Figure 1. Its normalisations begin at 0, so that a block begins as the identity. */
class Block extends Module {
  readonly attn: CosineWindowAttention;
  readonly norm1: LayerNorm;
  readonly dropPath1: DropPath;
  readonly mlp: Mlp;
  readonly norm2: LayerNorm;
  readonly dropPath2: DropPath;

  constructor(config: SwinConfig, { stage, shifted, dropPath }: BlockPlace) {
    super();
    const { eps, activation, dropout } = config;
    const width = stageWidth(config, stage);
    this.attn = new CosineWindowAttention(config, stage, shifted);
    this.norm1 = new LayerNorm(width, { eps, scale: zeros });
    this.dropPath1 = new DropPath(dropPath);
    this.mlp = new Mlp(width, Math.trunc(width * config.mlpRatios[stage]!), { activation, dropout, init });
    this.norm2 = new LayerNorm(width, { eps, scale: zeros });
    this.dropPath2 = new DropPath(dropPath);
  }

  /** [b, h, w, d] → [b, h, w, d]. */
  forward(z: Tensor, mode: Mode): Tensor {
    const attended = this.norm1.forward(this.attn.forward(z, mode));
    const between = z.add(this.dropPath1.forward(attended, mode));
    const made = this.norm2.forward(this.mlp.forward(between, mode));
    return tap("", between.add(this.dropPath2.forward(made, mode)));
  }
}

/** softmax(cos(q, k) / τ + B) v inside each window: equation (2), with B of equation (3). */
class CosineWindowAttention extends Module {
  /** ln(1 / τ) of each head. */
  readonly logitScale: Parameter;
  readonly qBias: Parameter | undefined;
  readonly vBias: Parameter | undefined;
  /** The small network of equation (3): `0` and `2`, with ReLU between. */
  readonly cpbMlp: readonly [Linear, undefined, Linear];
  readonly qkv: Linear;
  readonly proj: Linear;
  readonly attnDrop: Dropout;
  readonly projDrop: Dropout;
  readonly #heads: number;
  readonly #offsets: Float32Array;
  readonly #windowsOf: (map: GridSize) => Windows;

  constructor(config: SwinConfig, stage: number, shifted: boolean) {
    super();
    const { qkvBias, attnDropout, dropout } = config;
    const [width, heads] = [stageWidth(config, stage), config.heads[stage]!];
    this.logitScale = parameter([heads, 1, 1], constant(Math.log(10)));
    this.qBias = qkvBias ? parameter([width], zeros) : undefined;
    this.vBias = qkvBias ? parameter([width], zeros) : undefined;
    this.cpbMlp = [new Linear(2, 512, { init }), undefined, new Linear(512, heads, { bias: false, init })];
    this.qkv = new Linear(width, 3 * width, { bias: false, init });
    this.proj = new Linear(width, width, { init });
    this.attnDrop = new Dropout(attnDropout);
    this.projDrop = new Dropout(dropout);
    this.#heads = heads;
    this.#offsets = logOffsets(stageWindows(config, stage).window, config.pretrainedWindows[stage]!);
    this.#windowsOf = (map) => windowsAt(config, stage, shifted, map);
  }

  /** [b, h, w, d] → [b, h, w, d]. The weights are tapped as `probs`: [b·g, a, n, n], or [b, g·a, n, n] where windows are shifted. */
  forward(x: Tensor, mode: Mode): Tensor {
    const { b, h, w } = dims(x, "b h w _");
    const windows = this.#windowsOf([h as number, w as number]);
    const apart = (t: Tensor): Tensor => windowHeads(t, windows, this.#heads);
    const z = toWindows(x, windows); //                                             [b, g, n, d]
    const [q, k, v] = split(this.#queriesKeysValues(z), 3, -1).map(apart) as [Tensor, Tensor, Tensor]; // [b·g, a, n, k] each
    const sharpness = exp(clip(this.logitScale, undefined, Math.log(100))); //      [a, 1, 1]   1 / τ, τ ≥ 0.01
    const scaled = unit(q).mul(forEachWindow(sharpness, windows));
    const scores = scaled.matmul(unit(k).transpose([0, 1, 3, 2])); //               [b·g, a, n, n]   cos(q, k) / τ
    const bias = windowBias(this.#biasTable(), windows); //                         B, and −150 between what the shift brought together
    const probs = tap("probs", softmax(scores.add(bias))); //                       [b·g, a, n, n]
    const mixed = this.attnDrop.forward(probs, mode).matmul(v); //                  [b·g, a, n, k]
    const y = this.proj.forward(joinWindowHeads(mixed, windows, b)); //             [b, g, n, d]
    return fromWindows(this.projDrop.forward(y, mode), windows); //                 [b, h, w, d]
  }

  /** [.., d] → [.., 3d]; keys have no bias. */
  #queriesKeysValues(z: Tensor): Tensor {
    if (!this.qBias || !this.vBias) return this.qkv.forward(z);
    const bias = concat([this.qBias, full(this.qBias.shape, 0), this.vBias], 0); // [3d]
    return linear(z, this.qkv.weight, bias);
  }

  /** 16 · sigmoid(G(Δx̂, Δŷ)): [(2h − 1)(2w − 1), a]. */
  #biasTable(): Tensor {
    const [hidden, , out] = this.cpbMlp;
    const offsets = tensor(this.#offsets, [this.#offsets.length / 2, 2]);
    return sigmoid(out.forward(relu(hidden.forward(offsets)))).mul(16);
  }
}

/** x / ‖x‖ over the last axis. @source torch.nn.functional.normalize, ε 1e-12 */
function unit(x: Tensor): Tensor {
  return x.div(maximum(norm(x, { axes: [-1], keepDims: true }), 1e-12));
}

/**
 * Every offset of a window, row by row: sign(Δ) · log₈(1 + 8 |Δ| / (side − 1)), equation (4).
 * @param pretrained the window whose side counts, [0, 0] for this one
 */
function logOffsets(window: GridSize, pretrained: GridSize): Float32Array {
  const [h, w] = window;
  const spaced = (axis: 0 | 1, delta: number): number => {
    const side = pretrained[0] > 0 ? pretrained[axis] : window[axis];
    // A window of one place has one offset, 0.
    const share = delta === 0 ? 0 : (8 * delta) / (side - 1);
    return (Math.sign(share) * Math.log2(Math.abs(share) + 1)) / Math.log2(8);
  };
  const across = 2 * w - 1;
  return Float32Array.from({ length: 2 * (2 * h - 1) * across }, (_, i) => {
    const offset = i >> 1;
    return i % 2 === 0 ? spaced(0, Math.floor(offset / across) - h + 1) : spaced(1, (offset % across) - w + 1);
  });
}
